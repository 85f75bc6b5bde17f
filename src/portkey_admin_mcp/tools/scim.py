"""SCIM groups and their workspaces. No scopes are documented: an organisation key is needed."""

from ..models.core.base import Done
from ..models.core.paging import Page
from ..models.scim import (
    GroupFilter,
    Mapping,
    MappingDraft,
    MappingFilter,
    MappingId,
    MappingPage,
    ScimGroup,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool


@tool("GET /scim/workspaces", scope=None, enterprise=True)
async def list_scim_workspace_mappings(api: Portkey, filter: MappingFilter) -> MappingPage:
    """List which identity-provider groups have which role in which workspace."""
    ...


@tool("POST /scim/workspaces", scope=None, enterprise=True)
async def create_scim_workspace_mapping(api: Portkey, draft: MappingDraft) -> Mapping:
    """Give everybody in a group a role in a workspace; a group has one role everywhere.

    For one person use `add_workspace_member`.
    """
    ...


@tool("DELETE /scim/workspaces/{mapping_id}", scope=None, enterprise=True)
async def delete_scim_workspace_mapping(api: Portkey, mapping_id: MappingId) -> Done:
    """Take a mapping back; those who are members already stay members."""
    ...


@tool(
    "GET /v2/scim/groups",
    scope=None,
    base="root",
    enterprise=True,
    unconfirmed="Portkey's changelog has it under /v1, newer clients call /v2.",
)
async def list_scim_groups(api: Portkey, filter: GroupFilter) -> Page[ScimGroup]:
    """List the groups of the identity provider."""
    ...

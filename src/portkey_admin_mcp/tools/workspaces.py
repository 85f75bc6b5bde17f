"""Workspaces and their members."""

from ..models.core.base import Done
from ..models.core.paging import Page
from ..models.core.vocabulary import UserId, WorkspaceId
from ..models.workspace_security import SecuritySettings
from ..models.workspaces import (
    Member,
    MemberDraft,
    MemberFilter,
    MemberPatch,
    Workspace,
    WorkspaceDeletion,
    WorkspaceDraft,
    WorkspaceFilter,
    WorkspacePatch,
)
from ..portkey.api import Portkey
from ..portkey.catalog import Dependants, tool


@tool("GET /admin/workspaces", scope="workspaces.list")
async def list_workspaces(api: Portkey, filter: WorkspaceFilter) -> Page[Workspace]:
    """List workspaces with defaults and limits."""
    ...


@tool("GET /admin/workspaces/{workspace_id}", scope="workspaces.read")
async def get_workspace(api: Portkey, workspace_id: WorkspaceId) -> Workspace:
    """Read one workspace with its members and settings."""
    ...


@tool("POST /admin/workspaces", scope="workspaces.create")
async def create_workspace(api: Portkey, draft: WorkspaceDraft) -> Workspace:
    """Create a workspace for a team."""
    ...


@tool("PUT /admin/workspaces/{workspace_id}", scope="workspaces.update")
async def update_workspace(api: Portkey, workspace_id: WorkspaceId, patch: WorkspacePatch) -> Done:
    """Change a workspace; what is left out stays. A list replaces the old one."""
    ...


@tool("PUT /admin/workspaces/{workspace_id}", scope="workspaces.update", is_listed=False)
async def update_workspace_security_settings(
    api: Portkey, workspace_id: WorkspaceId, settings: SecuritySettings
) -> Done:
    """Replace all security settings; the workflow of this name reads and merges them."""
    ...


@tool("DELETE /admin/workspaces/{workspace_id}", scope="workspaces.delete", is_listed=False)
async def delete_workspace(
    api: Portkey, workspace_id: WorkspaceId, deletion: WorkspaceDeletion
) -> Done:
    """Delete a workspace whose name is known; the workflow of this name looks the name up."""
    ...


@tool("POST /admin/workspaces/{workspace_id}/users", scope="workspace_users.create")
async def add_workspace_member(api: Portkey, workspace_id: WorkspaceId, draft: MemberDraft) -> Done:
    """Add a user of the organisation to a workspace.

    For someone who is not a user yet use `invite_user`.
    """
    ...


@tool("GET /admin/workspaces/{workspace_id}/users", scope="workspace_users.list")
async def list_workspace_members(
    api: Portkey, workspace_id: WorkspaceId, filter: MemberFilter
) -> Page[Member]:
    """List the people of a workspace."""
    ...


@tool("GET /admin/workspaces/{workspace_id}/users/{user_id}", scope="workspace_users.read")
async def get_workspace_member(api: Portkey, workspace_id: WorkspaceId, user_id: UserId) -> Member:
    """Read one member's role."""
    ...


@tool("PUT /admin/workspaces/{workspace_id}/users/{user_id}", scope="workspace_users.update")
async def update_workspace_member(
    api: Portkey, workspace_id: WorkspaceId, user_id: UserId, patch: MemberPatch
) -> Done:
    """Change a member's role in one workspace."""
    ...


@tool(
    "DELETE /admin/workspaces/{workspace_id}/users/{user_id}",
    scope="workspace_users.delete",
    dependants=(
        Dependants(
            "API keys of this person in the workspace",
            "GET /api-keys",
            query=(("workspace_id", "workspace_id"),),
            where="user_id",
            of="user_id",
        ),
    ),
)
async def remove_workspace_member(api: Portkey, workspace_id: WorkspaceId, user_id: UserId) -> Done:
    """Take a user out of a workspace.

    To remove them from the organisation use `delete_user`.
    """
    ...

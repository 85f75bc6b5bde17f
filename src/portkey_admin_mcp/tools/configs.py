"""Configs: how the gateway routes, retries, caches and guards requests."""

from ..models.configs import Config, ConfigDraft, ConfigPage, ConfigPatch, ConfigRef
from ..models.core.base import Done
from ..models.core.paging import PagedHere
from ..models.core.vocabulary import ConfigSlug, WorkspaceSelector
from ..portkey.api import Portkey
from ..portkey.catalog import LastUse, tool
from ..portkey.references import API_KEYS, WORKSPACES

USES = (
    API_KEYS.at("defaults.config_id", query=(("workspace_id", "workspace_id"),)),
    WORKSPACES.at("defaults.user_api_key_config"),
)
LAST_USE = LastUse("config", "configs")


@tool("GET /configs", scope="configs.list")
async def list_configs(api: Portkey, workspace: WorkspaceSelector, paging: PagedHere) -> ConfigPage:
    """List a workspace's configs, without their content; see `get_config`."""
    ...


@tool("GET /configs/{slug}", scope="configs.read")
async def get_config(api: Portkey, slug: ConfigSlug, workspace: WorkspaceSelector) -> Config:
    """Read a config in its current version."""
    ...


@tool("POST /configs", scope="configs.create")
async def create_config(api: Portkey, draft: ConfigDraft) -> ConfigRef:
    """Create a gateway config: routing, fallback, retries, cache, guardrails.

    Give the whole `config`, or the short forms for simple ones: portkey://guides/configs.
    """
    ...


@tool(
    "PUT /configs/{slug}",
    scope="configs.update",
    is_repeatable=False,
    high_risk_if=(("status=inactive", "requests that use it fail at once"),),
    dependants=USES,
    last_use=LAST_USE,
)
async def update_config(api: Portkey, slug: ConfigSlug, patch: ConfigPatch) -> ConfigRef:
    """Change a config; new content replaces all of the old and makes a new version.

    To change a part, read it with `get_config` and send it whole.
    """
    ...


@tool(
    "DELETE /configs/{slug}",
    scope="configs.delete",
    is_restorable=True,
    dependants=USES,
    last_use=LAST_USE,
)
async def delete_config(api: Portkey, slug: ConfigSlug, workspace: WorkspaceSelector) -> Done:
    """Delete a config with all versions; refused while a key or workspace uses it.

    Cannot be undone.
    """
    ...


@tool("GET /configs/{slug}/versions", scope="configs.list")
async def list_config_versions(
    api: Portkey, slug: ConfigSlug, workspace: WorkspaceSelector
) -> ConfigPage:
    """List a config's versions with their content, newest first."""
    ...

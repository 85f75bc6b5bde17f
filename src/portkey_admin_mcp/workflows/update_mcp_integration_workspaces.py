"""Let workspaces use an MCP integration, and say which grants have no effect."""

from ..errors import PortkeyAdminError
from ..models.core.base import Done
from ..models.mcp_integrations import McpIntegrationId, WorkspaceAccesses
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.mcp_integrations import get_mcp_integration
from ..tools.mcp_integrations import (
    update_mcp_integration_workspaces as update_mcp_integration_workspaces_request,
)

DOMAIN = "mcp_integrations"

ACCESS_TAKEN = (
    ("workspaces.enabled=false", "it takes access from workspaces"),
    ("override_existing_workspace_access=true", "workspaces that are not named lose access"),
    ("global_workspace_access.enabled=false", "it takes access from workspaces"),
)


@workflow(
    update_mcp_integration_workspaces_request,
    optional=(get_mcp_integration,),
    effect="overwrite",
    high_risk_if=ACCESS_TAKEN,
)
async def update_mcp_integration_workspaces(
    api: Portkey, id: McpIntegrationId, accesses: WorkspaceAccesses
) -> Done:
    """Say which workspaces may use the organisation's MCP integration; those not named stay.

    They use it through `create_mcp_server`.
    """
    done = await update_mcp_integration_workspaces_request(api, id, accesses)
    return done.with_notes(*await _notes(api, id, accesses))


async def _notes(api: Portkey, id: str, accesses: WorkspaceAccesses) -> list[str]:
    """A note if the integration is a workspace's own, which no other workspace can use."""
    is_global = accesses.given("global_workspace_access") and bool(
        accesses.global_workspace_access.get("enabled")
    )
    if not is_global and not any(access.enabled for access in accesses.workspaces):
        return []
    try:
        integration = (await get_mcp_integration(api, id)).answer()
    except PortkeyAdminError:
        return []
    owner = integration.get("workspace_id")
    others = [access.id for access in accesses.workspaces if access.enabled and access.id != owner]
    if integration.get("type") != "workspace" or not (others or is_global):
        return []
    return [
        f"This MCP integration belongs to workspace {owner}, so a grant to any other workspace has "
        "no effect. To share an MCP server, create its integration with `organisation_id`."
    ]

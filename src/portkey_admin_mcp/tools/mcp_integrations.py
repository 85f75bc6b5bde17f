"""MCP integrations: MCP servers of others, as the organisation knows them."""

from ..models.core.base import Done
from ..models.core.mcp_capabilities import (
    CapabilityChanges,
    CapabilityFilter,
    CapabilityPage,
    McpTest,
)
from ..models.core.paging import Page
from ..models.mcp_integrations import (
    McpIntegration,
    McpIntegrationDraft,
    McpIntegrationFilter,
    McpIntegrationId,
    McpIntegrationPatch,
    McpIntegrationRef,
    McpMetadata,
    McpWorkspaces,
    WorkspaceAccesses,
    WorkspaceView,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool
from ..portkey.references import MCP_INTEGRATION_WORKSPACES, MCP_SERVERS


def integration_scopes(act: str) -> tuple[str, str]:
    """The organisation's integrations and a workspace's have scopes of their own."""
    return (f"organisation_mcp_integrations.{act}", f"workspace_mcp_integrations.{act}")


SECRETS_REPLACED = (
    *(
        (name, "the old credentials cannot be read back")
        for name in ("configurations", "custom_headers")
    ),
    ("url", "requests then go to another address, with the credentials"),
)

USES = (MCP_SERVERS.at("mcp_integration_id"), MCP_INTEGRATION_WORKSPACES)


@tool("GET /mcp-integrations", scope=integration_scopes("list"))
async def list_mcp_integrations(api: Portkey, filter: McpIntegrationFilter) -> Page[McpIntegration]:
    """List MCP integrations; for the servers of a workspace see `list_mcp_servers`."""
    ...


@tool("POST /mcp-integrations", scope=integration_scopes("create"))
async def create_mcp_integration(api: Portkey, draft: McpIntegrationDraft) -> McpIntegrationRef:
    """Register an MCP server: the organisation's with `organisation_id`, else one workspace's own.

    Only the organisation's can be shared, by `update_mcp_integration_workspaces`; a workspace then
    uses it through `create_mcp_server`.
    """
    ...


@tool("GET /mcp-integrations/{id}", scope=integration_scopes("read"))
async def get_mcp_integration(api: Portkey, id: McpIntegrationId) -> McpIntegration:
    """Read one MCP integration."""
    ...


@tool(
    "PUT /mcp-integrations/{id}",
    scope=integration_scopes("update"),
    high_risk_if=SECRETS_REPLACED,
    dependants=USES,
)
async def update_mcp_integration(
    api: Portkey, id: McpIntegrationId, patch: McpIntegrationPatch
) -> Done:
    """Change an MCP integration, for all servers made of it."""
    ...


@tool("DELETE /mcp-integrations/{id}", scope=integration_scopes("delete"), dependants=USES)
async def delete_mcp_integration(api: Portkey, id: McpIntegrationId) -> Done:
    """Delete an MCP integration with all servers made of it; cannot be undone."""
    ...


@tool("GET /mcp-integrations/{id}/metadata", scope=integration_scopes("read"))
async def get_mcp_integration_metadata(api: Portkey, id: McpIntegrationId) -> McpMetadata:
    """Read what the MCP server says of itself, and whether that was synced."""
    ...


@tool("GET /mcp-integrations/{id}/capabilities", scope=integration_scopes("read"))
async def list_mcp_integration_capabilities(
    api: Portkey, id: McpIntegrationId, filter: CapabilityFilter
) -> CapabilityPage:
    """List an MCP integration's tools, prompts and resources, and which are enabled."""
    ...


@tool(
    "PUT /mcp-integrations/{id}/capabilities", scope=integration_scopes("update"), is_listed=False
)
async def update_mcp_integration_capabilities(
    api: Portkey, id: McpIntegrationId, changes: CapabilityChanges
) -> Done:
    """Enable or disable capabilities for everybody.

    For one workspace's server use `update_mcp_server_capabilities`.
    """
    ...


@tool("GET /mcp-integrations/{id}/workspaces", scope=integration_scopes("read"))
async def list_mcp_integration_workspaces(
    api: Portkey, id: McpIntegrationId, view: WorkspaceView
) -> McpWorkspaces:
    """List the workspaces that may use an MCP integration."""
    ...


@tool("PUT /mcp-integrations/{id}/workspaces", scope=integration_scopes("update"), is_listed=False)
async def update_mcp_integration_workspaces(
    api: Portkey, id: McpIntegrationId, accesses: WorkspaceAccesses
) -> Done:
    """Say which workspaces may use an MCP integration; those not named stay."""
    ...


@tool(
    "POST /mcp-integrations/{id}/test",
    scope=integration_scopes("update"),
    effect="read",
    unconfirmed="Documented without the form of its answer; that of servers is assumed.",
)
async def test_mcp_integration(api: Portkey, id: McpIntegrationId) -> McpTest:
    """Ask whether the MCP server answers; `success` false with the error if it does not."""
    ...

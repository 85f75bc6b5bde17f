"""MCP servers of workspaces, and who may use what of them."""

from ..models.core.base import Done
from ..models.core.mcp_capabilities import (
    CapabilityChanges,
    CapabilityFilter,
    CapabilityPage,
    McpTest,
)
from ..models.core.paging import Page
from ..models.mcp_integrations import McpMetadata
from ..models.mcp_servers import (
    AccessCheck,
    Connection,
    ConnectionFilter,
    ConnectionOwner,
    McpServer,
    McpServerDraft,
    McpServerFilter,
    McpServerId,
    McpServerPatch,
    McpServerRef,
    PersonPage,
    Registry,
    RegistryFilter,
    UserAccesses,
    UserAccessFilter,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool

UNCONFIRMED = "The form of the answer is not published."

ACCESS_TAKEN = (
    ("users.enabled=false", "it takes access from people"),
    ("default_user_access=deny", "everybody who is not named loses access"),
)


@tool("GET /mcp-servers", scope="mcp_servers.list")
async def list_mcp_servers(api: Portkey, filter: McpServerFilter) -> Page[McpServer]:
    """List a workspace's MCP servers with their addresses."""
    ...


@tool("POST /mcp-servers", scope="mcp_servers.create")
async def create_mcp_server(api: Portkey, draft: McpServerDraft) -> McpServerRef:
    """Create an MCP server in a workspace, of an MCP integration that it may use.

    403 may mean that it may not: see `update_mcp_integration_workspaces`.
    """
    ...


@tool("GET /mcp-servers/{id}", scope="mcp_servers.read")
async def get_mcp_server(api: Portkey, id: McpServerId) -> McpServer:
    """Read one MCP server."""
    ...


@tool("PUT /mcp-servers/{id}", scope="mcp_servers.update")
async def update_mcp_server(api: Portkey, id: McpServerId, patch: McpServerPatch) -> Done:
    """Change an MCP server's name or description."""
    ...


@tool("DELETE /mcp-servers/{id}", scope="mcp_servers.delete")
async def delete_mcp_server(api: Portkey, id: McpServerId) -> Done:
    """Delete an MCP server; cannot be undone. The integration stays."""
    ...


@tool("POST /mcp-servers/{id}/test", scope="mcp_servers.update", effect="read")
async def test_mcp_server(api: Portkey, id: McpServerId) -> McpTest:
    """Ask whether the server answers; `success` false with the error if it does not."""
    ...


@tool("GET /mcp-servers/{id}/capabilities", scope="mcp_servers.read")
async def list_mcp_server_capabilities(
    api: Portkey, id: McpServerId, filter: CapabilityFilter
) -> CapabilityPage:
    """List an MCP server's tools, prompts and resources, and which are enabled."""
    ...


@tool("PUT /mcp-servers/{id}/capabilities", scope="mcp_servers.update", is_listed=False)
async def update_mcp_server_capabilities(
    api: Portkey, id: McpServerId, changes: CapabilityChanges
) -> Done:
    """Enable or disable capabilities in one workspace.

    What `update_mcp_integration_capabilities` disabled stays off.
    """
    ...


@tool("GET /mcp-servers/{id}/user-access", scope="mcp_servers.read")
async def list_mcp_server_user_access(
    api: Portkey, id: McpServerId, filter: UserAccessFilter
) -> PersonPage:
    """List who may use an MCP server."""
    ...


@tool("PUT /mcp-servers/{id}/user-access", scope="mcp_servers.update", high_risk_if=ACCESS_TAKEN)
async def update_mcp_server_user_access(
    api: Portkey, id: McpServerId, accesses: UserAccesses
) -> Done:
    """Say who may use an MCP server, person by person or by default."""
    ...


@tool("GET /mcp-servers/{id}/connections", scope="mcp_servers.read")
async def list_mcp_server_connections(
    api: Portkey, id: McpServerId, filter: ConnectionFilter
) -> Page[Connection]:
    """List who is signed in at the server behind an MCP server."""
    ...


@tool("DELETE /mcp-servers/{id}/connections", scope="mcp_servers.update")
async def disconnect_mcp_server_connection(
    api: Portkey, id: McpServerId, owner: ConnectionOwner
) -> Done:
    """Sign a person out of an MCP server; service keys must name the user."""
    ...


@tool("GET /mcp-servers/{id}/metadata", scope="mcp_servers.read", unconfirmed=UNCONFIRMED)
async def get_mcp_server_metadata(api: Portkey, id: McpServerId) -> McpMetadata:
    """Read what the server says of itself, and whether that was synced."""
    ...


@tool("GET /mcp-servers/{id}/user-access/check", scope="mcp_servers.read", unconfirmed=UNCONFIRMED)
async def check_mcp_server_access(api: Portkey, id: McpServerId) -> AccessCheck:
    """Ask whether the user of this key may use an MCP server."""
    ...


@tool(
    "GET /v0.1/servers",
    scope="mcp_servers.list",
    base="mcp",
    unconfirmed="A beta of Portkey's, at the MCP gateway's own address.",
)
async def list_mcp_registry(api: Portkey, filter: RegistryFilter) -> Registry:
    """List approved MCP servers as the MCP registry does, for clients that install from one."""
    ...

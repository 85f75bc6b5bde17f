"""Enable or disable capabilities of an MCP server, and name those that do not exist."""

from ..models.core.base import Done
from ..models.core.mcp_capabilities import CapabilityChanges
from ..models.mcp_servers import McpServerId
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.mcp_servers import list_mcp_server_capabilities
from ..tools.mcp_servers import (
    update_mcp_server_capabilities as update_mcp_server_capabilities_request,
)
from .shared.capability_notes import capability_notes

DOMAIN = "mcp_servers"


@workflow(
    update_mcp_server_capabilities_request,
    optional=(list_mcp_server_capabilities,),
    effect="overwrite",
)
async def update_mcp_server_capabilities(
    api: Portkey, id: McpServerId, changes: CapabilityChanges
) -> Done:
    """Enable or disable capabilities in one workspace.

    What `update_mcp_integration_capabilities` disabled stays off.
    """
    done = await update_mcp_server_capabilities_request(api, id, changes)
    notes = await capability_notes(
        lambda filter: list_mcp_server_capabilities(api, id, filter), changes.capabilities
    )
    return done.with_notes(*notes)

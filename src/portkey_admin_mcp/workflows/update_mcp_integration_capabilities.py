"""Enable or disable capabilities of an MCP integration, and name those that do not exist."""

from ..models.core.base import Done
from ..models.core.mcp_capabilities import CapabilityChanges
from ..models.mcp_integrations import McpIntegrationId
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.mcp_integrations import list_mcp_integration_capabilities
from ..tools.mcp_integrations import (
    update_mcp_integration_capabilities as update_mcp_integration_capabilities_request,
)
from .shared.capability_notes import capability_notes

DOMAIN = "mcp_integrations"


@workflow(
    update_mcp_integration_capabilities_request,
    optional=(list_mcp_integration_capabilities,),
    effect="overwrite",
)
async def update_mcp_integration_capabilities(
    api: Portkey, id: McpIntegrationId, changes: CapabilityChanges
) -> Done:
    """Enable or disable capabilities for everybody.

    For one workspace's server use `update_mcp_server_capabilities`.
    """
    done = await update_mcp_integration_capabilities_request(api, id, changes)
    notes = await capability_notes(
        lambda filter: list_mcp_integration_capabilities(api, id, filter), changes.capabilities
    )
    return done.with_notes(*notes)

"""Guardrails: checks on requests and answers."""

from ..models.core.base import Done
from ..models.core.paging import Page
from ..models.guardrails import (
    Guardrail,
    GuardrailDraft,
    GuardrailFilter,
    GuardrailId,
    GuardrailMcpServers,
    GuardrailPatch,
    GuardrailRef,
    McpServerId,
    McpServerMapping,
    McpServerMappings,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool
from ..portkey.references import (
    CONFIGS,
    DEFAULT_INPUT_GUARDRAILS,
    DEFAULT_OUTPUT_GUARDRAILS,
    WORKSPACES,
)

UNCONFIRMED = (
    "Guardrails for MCP servers are announced as coming; only one client calls these paths."
)

USES = (
    CONFIGS,
    WORKSPACES.at("defaults.input_guardrails", kind="workspaces with it for requests"),
    WORKSPACES.at("defaults.output_guardrails", kind="workspaces with it for answers"),
    DEFAULT_INPUT_GUARDRAILS,
    DEFAULT_OUTPUT_GUARDRAILS,
)


def guardrail_scopes(act: str) -> tuple[str, str]:
    """A workspace's guardrails and the organisation's have scopes of their own."""
    return (f"guardrails.{act}", f"organisation_guardrails.{act}")


@tool("GET /guardrails", scope=guardrail_scopes("list"))
async def list_guardrails(api: Portkey, filter: GuardrailFilter) -> Page[Guardrail]:
    """List guardrails, without their checks; see `get_guardrail`."""
    ...


@tool("POST /guardrails", scope=guardrail_scopes("create"))
async def create_guardrail(api: Portkey, draft: GuardrailDraft) -> GuardrailRef:
    """Create a guardrail: checks on requests or answers, and whether to deny.

    It runs where a config, `update_workspace` or `update_organisation_defaults` names it in
    `input_guardrails` or `output_guardrails`. All checks: portkey://guides/guardrails.
    """
    ...


@tool("GET /guardrails/{guardrail_id}", scope=guardrail_scopes("read"))
async def get_guardrail(api: Portkey, guardrail_id: GuardrailId) -> Guardrail:
    """Read a guardrail with its checks and actions."""
    ...


@tool(
    "PUT /guardrails/{guardrail_id}",
    scope=guardrail_scopes("update"),
    is_repeatable=False,
    dependants=USES,
)
async def update_guardrail(
    api: Portkey, guardrail_id: GuardrailId, patch: GuardrailPatch
) -> GuardrailRef:
    """Change a guardrail, as a new version in force at once."""
    ...


@tool(
    "DELETE /guardrails/{guardrail_id}",
    scope=guardrail_scopes("delete"),
    is_restorable=True,
    dependants=USES,
)
async def delete_guardrail(api: Portkey, guardrail_id: GuardrailId) -> Done:
    """Delete a guardrail; cannot be undone, and configs that name it no longer run it."""
    ...


@tool(
    "GET /guardrails/{guardrail_id}/mcp-servers",
    scope=guardrail_scopes("list"),
    unconfirmed=UNCONFIRMED,
)
async def list_guardrail_mcp_servers(
    api: Portkey, guardrail_id: GuardrailId
) -> GuardrailMcpServers:
    """List the MCP servers a guardrail runs for."""
    ...


@tool(
    "PUT /guardrails/{guardrail_id}/mcp-servers",
    scope=guardrail_scopes("update"),
    unconfirmed=UNCONFIRMED,
)
async def replace_guardrail_mcp_servers(
    api: Portkey, guardrail_id: GuardrailId, mappings: McpServerMappings
) -> Done:
    """Set all MCP servers a guardrail runs for; those left out are dropped.

    To add one use `upsert_guardrail_mcp_server`.
    """
    ...


@tool(
    "PUT /guardrails/{guardrail_id}/mcp-servers/{mcp_server_id}",
    scope=guardrail_scopes("update"),
    unconfirmed=UNCONFIRMED,
)
async def upsert_guardrail_mcp_server(
    api: Portkey, guardrail_id: GuardrailId, mcp_server_id: McpServerId, mapping: McpServerMapping
) -> Done:
    """Add or change one MCP server a guardrail runs for."""
    ...

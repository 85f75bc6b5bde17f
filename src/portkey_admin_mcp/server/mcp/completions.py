"""Completions: ids and slugs for the arguments of prompts and of resource templates."""

from collections.abc import Callable
from typing import Any

import mcp_types
from fastmcp.exceptions import ResourceError

from .binding import BoundTool
from .resources import answer_of

MOST = 100
"""How many values one answer may have (MCP)."""
COMPLETED_BY = {
    # Of resource templates, by their kind.
    "portkey://workspaces/{slug}": ("list_workspaces", "slug"),
    "portkey://configs/{slug}": ("list_configs", "slug"),
    "portkey://prompts/{slug}": ("list_prompts", "slug"),
    "portkey://guardrails/{slug}": ("list_guardrails", "slug"),
    "portkey://api-keys/{slug}": ("list_api_keys", "id"),
    "portkey://integrations/{slug}": ("list_integrations", "slug"),
    # Of prompts, by their argument.
    "workspace": ("list_workspaces", "slug"),
    "person": ("list_all_users", "email"),
    "prompt": ("list_prompts", "slug"),
}
"""The list that knows the values, and the field that holds them."""


def completer(tools: list[BoundTool]) -> Callable[..., Any]:
    """A handler that completes what is typed from the lists that are offered."""
    offered = {tool.name: tool for tool in tools}

    async def complete(
        reference: mcp_types.PromptReference | mcp_types.ResourceTemplateReference,
        argument: mcp_types.CompletionArgument,
        context: mcp_types.CompletionContext | None,
    ) -> mcp_types.Completion:
        asked = argument.name
        if isinstance(reference, mcp_types.ResourceTemplateReference):
            asked = str(reference.uri)
        name, field = COMPLETED_BY.get(asked, ("", ""))
        if name not in offered:
            return mcp_types.Completion(values=[])
        try:
            answer = await answer_of(offered[name], {})
        except ResourceError:
            # A key that may not list gets no help in typing, and no error for it.
            return mcp_types.Completion(values=[])
        values = _fitting(answer.get("data") or [], field, argument.value)
        return mcp_types.Completion(
            values=values[:MOST], total=len(values), has_more=len(values) > MOST
        )

    return complete


def _fitting(rows: list[dict[str, Any]], field: str, typed: str) -> list[str]:
    """The values whose own text, or whose name, holds what is typed; beginnings first."""
    wanted = typed.casefold()
    found = []
    for row in rows:
        value = str(row.get(field) or "")
        told = f"{value} {row.get('name') or ''} {row.get('first_name') or ''}".casefold()
        if value and wanted in told:
            found.append((not told.startswith(wanted), value))
    return [value for _later, value in sorted(found, key=lambda each: each[0])]

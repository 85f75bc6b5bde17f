"""Completions: ids and slugs for the arguments of prompts and of resource templates."""

import asyncio
from typing import Any, NamedTuple

from mcp_types import Completion

from ...models.core.icons import without_icon
from ..calls.tool_calls import ToolCalls, ToolFailed
from ..offer.offer import Offer

MAX_VALUES = 100
"""Maximum number of values in one answer, by the MCP specification."""


MAX_OPEN_LISTS = 8
"""Workspaces whose lists are read at the same time."""
WORKSPACES = "list_workspaces"


class Source(NamedTuple):
    """The tool that lists the values, and the field that contains them.

    With `by_workspace`, the tool lists one workspace only, so that all of them are asked.
    """

    tool: str
    field: str
    by_workspace: bool = False


OF_TEMPLATES = {
    "portkey://workspaces/{slug}": Source("list_workspaces", "slug"),
    "portkey://configs/{slug}": Source("list_configs", "slug", by_workspace=True),
    "portkey://prompts/{slug}": Source("list_prompts", "slug", by_workspace=True),
    "portkey://guardrails/{slug}": Source("list_guardrails", "slug", by_workspace=True),
    "portkey://api-keys/{slug}": Source("list_api_keys", "id"),
    "portkey://integrations/{slug}": Source("list_integrations", "slug"),
}
OF_PROMPT_ARGUMENTS = {
    "workspace": Source("list_workspaces", "slug"),
    "person": Source("list_all_users", "email"),
    "prompt": Source("list_prompts", "slug", by_workspace=True),
}


async def complete(
    calls: ToolCalls, reference: dict[str, Any], argument: str, typed: str
) -> Completion:
    """Complete the typed text of an argument of an offered prompt or template.

    Empty for any other, and if the key may not list the values: a completion is no reason to fail.
    """
    offer = calls.offer.current
    source = _source(offer, reference, argument)
    if source is None or source.tool not in offer.tools:
        return Completion(values=[])
    rows = await (_rows_everywhere if source.by_workspace else _rows)(calls, source.tool)
    values = list(dict.fromkeys(matching(rows, source.field, typed)))
    return Completion(
        values=values[:MAX_VALUES], total=len(values), has_more=len(values) > MAX_VALUES
    )


async def _rows(calls: ToolCalls, tool: str, **arguments: Any) -> list[dict[str, Any]]:
    """The rows of a list; none if the key may not list them."""
    try:
        answer = await calls.answer(tool, arguments)
    except ToolFailed:
        return []
    rows: list[dict[str, Any]] = answer.get("data") or []
    return rows


async def _rows_everywhere(calls: ToolCalls, tool: str) -> list[dict[str, Any]]:
    """The rows of a list in every workspace; in the key's own, if it may not list workspaces."""
    is_offered = WORKSPACES in calls.offer.current.tools
    workspaces = await _rows(calls, WORKSPACES) if is_offered else []
    slugs = [str(row["slug"]) for row in workspaces if row.get("slug")]
    if not slugs:
        return await _rows(calls, tool)
    limit = asyncio.Semaphore(MAX_OPEN_LISTS)

    async def rows_in(slug: str) -> list[dict[str, Any]]:
        async with limit:
            return await _rows(calls, tool, workspace_id=slug)

    return [row for rows in await asyncio.gather(*map(rows_in, slugs)) for row in rows]


def matching(rows: list[dict[str, Any]], field: str, typed: str) -> list[str]:
    """The values that contain the typed text, or whose row has a name with it; prefixes first."""
    text = typed.casefold()
    matches = []
    for row in rows:
        texts = [str(row.get(name) or "") for name in (field, "name", "first_name", "last_name")]
        value = texts[0]
        names = [each.casefold() for each in (*texts, without_icon(texts[1]))]
        if value and any(text in name for name in names):
            matches.append((not any(name.startswith(text) for name in names), value))
    return [value for _later, value in sorted(matches, key=lambda match: match[0])]


def _source(offer: Offer, reference: dict[str, Any], argument: str) -> Source | None:
    if reference["type"] == "ref/resource":
        uri = reference["uri"]
        templates = {d["uriTemplate"] for d in offer.definitions("resourceTemplates")}
        return OF_TEMPLATES.get(uri) if uri in templates and argument == "slug" else None
    for prompt in offer.definitions("prompts"):
        if prompt["name"] == reference["name"]:
            names = {each["name"] for each in prompt["arguments"]}
            return OF_PROMPT_ARGUMENTS.get(argument) if argument in names else None
    return None

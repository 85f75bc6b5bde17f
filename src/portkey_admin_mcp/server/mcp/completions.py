"""Completions: ids and slugs for the arguments of prompts and of resource templates."""

import asyncio
from typing import Any, NamedTuple

from mcp_types import Completion

from ...models.core.icons import without_icon
from ..calls.tool_calls import ToolCalls, ToolFailed
from ..offer.offer import Offer

MAX_VALUES = 100
"""Maximum number of values in one answer, by the MCP specification."""
PAGE_SIZE = 100
MAX_PAGES = 10
"""Pages that are read of one list; a completion is asked for at each key that is typed."""
MAX_WORKSPACES = 50
"""Workspaces whose lists are read."""
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


class Rows(NamedTuple):
    """Rows of lists, and whether these are all there are."""

    rows: list[dict[str, Any]]
    are_all: bool


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
    If not all rows were read, there may be more values, and the total is not known.
    """
    offer = calls.offer.current
    source = _source(offer, reference, argument)
    if source is None or source.tool not in offer.tools:
        return Completion(values=[])
    result = await (_rows_everywhere if source.by_workspace else _rows)(calls, source.tool)
    values = list(dict.fromkeys(matching(result.rows, source.field, typed)))
    return Completion(
        values=values[:MAX_VALUES],
        total=len(values) if result.are_all else None,
        has_more=len(values) > MAX_VALUES or not result.are_all,
    )


async def _rows(calls: ToolCalls, tool: str, **arguments: Any) -> Rows:
    """The rows of a list, from so many pages; none if the key may not list them."""
    properties = calls.offer.current.tools[tool].input_schema["properties"]
    number = next((name for name in ("current_page", "page") if name in properties), "")
    if number:
        arguments["page_size"] = PAGE_SIZE
    rows: list[dict[str, Any]] = []
    for _page in range(MAX_PAGES):
        try:
            answer = await calls.answer(tool, arguments)
        except ToolFailed:
            return Rows(rows, are_all=not rows)
        page = answer.get("data") or []
        rows += page
        if not number or not answer.get("has_more"):
            is_last = answer.get("has_more") is False or len(page) < PAGE_SIZE
            return Rows(rows, are_all=not number or is_last)
        arguments[number] = answer["next_page"]
    return Rows(rows, are_all=False)


async def _rows_everywhere(calls: ToolCalls, tool: str) -> Rows:
    """The rows of a list in the workspaces; in the key's own, if it may not list workspaces."""
    is_offered = WORKSPACES in calls.offer.current.tools
    workspaces = await _rows(calls, WORKSPACES) if is_offered else Rows([], are_all=True)
    slugs = [str(row["slug"]) for row in workspaces.rows if row.get("slug")]
    if not slugs:
        return await _rows(calls, tool)
    limit = asyncio.Semaphore(MAX_OPEN_LISTS)

    async def rows_in(slug: str) -> Rows:
        async with limit:
            return await _rows(calls, tool, workspace_id=slug)

    lists = await asyncio.gather(*map(rows_in, slugs[:MAX_WORKSPACES]))
    are_all = workspaces.are_all and len(slugs) <= MAX_WORKSPACES
    return Rows(
        [row for each in lists for row in each.rows],
        are_all and all(each.are_all for each in lists),
    )


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

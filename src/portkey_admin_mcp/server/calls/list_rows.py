"""Rows of lists, read through tools within bounds, for what is completed while somebody types."""

import asyncio
from typing import Any, NamedTuple

from ...models.core.icons import without_icon
from .tool_calls import ToolCalls, ToolFailed

PAGE_SIZE = 100
MAX_PAGES = 10
"""Pages that are read of one list; a completion is asked for at each key that is typed."""
MAX_WORKSPACES = 50
"""Workspaces whose lists are read."""
MAX_OPEN_LISTS = 8
"""Workspaces whose lists are read at the same time."""
WORKSPACES = "list_workspaces"


class Rows(NamedTuple):
    """Rows of lists, and whether these are all there are."""

    rows: list[dict[str, Any]]
    are_all: bool


async def rows_of(calls: ToolCalls, tool: str, **arguments: Any) -> Rows:
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


async def rows_everywhere(calls: ToolCalls, tool: str) -> Rows:
    """The rows of a list in the workspaces; in the key's own, if it may not list workspaces."""
    is_offered = WORKSPACES in calls.offer.current.tools
    workspaces = await rows_of(calls, WORKSPACES) if is_offered else Rows([], are_all=True)
    slugs = [str(row["slug"]) for row in workspaces.rows if row.get("slug")]
    if not slugs:
        return await rows_of(calls, tool)
    limit = asyncio.Semaphore(MAX_OPEN_LISTS)

    async def rows_in(slug: str) -> Rows:
        async with limit:
            return await rows_of(calls, tool, workspace_id=slug)

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

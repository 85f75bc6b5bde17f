"""Compare a change of MCP capabilities with those that there are."""

from collections.abc import Awaitable, Callable, Iterable

from ...errors import PortkeyAdminError
from ...models.core.mcp_capabilities import (
    Capability,
    CapabilityChange,
    CapabilityFilter,
    CapabilityPage,
)
from ...suggestions import suggest

PAGE_SIZE = 500
MAX_PAGES = 10
MAX_NOTES = 10
MAX_NAMES = 30
NOT_COMPARED = "The names were not compared with the capabilities, which could not be read."
NONE_YET = "No capabilities are listed yet, so the names were not compared with any."

Read = Callable[[CapabilityFilter], Awaitable[CapabilityPage]]
"""Reads a page of the capabilities."""


async def capability_notes(read: Read, changes: Iterable[CapabilityChange]) -> list[str]:
    """Which of these changes, made already, name no capability or have no effect.

    Portkey answers with success all the same. Errors of the reads become a note.
    """
    try:
        rows = await _all_rows(read)
    except PortkeyAdminError:
        return [NOT_COMPARED]
    if not rows:
        return [NONE_YET]
    notes = [note for change in changes if (note := _note(change, rows))]
    more = [f"… and {len(notes) - MAX_NOTES} more."] if len(notes) > MAX_NOTES else []
    return notes[:MAX_NOTES] + more


async def _all_rows(read: Read) -> list[Capability]:
    rows: list[Capability] = []
    for number in range(1, MAX_PAGES + 1):
        page = await read(CapabilityFilter(page=number, page_size=PAGE_SIZE))
        rows += page.data
        if not page.has_more:
            break
    return rows


def _note(change: CapabilityChange, rows: list[Capability]) -> str:
    """What is to be said of one change; empty if it is as it was asked for."""
    same_name = [row for row in rows if row.name == change.name]
    row = next((row for row in same_name if row.type == change.type), None)
    action = "enabled" if change.enabled else "disabled"
    if row is None:
        names = [row.name for row in rows if row.name and row.type == change.type]
        kind = change.type.replace("_", " ")
        hint = suggest(change.name, names) or (
            f"there are {', '.join(names[:MAX_NAMES])}." if names else f"there is no {kind} at all."
        )
        if same_name:
            hint = f"it is a {same_name[0].type}."
        return f"There is no {kind} {change.name[:60]!r}, so nothing was {action}; {hint}"
    if isinstance(row.enabled, bool) and row.enabled != change.enabled:
        state = "enabled" if row.enabled else "disabled"
        return f"{change.name} is still {state}: the MCP integration decides it for all servers."
    return ""

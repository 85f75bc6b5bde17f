"""The changes in a journal: the two lines of each as one."""

from typing import Any

from .chain import Line
from .journal import Journal

UNKNOWN = "unknown, look"
"""The state of a change without an outcome: the process ended before it came."""


async def latest_changes(journal: Journal, limit: int) -> list[dict[str, Any]]:
    """The last changes, the newest first."""
    changes: dict[str, dict[str, Any]] = {}
    for line in await journal.latest(2 * limit):
        id = line.fields["change"]
        if id not in changes:
            changes[id] = merged(await journal.of_change(id))
    return [*changes.values()][:limit]


async def find_change(journal: Journal, id: str) -> dict[str, Any] | None:
    """One change; None if the journal has none with this id."""
    lines = await journal.of_change(id)
    return merged(lines) if lines else None


def merged(lines: list[Line]) -> dict[str, Any]:
    """The lines of a change as one object, with its last state."""
    change: dict[str, Any] = {}
    for line in lines:
        fields = line.fields
        if change:
            fields["ended_at"] = fields.pop("at")
        change |= {name: fields[name] for name in fields if name not in ("number", "follows")}
    if change["state"] == "begun":
        change["state"] = UNKNOWN
    return change

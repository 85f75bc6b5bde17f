"""The changes in a journal: the lines of each as one object."""

from collections.abc import Callable
from typing import Any

from ..caller import current_caller
from .chain import Fields, Line
from .journal import NEWEST, Journal

UNKNOWN = "unknown, look"
"""The state of a change without an outcome: the process ended before it came."""
NOT_CONFIRMED = "not confirmed"
"""The state of a call that was not made, because no person agreed to it."""
FIRST_STATES = ("begun", NOT_CONFIRMED)
"""The states of the first line of a change."""
ENDS = {"reverted": "reverted_at"}
"""The field for the time of a line after the first, by its state; `ended_at` for the others."""
MAX_LINES_SEARCHED = 20_000
"""Lines, the newest first, in which changes that match a filter are looked for."""
LINES_PER_READ = 200

Change = dict[str, Any]
Matches = Callable[[Change], bool]


async def latest_changes(journal: Journal, limit: int, matches: Matches) -> list[Change]:
    """The last changes that match, the newest first; looks through MAX_LINES_SEARCHED lines."""
    outcomes: dict[str, list[Line]] = {}
    changes: list[Change] = []
    before, searched = NEWEST, 0
    while len(changes) < limit and searched < MAX_LINES_SEARCHED:
        lines = await journal.latest(LINES_PER_READ, before)
        if not lines:
            break
        before, searched = lines[-1].number, searched + len(lines)
        for line in lines:
            # The first line of a change comes last here, with all later ones read already.
            of_change = outcomes.setdefault(line.fields["change"], [])
            of_change.insert(0, line)
            if line.fields["state"] in FIRST_STATES and matches(change := merged(of_change)):
                changes.append(change)
    return changes[:limit]


async def find_change(journal: Journal, id: str) -> Change | None:
    """One change of the caller's Portkey account; None if the journal has none with this id."""
    lines = await journal.of_change(id)
    change = merged(lines) if lines else None
    return change if change is not None and is_of_caller(change) else None


def is_of_caller(change: Change) -> bool:
    """Whether a change was made with the Portkey key of the current caller.

    Callers with keys of their own may be of different organisations, which must not see each other.
    """
    return bool(change.get("key", "") == current_caller.get().key)


def merged(lines: list[Line]) -> Change:
    """The lines of a change as one object, with its last state and `ended_at`."""
    change: Change = {}
    for line in lines:
        fields: Fields = line.fields
        if change:
            fields[ENDS.get(fields["state"], "ended_at")] = fields.pop("at")
        change |= {name: fields[name] for name in fields if name not in ("number", "follows")}
    if change["state"] == "begun":
        change["state"] = UNKNOWN
    return change

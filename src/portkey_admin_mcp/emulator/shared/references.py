"""What is in use by what: why an object cannot be deleted, and what goes with its owner."""

from collections.abc import Callable

from ..core.store import Store
from ..core.tables import Row

Check = Callable[[Store, Row], str | None]
Cleanup = Callable[[Store, Row], None]

_CHECKS: dict[str, list[Check]] = {}
_OWNED: dict[str, Cleanup | None] = {}
_FURNISH: list[Callable[[Store, Row], None]] = []
_MENTIONS: list[Callable[[Store, Row], None]] = []


def in_use_by(table: str) -> Callable[[Check], Check]:
    """Register a check for rows of a table: a sentence about who uses the row, or None."""

    def register(check: Check) -> Check:
        _CHECKS.setdefault(table, []).append(check)
        return check

    return register


def why_in_use(store: Store, table: str, row: Row) -> str | None:
    """Say who uses the row; None if nobody does."""
    return next((told for check in _CHECKS.get(table, ()) if (told := check(store, row))), None)


def belongs_to_workspace(table: str, cleanup: Cleanup | None = None) -> None:
    """Declare that rows of a table live in a workspace (`workspace_id`) and go with it.

    `cleanup` forgets what hangs on such a row, its versions for one.
    """
    _OWNED[table] = cleanup


def every_workspace_has(furnish: Callable[[Store, Row], None]) -> Callable[[Store, Row], None]:
    """Register what a new workspace comes with."""
    _FURNISH.append(furnish)
    return furnish


def create_workspace_defaults(store: Store, workspace: Row) -> None:
    """Give a new workspace what each has."""
    for furnish in _FURNISH:
        furnish(store, workspace)


def mentions_workspaces(forget: Callable[[Store, Row], None]) -> Callable[[Store, Row], None]:
    """Register how to forget a workspace that is deleted, where something names it."""
    _MENTIONS.append(forget)
    return forget


def forget_workspace(store: Store, workspace: Row) -> None:
    """Forget a workspace that is deleted wherever it is named."""
    for forget in _MENTIONS:
        forget(store, workspace)


def held_by_workspace(store: Store, workspace: Row) -> list[tuple[str, Row]]:
    """Everything a workspace holds, with the table it is in."""
    return [
        (table, row)
        for table in _OWNED
        for row in store.table(table).where(workspace_id=workspace["id"])
    ]


def forget_with_owner(store: Store, table: str, row: Row) -> None:
    """Delete a row because what it belongs to is deleted."""
    cleanup = _OWNED[table]
    if cleanup is not None:
        cleanup(store, row)
    store.delete(table, row)

"""What each table holds, what its rows refer to, and what happens to them on a deletion.

A domain file declares its tables once, as `TABLES`; `all_tables` collects them. A deletion
(`Store.delete`) follows these declarations and nothing else. `effects_of_deleting` says in words
what they amount to, and `docs/emulator.md` lists it for workspaces; a test compares the two.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

from .. import domain_modules
from .rows import Row

if TYPE_CHECKING:
    from .routing import Call


class OnDelete(Enum):
    """What happens to a row when the row that it refers to is deleted."""

    REFUSE = "refused while one refers to it"
    """The deletion is refused. A forced deletion of the workspace around both ignores this."""
    DELETE = "deleted"
    """The row is deleted too."""
    DELETE_IF_FORCED = "deleted if forced, else refused"
    """The row is deleted too if the deletion is forced; otherwise the deletion is refused."""
    CLEAR = "no longer named"
    """The row stays, without the name of the deleted row."""


@dataclass(frozen=True)
class Reference:
    """A field that names rows of another table, by id or slug.

    `field` is a path with dots: `defaults.config_id`. Each item of a list on the path is followed.
    The field holds one name, a list of names, or a mapping whose keys are names; only the latter
    two, at the top level of a row, can be cleared.
    """

    field: str
    table: str
    on_delete: OnDelete
    reason: str = ""
    """For REFUSE: the sentence of the refusal. `{count}` is the number of referring rows."""

    def matches(self, row: Row, names: Sequence[str]) -> bool:
        """Whether the field of this row holds one of these names."""
        return any(name in names for name in _values_at(row, self.field.split(".")))


OWNED_BY_WORKSPACE = Reference("workspace_id", "workspaces", OnDelete.DELETE_IF_FORCED)
"""Rows that live in one workspace. Rows without a `workspace_id` are the organisation's own."""


@dataclass(frozen=True)
class Table:
    """All there is to know about one kind of row.

    A field whose name starts with `_` is internal: `public` removes it from answers. A table whose
    name starts with `_` is internal as a whole. Indexes need no declaration: `where` creates one
    for each combination of fields on first use.
    """

    name: str
    references: tuple[Reference, ...] = ()
    is_part: bool = False
    """Whether rows are only parts of other rows. No request asks for a part by its id, so its
    deletion is not remembered (see `Store.was_deleted`)."""
    on_new_workspace: Callable[["Call", Row], None] | None = None
    """Adds the rows that every new workspace has."""
    on_new_organisation: Callable[["Call"], None] | None = None
    """Adds the rows that every new organisation has."""
    spend: Callable[["Call", Row, float], None] | None = None
    """Counts an amount against the budget of a row; None if rows have no budget."""
    find_spender: Callable[["Call", str], Row] | None = None
    """Finds a row with a budget by its id, where not every one is stored."""


DELETED = "_deleted"
"""The ids and slugs of deleted rows: Portkey answers 403 for them, not 404."""
CORE_TABLES = (Table(DELETED),)


@cache
def all_tables() -> Mapping[str, Table]:
    """Every table by name, in the order of domains.py.

    Raises ValueError if two domains declare the same name.
    """
    tables: dict[str, Table] = {}
    declared = (table for module in domain_modules() for table in getattr(module, "TABLES", ()))
    for table in [*CORE_TABLES, *declared]:
        if table.name in tables:
            raise ValueError(f"two domains declare the table {table.name}")
        tables[table.name] = table
    return tables


@cache
def references_to(table: str) -> tuple[tuple[Table, Reference], ...]:
    """Every reference to rows of a table, with the table whose rows hold it."""
    return tuple(
        (other, reference)
        for other in all_tables().values()
        for reference in other.references
        if reference.table == table
    )


def effects_of_deleting(table: str) -> dict[str, str]:
    """What deleting a row of a table does to the rows of each table, in words."""
    effects: dict[str, list[str]] = {name: [] for name in all_tables()}
    effects[table].append("deleted")
    for other, reference in references_to(table):
        clears = reference.on_delete is OnDelete.CLEAR
        field = f" in `{reference.field}`" if clears else ""
        effects[other.name].append(reference.on_delete.value + field)
        if not clears:
            for name in _deleted_with(other.name):
                effects[name].append(f"deleted with its row in `{other.name}`")
    return {name: "; ".join(dict.fromkeys(each)) or "kept" for name, each in effects.items()}


def _deleted_with(table: str) -> Iterator[str]:
    """The tables whose rows are deleted with a row of this table."""
    for other, reference in references_to(table):
        if reference.on_delete in (OnDelete.DELETE, OnDelete.DELETE_IF_FORCED):
            yield other.name
            yield from _deleted_with(other.name)


def without(row: Row, reference: Reference, names: Sequence[str]) -> Row:
    """The change to a row that removes names from the field of a reference."""
    value = row[reference.field]
    if isinstance(value, Mapping):
        return {reference.field: {key: each for key, each in value.items() if key not in names}}
    return {reference.field: [each for each in value if each not in names]}


def _values_at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """The names under a path of fields: single ones, items of lists, and keys of a mapping."""
    if isinstance(value, list):
        for item in value:
            yield from _values_at(item, path)
    elif path:
        if isinstance(value, Mapping):
            yield from _values_at(value.get(path[0]), path[1:])
    elif isinstance(value, Mapping):
        yield from value
    elif value is not None:
        yield value

"""Rows in tables: never changed in place, found by index, and undone when a request fails."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, overload

Row = Mapping[str, Any]
"""A row, and everything in it, is never changed in place: `Table.change` replaces it."""
Fields = tuple[str, ...]
Index = dict[tuple[Any, ...], dict[str, None]]
Note = Callable[[str, str, Row | None, int], None]


class Rows(Sequence[Row]):
    """Some rows of a table, oldest first. Length, slices and ends cost only what they touch."""

    def __init__(self, table: "StoredTable", ids: dict[str, None] | dict[str, Row]) -> None:
        self._table = table
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Row]:
        return (self._table[row_id] for row_id in list(self._ids))

    def __reversed__(self) -> Iterator[Row]:
        return (self._table[row_id] for row_id in reversed(self._ids))

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        """One row by its place, or several."""
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            return list(islice(iter(self), start, stop, step))
        if place < 0:
            place += len(self)
        for row in islice(iter(self), place, place + 1):
            return row
        raise IndexError(place)

    def newest(self, skip: int, count: int) -> list[Row]:
        """So many rows, newest first, after as many were skipped."""
        return list(islice(reversed(self), skip, skip + count))


class StoredTable:
    """Rows by id, in the order they were made, with an index for each combination asked for.

    `note` is told of each change: the table, the id, and the row and place before it.
    """

    def __init__(self, name: str, note: "Note") -> None:
        self.name = name
        self._note = note
        self._rows: dict[str, Row] = {}
        self._places: dict[str, int] = {}
        self._next = 0
        self._indexes: dict[Fields, Index] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row_id: str) -> Row:
        return self._rows[row_id]

    def __contains__(self, row_id: object) -> bool:
        return row_id in self._rows

    def get(self, row_id: Any) -> Row | None:
        """The row of this id."""
        return self._rows.get(row_id) if isinstance(row_id, str) else None

    def place(self, row_id: str) -> int:
        """Where in the order of making a row stands, or a new one would."""
        return self._places.get(row_id, self._next)

    def rows(self) -> Rows:
        """All rows."""
        return Rows(self, self._rows)

    def find(self, name: Any) -> Row | None:
        """The row of this id, or else of this slug."""
        if not isinstance(name, str):
            return None
        return self.get(name) or next(iter(self.where(slug=name)), None)

    def where(self, **values: Any) -> Rows:
        """The rows that have all these values. Each combination of fields has its own index."""
        fields = tuple(sorted(values))
        if fields not in self._indexes:
            self._indexes[fields] = {}
            for row in self._rows.values():
                self._enter(fields, row)
        wanted = tuple(values[name] for name in fields)
        return Rows(self, self._indexes[fields].get(wanted, {}))

    def add(self, row: Row) -> Row:
        """Keep a new row, under its id."""
        self._write(row["id"], row, self._next)
        return row

    def change(self, row: Row, changes: Row) -> Row:
        """Replace a row by one with these changes, and return that."""
        new = {**self._rows[row["id"]], **changes}
        self._write(row["id"], new, self._places[row["id"]])
        return new

    def remove(self, row: Row) -> None:
        """Forget a row."""
        self._write(row["id"], None, self._places[row["id"]])

    def _write(self, row_id: str, row: Row | None, place: int) -> None:
        self._note(self.name, row_id, self._rows.get(row_id), self.place(row_id))
        self.put(row_id, row, place)

    def put(self, row_id: str, row: Row | None, place: int) -> None:
        """Set what stands under an id, None for nothing, without a note of it."""
        old = self._rows.get(row_id)
        if old is not None:
            for fields in self._indexes:
                if row is None or _key(fields, old) != _key(fields, row):
                    self._leave(fields, old)
        if row is None:
            self._rows.pop(row_id, None)
            self._places.pop(row_id, None)
            return
        self._rows[row_id] = row
        self._places[row_id] = place
        if old is None and place < self._next:
            ids = sorted(self._rows, key=self._places.__getitem__)
            self._rows = {each: self._rows[each] for each in ids}
        self._next = max(self._next, place + 1)
        for fields in self._indexes:
            self._enter(fields, row)

    def _enter(self, fields: Fields, row: Row) -> None:
        key = _key(fields, row)
        if key is None:
            return
        bucket = self._indexes[fields].setdefault(key, {})
        if row["id"] in bucket:
            return
        last = next(reversed(bucket), None)
        bucket[row["id"]] = None
        if last is not None and self._places[last] > self._places[row["id"]]:
            ids = sorted(bucket, key=self._places.__getitem__)
            self._indexes[fields][key] = dict.fromkeys(ids)

    def _leave(self, fields: Fields, row: Row) -> None:
        key = _key(fields, row)
        if key is not None:
            self._indexes[fields].get(key, {}).pop(row["id"], None)


def _key(fields: Iterable[str], row: Row) -> tuple[Any, ...] | None:
    """What an index keeps a row under; None for what cannot be looked up."""
    values = tuple(row.get(name) for name in fields)
    return values if all(isinstance(v, str | int | float | None) for v in values) else None

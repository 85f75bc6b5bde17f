"""Stored rows: never changed in place, found by index, and restored if a request fails."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, overload

Row = Mapping[str, Any]
"""A row, and everything in it, is never changed in place: `StoredTable.change` replaces it."""
Fields = tuple[str, ...]
Index = dict[tuple[Any, ...], dict[str, None]]
Observer = Callable[[str, str, Row | None, int], None]
"""Called before each change with the table, the id, and the row and position before the change."""


class Rows(Sequence[Row]):
    """Some rows of a table, oldest first, read when they are needed."""

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
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """One row by its index, or the rows of a slice."""
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return list(islice(iter(self), start, stop, step))
        if index < 0:
            index += len(self)
        for row in islice(iter(self), index, index + 1):
            return row
        raise IndexError(index)

    def newest(self, skip: int, count: int) -> list[Row]:
        """Up to `count` rows, newest first, after the `skip` newest."""
        return list(islice(reversed(self), skip, skip + count))


class StoredTable:
    """The rows of one table by id, in the order in which they were added.

    `where` creates an index for each combination of fields on first use. `observer` is called
    before each change.
    """

    def __init__(self, name: str, observer: Observer) -> None:
        self.name = name
        self._observer = observer
        self._rows: dict[str, Row] = {}
        self._positions: dict[str, int] = {}
        self._next = 0
        self._indexes: dict[Fields, Index] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row_id: str) -> Row:
        return self._rows[row_id]

    def __contains__(self, row_id: object) -> bool:
        return row_id in self._rows

    def get(self, row_id: Any) -> Row | None:
        """The row with this id; None if there is none."""
        return self._rows.get(row_id) if isinstance(row_id, str) else None

    def position(self, row_id: str) -> int:
        """The position of a row in the order of adding; of an unknown id, that of the next row."""
        return self._positions.get(row_id, self._next)

    def rows(self) -> Rows:
        """All rows."""
        return Rows(self, self._rows)

    def find(self, name: Any) -> Row | None:
        """The row with this id, or else with this slug."""
        if not isinstance(name, str):
            return None
        return self.get(name) or next(iter(self.where(slug=name)), None)

    def where(self, **values: Any) -> Rows:
        """The rows that have all these values, oldest first."""
        fields = tuple(sorted(values))
        if fields not in self._indexes:
            self._indexes[fields] = {}
            for row in self._rows.values():
                self._index(fields, row)
        key = tuple(values[name] for name in fields)
        return Rows(self, self._indexes[fields].get(key, {}))

    def add(self, row: Row) -> Row:
        """Add a new row, under its id."""
        self._write(row["id"], row, self._next)
        return row

    def change(self, row: Row, changes: Row) -> Row:
        """Replace a row by one with these changes, and return the new row."""
        new = {**self._rows[row["id"]], **changes}
        self._write(row["id"], new, self._positions[row["id"]])
        return new

    def remove(self, row: Row) -> None:
        """Remove a row. `Store.delete` also deals with the rows that refer to it."""
        self._write(row["id"], None, self._positions[row["id"]])

    def _write(self, row_id: str, row: Row | None, position: int) -> None:
        self._observer(self.name, row_id, self._rows.get(row_id), self.position(row_id))
        self.put(row_id, row, position)

    def put(self, row_id: str, row: Row | None, position: int) -> None:
        """Set the row of an id (None: remove it) at a position, without telling the observer."""
        old = self._rows.get(row_id)
        if old is not None:
            for fields in self._indexes:
                if row is None or _key(fields, old) != _key(fields, row):
                    self._unindex(fields, old)
        if row is None:
            self._rows.pop(row_id, None)
            self._positions.pop(row_id, None)
            return
        self._rows[row_id] = row
        self._positions[row_id] = position
        if old is None and position < self._next:
            ids = sorted(self._rows, key=self._positions.__getitem__)
            self._rows = {each: self._rows[each] for each in ids}
        self._next = max(self._next, position + 1)
        for fields in self._indexes:
            self._index(fields, row)

    def _index(self, fields: Fields, row: Row) -> None:
        key = _key(fields, row)
        if key is None:
            return
        bucket = self._indexes[fields].setdefault(key, {})
        if row["id"] in bucket:
            return
        last = next(reversed(bucket), None)
        bucket[row["id"]] = None
        if last is not None and self._positions[last] > self._positions[row["id"]]:
            ids = sorted(bucket, key=self._positions.__getitem__)
            self._indexes[fields][key] = dict.fromkeys(ids)

    def _unindex(self, fields: Fields, row: Row) -> None:
        key = _key(fields, row)
        if key is not None:
            self._indexes[fields].get(key, {}).pop(row["id"], None)


def _key(fields: Iterable[str], row: Row) -> tuple[Any, ...] | None:
    """The key of a row in an index; None if a value is a list or a mapping."""
    values = tuple(row.get(name) for name in fields)
    return values if all(isinstance(v, str | int | float | None) for v in values) else None

"""The data of the emulated organisation: tables, ids, time, and optionally a state file."""

import random
import re
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .rows import Row, StoredTable
from .state_file import StateFile
from .tables import DELETED, OnDelete, Reference, all_tables, references_to, without

Clock = Callable[[], datetime]
Journal = dict[tuple[str, str], tuple[Row | None, int]]
"""By table and id: the row before the first write (None: there was none), and its position."""


def real_time() -> datetime:
    """The real time, in UTC."""
    return datetime.now(UTC)


def frozen_time() -> datetime:
    """A clock for tests and demos that always says 2026-11-02 09:00 UTC."""
    return datetime(2026, 11, 2, 9, tzinfo=UTC)


def stopped_at(when: datetime) -> Clock:
    """A clock that always says one time, in UTC unless it names an offset."""
    fixed = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    return lambda: fixed


def moment(when: datetime) -> str:
    """Write a time as Portkey does: `2026-11-02T09:00:00.000Z`, in whole seconds (live)."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def instant(text: str) -> datetime:
    """Read an ISO 8601 time, in UTC unless it names an offset. Raises ValueError if it is none."""
    when = datetime.fromisoformat(text)
    try:
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"{text} is outside the years 1 to 9999") from None


class Store:
    """Tables of rows, changed in transactions.

    Ids come from a counter: the same requests on the same seed give the same ids.
    """

    def __init__(self, clock: Clock = real_time, file: Path | None = None) -> None:
        self.clock = clock
        self._file = None if file is None else StateFile(file)
        self._database: sqlite3.Connection | None = None
        self.has_requests = False
        """Whether `database` is known to have the tables of requests (`traffic.requests`)."""
        self._journal: Journal | None = None
        self._last_write: Journal = {}
        self._tables: dict[str, StoredTable] = {}
        self.ahead = timedelta()
        self.counter = 0
        for table, row_id, row, position in self._file.read() if self._file is not None else ():
            if table == "counter":
                self.counter = row["value"]
                self.ahead = timedelta(seconds=row["ahead_s"])
            else:
                self.table(table).put(row_id, row, position)

    def close(self) -> None:
        """Close the state file, so that another process or another store can open it."""
        if self._file is not None:
            self._file.database.close()

    def start_over(self, state: Row) -> None:
        """Replace all data by those of a `dump`, and set the time back to that of the clock.

        If the file cannot be written (sqlite3.Error), everything stays as it was. Rows are shared,
        not copied.
        """
        tables = {name: list(rows.values()) for name, rows in state["tables"].items()}
        if self._file is not None:
            self._file.start_over(state["counter"], tables)
        self.ahead = timedelta()
        self._tables = {}
        self.counter = state["counter"]
        self._last_write = {}
        self.has_requests = False
        if self._database is not None:
            self._database.close()
            self._database = None
        for name, rows in tables.items():
            table = self.table(name)
            for row in rows:
                table.add(row)

    def advance(self, by: timedelta) -> None:
        """Move the time forward, also for the next process that opens the file."""
        self._set_ahead(self.ahead + by)

    def stop_clock(self, at: datetime) -> None:
        """Stop the clock at a time, in this process."""
        self._set_ahead(timedelta())
        self.clock = stopped_at(at)

    def _set_ahead(self, ahead: timedelta) -> None:
        before = self.ahead
        try:
            with self.transaction():
                self.ahead = ahead
        except BaseException:
            self.ahead = before
            raise

    @property
    def in_transaction(self) -> bool:
        """Whether a request that writes is being answered."""
        return self._journal is not None

    @property
    def has_file(self) -> bool:
        """Whether the data is in a file, and outlives the process."""
        return self._file is not None

    @property
    def database(self) -> sqlite3.Connection:
        """A SQLite database for data that is not in tables, in the state file or in memory.

        A transaction of the store also commits it or rolls it back.
        """
        if self._file is not None:
            return self._file.database
        if self._database is None:
            self._database = sqlite3.connect(":memory:", uri=True, check_same_thread=False)
            weakref.finalize(self, self._database.close)
        return self._database

    def table(self, name: str) -> StoredTable:
        """The rows of a table."""
        if name not in self._tables:
            self._tables[name] = StoredTable(name, self._record_change)
        return self._tables[name]

    def table_names(self) -> list[str]:
        """The names of the tables that were used so far."""
        return list(self._tables)

    def delete(self, table: str, row: Row) -> None:
        """Delete a row, and delete or clear the rows that refer to it, as their tables declare.

        This is a forced deletion. What refuses an ordinary one is found by `reason_to_refuse` and
        `referring`.
        """
        if row["id"] not in self.table(table):
            return
        self.table(table).remove(row)
        self._remember_deleted(table, row)
        names = _names(row)
        for other, reference, rows in self.referring(table, row):
            for each in rows:
                if reference.on_delete is OnDelete.CLEAR:
                    self.table(other).change(each, without(each, reference, names))
                elif reference.on_delete is not OnDelete.REFUSE:
                    self.delete(other, each)

    def referring(self, table: str, row: Row) -> Iterator[tuple[str, Reference, list[Row]]]:
        """The rows that refer to a row, as (table, reference, rows); without empty ones."""
        names = _names(row)
        for other, reference in references_to(table):
            stored = self.table(other.name)
            if "." in reference.field or reference.on_delete is OnDelete.CLEAR:
                rows = [each for each in stored.rows() if reference.matches(each, names)]
            else:
                rows = [*stored.where(**{reference.field: row["id"]})]
            if rows:
                yield other.name, reference, rows

    def reason_to_refuse(self, table: str, row: Row) -> str | None:
        """Why a row cannot be deleted, as a sentence; None if nothing refuses it."""
        for _other, reference, rows in self.referring(table, row):
            if reference.on_delete is OnDelete.REFUSE:
                return reference.reason.format(count=len(rows))
        return None

    def _remember_deleted(self, table: str, row: Row) -> None:
        if table in all_tables() and all_tables()[table].is_part:
            return
        for name in _names(row):
            key = f"{table}:{name}"
            if key not in self.table(DELETED):
                self.table(DELETED).add({"id": key})

    def was_deleted(self, table: str, name: str) -> bool:
        """Whether a row with this id or slug was deleted from a table."""
        return f"{table}:{name}" in self.table(DELETED)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Undo all changes to rows, ids and the database if the block raises an exception.

        Otherwise write the changes to the file. Transactions do not nest (RuntimeError).
        """
        if self._journal is not None:
            raise RuntimeError("transactions do not nest")
        journal: Journal = {}
        self._journal, counter = journal, self.counter
        try:
            yield
            if self._file is not None:
                self._file.write(self.counter, self.ahead, self._current_rows(journal))
            elif self._database is not None:
                self._database.commit()
        except BaseException:
            self._put(reversed(journal.items()))
            self.counter = counter
            self._roll_back_database()
            raise
        finally:
            self._journal = None
        if journal:
            self._last_write = journal

    @contextmanager
    def before_last_write(self) -> Iterator[None]:
        """Within the block, show the rows as they were before the last successful transaction."""
        now = {
            (table, row_id): (row, position)
            for table, row_id, row, position in self._current_rows(self._last_write)
        }
        self._put(reversed(self._last_write.items()))
        try:
            yield
        finally:
            self._put(iter(now.items()))

    def _roll_back_database(self) -> None:
        self.has_requests = False
        database = self._file.database if self._file is not None else self._database
        if database is not None:
            database.rollback()

    def _put(self, entries: Iterator[tuple[tuple[str, str], tuple[Row | None, int]]]) -> None:
        for (table, row_id), (row, position) in entries:
            self.table(table).put(row_id, row, position)

    def _current_rows(self, journal: "Journal") -> Iterator[tuple[str, str, Row | None, int]]:
        """The rows that a journal mentions, as they are now."""
        for name, row_id in journal:
            table = self.table(name)
            yield name, row_id, table.get(row_id), table.position(row_id)

    def _record_change(self, table: str, row_id: str, row: Row | None, position: int) -> None:
        if self._journal is not None:
            self._journal.setdefault((table, row_id), (row, position))

    def now(self) -> datetime:
        """The emulated time: that of the clock, plus `ahead`."""
        return self.clock() + self.ahead

    def stamp(self) -> str:
        """The emulated time, as `moment` writes it."""
        return moment(self.now())

    def uuid(self) -> str:
        """A new id, in the form of a UUID version 4."""
        text = f"{self.random().getrandbits(128):032x}"
        variant = "89ab"[int(text[16], 16) % 4]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def slug(self, prefix: str, name: str, length: int) -> str:
        """A new slug: the prefix, up to `length` letters of the name, six hexadecimal digits."""
        stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:length].strip("-")
        return f"{prefix}-{stem or 'x'}-{self.random().getrandbits(24):06x}"

    def secret(self) -> str:
        """A new API key: 28 characters, as Portkey's have."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        return "".join(self.random().choices(letters, k=28))

    def random(self) -> random.Random:
        """A random generator for one use, seeded from the counter."""
        self.counter += 1
        return random.Random(f"portkey {self.counter}")  # noqa: S311  # repeatable on purpose

    def load(self, state: Row) -> None:
        """Replace the counter and all rows by those of a `dump`; rows are shared, not copied."""
        for table in self._tables.values():
            for row in table.rows():
                table.remove(row)
        self.counter = state["counter"]
        for name, rows in state["tables"].items():
            for row in rows.values():
                self.table(name).add(row)

    def dump(self) -> dict[str, Any]:
        """The counter and the rows of all tables, by id; without the database."""
        tables = {
            name: {row["id"]: row for row in table.rows()} for name, table in self._tables.items()
        }
        return {"counter": self.counter, "tables": tables}


def _names(row: Row) -> list[str]:
    """The names by which other rows refer to a row: its id, and its slug if it has one."""
    return [*dict.fromkeys((row["id"], row.get("slug") or row["id"]))]

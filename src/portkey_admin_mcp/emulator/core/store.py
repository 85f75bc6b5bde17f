"""What the emulated organisation remembers: tables, ids, time, and a file if wanted."""

import json
import random
import re
import sqlite3
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .rows import Row, StoredTable
from .tables import DELETED, OnDelete, Reference, all_tables, references_to, without

Clock = Callable[[], datetime]
Journal = dict[tuple[str, str], tuple[Row | None, int]]
"""What stood under each id that was written, and its place, before the first write."""
VERSION = 2
"""Of the state file."""


def real_time() -> datetime:
    """The clock of a sandbox that people use."""
    return datetime.now(UTC)


def frozen_time() -> datetime:
    """A clock for tests and demos, stopped at 2026-11-02 09:00 UTC."""
    return datetime(2026, 11, 2, 9, tzinfo=UTC)


def moment(when: datetime) -> str:
    """Write a time as Portkey does: UTC, whole seconds, three zeros (seen in live answers)."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def instant(text: str) -> datetime:
    """Read an ISO 8601 time, UTC unless it names an offset; raises ValueError."""
    when = datetime.fromisoformat(text)
    try:
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"{text} is beyond the calendar") from None


class Store:
    """Tables of rows, changed in transactions.

    Ids are drawn from a counter, so the same calls on the same seed give the same ids. A field
    or table whose name starts with `_` is the emulator's own and never leaves it.
    """

    def __init__(self, clock: Clock = real_time, file: Path | None = None) -> None:
        self.clock = clock
        self._file = None if file is None else _File(file)
        self._database: sqlite3.Connection | None = None
        self._journal: Journal | None = None
        self._last_write: Journal = {}
        self._tables: dict[str, StoredTable] = {}
        self.ahead = timedelta()
        self.counter = 0
        for kind, row_id, row, place in self._file.read() if self._file is not None else ():
            if kind == "counter":
                self.counter = row["value"]
            else:
                self.table(kind).put(row_id, row, place)

    def close(self) -> None:
        """Let go of the file, so that another process, or another store, may have it."""
        if self._file is not None:
            self._file.database.close()

    def clear(self) -> None:
        """Forget everything, and return to the clock's own time."""
        self.ahead = timedelta()
        self._tables = {}
        self.counter = 0
        self._last_write = {}
        if self._file is not None:
            self._file.clear()
        if self._database is not None:
            self._database.close()
            self._database = None

    @property
    def has_file(self) -> bool:
        """Whether what is written outlives the process."""
        return self._file is not None

    @property
    def database(self) -> sqlite3.Connection:
        """A database for bulk data, apart from the rows: the state file's, or one in memory.

        What is written to it in a transaction of the store is kept or undone with it.
        """
        if self._file is not None:
            return self._file.database
        if self._database is None:
            self._database = sqlite3.connect(":memory:", check_same_thread=False)
            weakref.finalize(self, self._database.close)
        return self._database

    def table(self, name: str) -> StoredTable:
        """The rows of one kind."""
        if name not in self._tables:
            self._tables[name] = StoredTable(name, self._note)
        return self._tables[name]

    def table_names(self) -> list[str]:
        """The kinds of rows there are."""
        return list(self._tables)

    def delete(self, table: str, row: Row) -> None:
        """Delete a row, with what its table's references say is deleted with it.

        Rows that are to be cleared no longer name it. What would refuse the deletion is not
        looked at: see `reason_to_refuse` and `referring`.
        """
        if row["id"] not in self.table(table):
            return
        self.table(table).remove(row)
        self._remember_deleted(table, row)
        for other, reference, rows in self.referring(table, row):
            for each in rows:
                if reference.on_delete is OnDelete.CLEAR:
                    self.table(other).change(each, without(each, reference, row["id"]))
                elif reference.on_delete is not OnDelete.REFUSE:
                    self.delete(other, each)

    def referring(self, table: str, row: Row) -> Iterator[tuple[str, Reference, list[Row]]]:
        """The rows that refer to a row: by table and reference, where there are any."""
        names = [row["id"], row.get("slug") or row["id"]]
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
        for name in {row["id"], row.get("slug") or row["id"]}:
            key = f"{table}:{name}"
            if key not in self.table(DELETED):
                self.table(DELETED).add({"id": key})

    def was_deleted(self, table: str, name: str) -> bool:
        """Whether a row of this id or slug has been deleted."""
        return f"{table}:{name}" in self.table(DELETED)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing: on any exception rows, ids and the database are as before.

        On success, what changed is written to the file. Transactions do not nest.
        """
        if self._journal is not None:
            raise RuntimeError("transactions do not nest")
        journal: Journal = {}
        self._journal, counter = journal, self.counter
        try:
            yield
            if self._file is not None:
                self._file.write(self.counter, self._now_of(journal))
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
        """See, for a while, what there was before the last write that succeeded."""
        now = {
            (kind, row_id): (row, place)
            for kind, row_id, row, place in self._now_of(self._last_write)
        }
        self._put(reversed(self._last_write.items()))
        try:
            yield
        finally:
            self._put(iter(now.items()))

    def _roll_back_database(self) -> None:
        database = self._file.database if self._file is not None else self._database
        if database is not None:
            database.rollback()

    def _put(self, entries: Iterator[tuple[tuple[str, str], tuple[Row | None, int]]]) -> None:
        for (kind, row_id), (row, place) in entries:
            self.table(kind).put(row_id, row, place)

    def _now_of(self, journal: "Journal") -> Iterator[tuple[str, str, Row | None, int]]:
        for kind, row_id in journal:
            table = self.table(kind)
            yield kind, row_id, table.get(row_id), table.place(row_id)

    def _note(self, kind: str, row_id: str, row: Row | None, place: int) -> None:
        if self._journal is not None:
            self._journal.setdefault((kind, row_id), (row, place))

    def now(self) -> datetime:
        """The emulated time; tests may run ahead of the clock."""
        return self.clock() + self.ahead

    def stamp(self) -> str:
        """The time a row is written."""
        return moment(self.now())

    def uuid(self) -> str:
        """The next id, in the form of a UUID v4."""
        text = f"{self.random().getrandbits(128):032x}"
        variant = "89ab"[int(text[16], 16) % 4]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def slug(self, prefix: str, name: str, length: int) -> str:
        """Prefix, the first letters of the name, and six hexadecimal digits."""
        stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:length].strip("-")
        return f"{prefix}-{stem or 'x'}-{self.random().getrandbits(24):06x}"

    def secret(self) -> str:
        """A new API key, in the length and alphabet of Portkey's."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        return "".join(self.random().choices(letters, k=28))

    def random(self) -> random.Random:
        """A source of numbers that are the same every time."""
        self.counter += 1
        return random.Random(f"portkey {self.counter}")  # noqa: S311  # repeatable on purpose

    def dump(self) -> dict[str, Any]:
        """Everything but the bulk data, as JSON."""
        tables = {
            name: {row["id"]: row for row in table.rows()} for name, table in self._tables.items()
        }
        return {"counter": self.counter, "tables": tables}

    def load(self, state: Row) -> None:
        """Replace all rows and the counter by what `dump` gave; the rows are shared, not copied."""
        for table in self._tables.values():
            for row in table.rows():
                table.remove(row)
        self.counter = state["counter"]
        for name, rows in state["tables"].items():
            table = self.table(name)
            for row in rows.values():
                table.add(row)


class _File:
    """A SQLite file with the rows, one each, held by one process at a time."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path, check_same_thread=False, timeout=0)
        # Python 3.13 warns of a connection that nobody closed.
        weakref.finalize(self, self.database.close)
        try:
            # Two processes would each overwrite what the other wrote: one lock for its lifetime.
            self.database.execute("pragma locking_mode = exclusive")
            # A crash of this process loses nothing that was committed; a power cut may.
            self.database.execute("pragma journal_mode = wal")
            self.database.execute("pragma synchronous = normal")
            self.database.execute("begin exclusive")
            self._prepare(path)
            self.database.commit()
        except sqlite3.OperationalError as error:
            self.database.close()
            if "locked" in str(error):
                raise ValueError(f"{path} is in use by another process") from None
            raise

    def _prepare(self, path: Path) -> None:
        (version,) = self.database.execute("pragma user_version").fetchone()
        found = self.database.execute("select 1 from sqlite_master where name = 'rows'").fetchone()
        if found and version != VERSION:
            raise ValueError(f"{path} was written by another version; delete it, or name another")
        self.database.execute(
            "create table if not exists rows"
            " (kind text, id text, place integer, json text, primary key (kind, id))"
        )
        self.database.execute(f"pragma user_version = {VERSION}")

    def read(self) -> Iterator[tuple[str, str, Row, int]]:
        """Every row with its kind, its id and its place, in the order of making."""
        query = "select kind, id, json, place from rows order by place"
        for kind, row_id, text, place in self.database.execute(query):
            yield kind, row_id, json.loads(text), place

    def clear(self) -> None:
        """Forget all rows, and the bulk data."""
        self.database.execute("delete from rows")
        kept = "select name from sqlite_master where type = 'table' and name != 'rows'"
        for (name,) in self.database.execute(kept).fetchall():
            self.database.execute(f"drop table {name}")
        self.database.commit()

    def write(self, counter: int, changes: Iterable[tuple[str, str, Row | None, int]]) -> None:
        """Write the rows that changed, all or none; one without content is removed."""
        kept = [("counter", "counter", -1, json.dumps({"value": counter}))]
        gone = []
        for kind, row_id, row, place in changes:
            if row is None:
                gone.append((kind, row_id))
            else:
                kept.append((kind, row_id, place, json.dumps(row)))
        with self.database:
            self.database.executemany("delete from rows where kind = ? and id = ?", gone)
            self.database.executemany("insert or replace into rows values (?, ?, ?, ?)", kept)

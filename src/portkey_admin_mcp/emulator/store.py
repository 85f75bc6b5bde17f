"""What the emulated organisation remembers: rows in tables, ids, time, and a file if wanted."""

import json
import random
import re
import sqlite3
import weakref
from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Table = dict[str, Row]
Clock = Callable[[], datetime]


def real_time() -> datetime:
    """The clock of a sandbox that people use."""
    return datetime.now(UTC)


def frozen_time() -> datetime:
    """A clock for tests and demos: the same morning, every time."""
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
    """Tables of rows by id, in the order they were made.

    Ids are drawn from a counter, so the same calls on the same seed give the same ids. A key
    that starts with `_` is the emulator's own and never leaves it.
    """

    def __init__(self, clock: Clock = real_time, file: Path | None = None) -> None:
        self.clock = clock
        self.file = None if file is None else _Rows(file)
        self.clear()
        if self.file is not None:
            self.load(self.file.read())

    def clear(self) -> None:
        """Forget everything, and return to the clock's own time."""
        self.ahead = timedelta()
        self.tables: defaultdict[str, Table] = defaultdict(dict)
        self.counter = 0

    def now(self) -> datetime:
        """The emulated time; tests may run ahead of the clock."""
        return self.clock() + self.ahead

    def stamp(self) -> str:
        """The time a row is written."""
        return moment(self.now())

    def uuid(self) -> str:
        """The next id, in the form of a UUID v4."""
        text = f"{self._draw().getrandbits(128):032x}"
        variant = "89ab"[int(text[16], 16) % 4]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def slug(self, prefix: str, name: str, length: int) -> str:
        """Prefix, the first letters of the name, and six hexadecimal digits."""
        stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:length].strip("-")
        return f"{prefix}-{stem or 'x'}-{self._draw().getrandbits(24):06x}"

    def secret(self) -> str:
        """A new API key, in the length and alphabet of Portkey's."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        return "".join(self._draw().choices(letters, k=28))

    def chance(self) -> random.Random:
        """A source of invented numbers that are the same every time."""
        return self._draw()

    def bury(self, table: str, row: Row) -> None:
        """Delete a row, and remember that it was there: Portkey then answers 403, not 404."""
        del self.tables[table][row["id"]]
        for name in ("id", "slug"):
            if name in row:
                self.tables["_graves"][f"{table}:{row[name]}"] = {}

    def was(self, table: str, name: str) -> bool:
        """Whether a row of this id or slug has been deleted."""
        return f"{table}:{name}" in self.tables["_graves"]

    def dump(self) -> Row:
        """Everything, as JSON."""
        return {"counter": self.counter, "tables": deepcopy(dict(self.tables))}

    def load(self, state: Row) -> None:
        """Replace everything by what `dump` gave."""
        self.counter = state.get("counter", 0)
        self.tables = defaultdict(dict, deepcopy(state.get("tables", {})))

    def save(self) -> None:
        """Write what changed to the file, all or nothing."""
        if self.file is not None:
            self.file.write(self.counter, self.tables)

    def _draw(self) -> random.Random:
        self.counter += 1
        return random.Random(f"portkey {self.counter}")  # noqa: S311  # repeatable on purpose


class _Rows:
    """A SQLite file that holds the tables, one row each."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False)
        # Python 3.13 warns of a connection that nobody closed.
        weakref.finalize(self, self._db.close)
        self._db.execute(
            "create table if not exists rows"
            " (kind text, id text, place integer, json text, primary key (kind, id))"
        )
        self._known: dict[tuple[str, str], tuple[int, str]] = {}

    def read(self) -> Row:
        tables: defaultdict[str, Table] = defaultdict(dict)
        query = "select kind, id, place, json from rows order by place"
        for kind, row_id, place, text in self._db.execute(query):
            self._known[kind, row_id] = (place, text)
            tables[kind][row_id] = json.loads(text)
        counter = tables.pop("counter", {}).get("counter", {}).get("value", 0)
        return {"counter": counter, "tables": dict(tables)}

    def write(self, counter: int, tables: dict[str, Table]) -> None:
        found = {("counter", "counter"): (-1, json.dumps({"value": counter}))}
        for kind, table in tables.items():
            for place, (row_id, row) in enumerate(table.items()):
                found[kind, row_id] = (place, json.dumps(row))
        changed = [(*key, *value) for key, value in found.items() if self._known.get(key) != value]
        with self._db:
            self._db.executemany(
                "delete from rows where kind = ? and id = ?", self._known.keys() - found.keys()
            )
            self._db.executemany("insert or replace into rows values (?, ?, ?, ?)", changed)
        self._known = found

"""The journal of one machine: a SQLite file that several processes append to."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

from .chain import START, Fields, Line, next_line

SCHEMA = """
CREATE TABLE IF NOT EXISTS lines (number INTEGER PRIMARY KEY, change, text, hash);
CREATE INDEX IF NOT EXISTS lines_of_change ON lines (change);
"""
BUSY_TIMEOUT_S = 5.0
MAX_LINES = 1_000_000
"""Lines that are kept, about 2 GB; the oldest make room."""
PAGE = 1_000


class SqliteJournal:
    """`Journal` in a file, or in memory with `:memory:`. Each line is written with an fsync."""

    def __init__(self, path: Path | str, max_lines: int = MAX_LINES) -> None:
        self._max_lines = max_lines
        self._database = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(SCHEMA)

    async def append(self, fields: Fields) -> Line:
        """See `Journal`."""
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        try:
            last = run("SELECT number, hash FROM lines ORDER BY number DESC LIMIT 1").fetchone()
            number, follows = last or (0, START)
            line = next_line(number + 1, fields, follows)
            run(
                "INSERT INTO lines VALUES (?, ?, ?, ?)",
                (line.number, fields.get("change", ""), line.text, line.hash),
            )
            run("DELETE FROM lines WHERE number <= ?", (line.number - self._max_lines,))
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise
        return line

    async def lines(self) -> AsyncIterator[Line]:
        """See `Journal`."""
        number = 0
        while page := self._select("WHERE number > ? ORDER BY number LIMIT ?", number, PAGE):
            for line in page:
                yield line
            number = page[-1].number

    async def latest(self, limit: int) -> list[Line]:
        """See `Journal`."""
        return self._select("ORDER BY number DESC LIMIT ?", limit)

    async def of_change(self, change: str) -> list[Line]:
        """See `Journal`."""
        return self._select("WHERE change = ? ORDER BY number", change)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _select(self, rest: str, *values: object) -> list[Line]:
        rows = self._database.execute(f"SELECT number, text, hash FROM lines {rest}", values)  # noqa: S608  # `rest` is a text of this module
        return [Line(*row) for row in rows]

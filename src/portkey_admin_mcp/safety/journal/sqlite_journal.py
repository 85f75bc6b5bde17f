"""The journal of one machine: a SQLite file that several processes append to."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from ...errors import JournalUnavailable
from ..state_dir import IN_MEMORY
from .chain import START, Fields, Line, next_line
from .journal import NEWEST

SCHEMA = """
CREATE TABLE IF NOT EXISTS lines (number INTEGER PRIMARY KEY, text, hash);
CREATE INDEX IF NOT EXISTS lines_of_change ON lines (json_extract(text, '$.change'));
"""
"""The index is on the text, so that no column can contradict what the hash protects."""
BUSY_TIMEOUT_S = 5.0
LINES_PER_READ = 1_000

T = TypeVar("T")


class SqliteJournal:
    """`Journal` in a file, or in memory with `:memory:`. Each line is written with an fsync.

    SQLite runs in a thread of its own, so that an fsync, or another process that holds the file,
    delays no other request of this process.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._connection: sqlite3.Connection | None = None

    async def append(self, fields: Fields) -> Line:
        """See `Journal`."""
        return await self._in_thread(partial(self._append, fields))

    async def lines(self) -> AsyncIterator[Line]:
        """See `Journal`."""
        number = 0
        while page := await self._select(
            "WHERE number > ? ORDER BY number LIMIT ?", number, LINES_PER_READ
        ):
            for line in page:
                yield line
            number = page[-1].number

    async def latest(self, limit: int, before: int = NEWEST) -> list[Line]:
        """See `Journal`."""
        return await self._select("WHERE number < ? ORDER BY number DESC LIMIT ?", before, limit)

    async def of_change(self, change: str) -> list[Line]:
        """See `Journal`."""
        return await self._select(
            "WHERE json_extract(text, '$.change') = ? ORDER BY number", change
        )

    async def close(self) -> None:
        """See `Journal`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._in_thread(connection.close)

    @property
    def _database(self) -> sqlite3.Connection:
        """The connection; the file is opened when it is first needed."""
        if self._connection is None:
            database = sqlite3.connect(
                self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.executescript(SCHEMA)
            self._connection = database
        return self._connection

    def _append(self, fields: Fields) -> Line:
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        try:
            last = run("SELECT number, hash FROM lines ORDER BY number DESC LIMIT 1").fetchone()
            number, follows = last or (0, START)
            line = next_line(number + 1, fields, follows)
            run("INSERT INTO lines VALUES (?, ?, ?)", line)
            run("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                run("ROLLBACK")
            raise
        return line

    async def _select(self, rest: str, *values: object) -> list[Line]:
        sql = f"SELECT number, text, hash FROM lines {rest}"  # noqa: S608  # `rest` is a text of this module
        rows = await self._in_thread(lambda: self._database.execute(sql, values).fetchall())
        return [Line(*row) for row in rows]

    async def _in_thread(self, run: Callable[[], T]) -> T:
        try:
            if self._path == IN_MEMORY:  # which takes less time than changing the thread
                return run()
            return await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except sqlite3.Error as error:
            raise JournalUnavailable(
                f"the change journal {self._path} cannot be used ({error}); free or repair its "
                "disk or file, or set PORTKEY_JOURNAL to another file"
            ) from error

"""The store of one machine: a SQLite file that the server and the command line share."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path

from .state_dir import IN_MEMORY
from .store import (
    APPROVED_S,
    MAX_LISTED,
    MAX_PENDING,
    Approval,
    Decision,
    Freeze,
    failures_of,
)

COLUMNS = tuple(field.name for field in fields(Approval))
VERSION = 1
"""The version of the table of approvals, which live for a day: an older table is dropped."""
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS approvals ({", ".join(COLUMNS)}, PRIMARY KEY (id));
CREATE INDEX IF NOT EXISTS approvals_of_call ON approvals (call);
CREATE TABLE IF NOT EXISTS nonces (nonce PRIMARY KEY, expires_at);
CREATE TABLE IF NOT EXISTS freeze (only INTEGER PRIMARY KEY CHECK (only = 1), by, why, since);
PRAGMA user_version = {VERSION};
"""
INSERT = f"INSERT INTO approvals VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608  # ours
MAKE_ROOM = """
DELETE FROM approvals WHERE id IN (
  SELECT id FROM approvals WHERE requester = ? AND state = 'pending'
  ORDER BY created_at DESC LIMIT -1 OFFSET ?)
"""
BUSY_TIMEOUT_S = 5.0


class SqliteStore:
    """`SafetyStore` in a file, or in memory with `:memory:`. Takes well under a millisecond.

    The file is opened at the first use, and again if it was deleted: the command line would write
    to a new one.
    """

    def __init__(self, path: Path | str, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None

    async def request(self, approval: Approval) -> Approval:
        """See `SafetyStore`."""
        with self._transaction() as database:
            database.execute("DELETE FROM approvals WHERE expires_at <= ?", (self._clock(),))
            same = _one(
                database,
                "call = ? AND binding = ? AND state != 'used'",
                *(approval.call, approval.binding),
            )
            if same is not None:
                return same
            database.execute(INSERT, (*asdict(approval).values(),))
            database.execute(MAKE_ROOM, (approval.requester, MAX_PENDING))
        return approval

    async def find(self, id: str) -> Approval | None:
        """See `SafetyStore`."""
        with self._reading() as database:
            return _one(database, "id = ? AND expires_at > ?", id, self._clock())

    async def list_open(self) -> list[Approval]:
        """See `SafetyStore`."""
        with self._reading() as database:
            return _select(database, "state = 'pending' AND expires_at > ?", self._clock())

    async def settle(self, id: str, decision: Decision, by: str, why: str) -> Approval | None:
        """See `SafetyStore`."""
        now = self._clock()
        with self._transaction() as database:
            pending = _one(database, "id = ? AND state = 'pending' AND expires_at > ?", id, now)
            if pending is None:
                return None
            settled = replace(
                pending,
                state=decision,
                settled_by=by,
                settled_at=now,
                why=why,
                expires_at=now + APPROVED_S,
            )
            database.execute(
                "UPDATE approvals SET state = ?, settled_by = ?, settled_at = ?, why = ?, "
                "expires_at = ? WHERE id = ?",
                (settled.state, by, now, why, settled.expires_at, id),
            )
        return settled

    async def take(self, call: str, binding: str) -> Approval | None:
        """See `SafetyStore`."""
        with self._transaction() as database:
            decided = _one(
                database,
                "call = ? AND binding = ? AND state IN ('approved', 'denied') AND expires_at > ?",
                *(call, binding, self._clock()),
            )
            if decided is not None and decided.state == "approved":
                database.execute("UPDATE approvals SET state = 'used' WHERE id = ?", (decided.id,))
        return decided

    async def use_once(self, nonce: str, keep_s: float) -> bool:
        """See `SafetyStore`."""
        now = self._clock()
        with self._transaction() as database:
            database.execute("DELETE FROM nonces WHERE expires_at <= ?", (now,))
            inserted = database.execute(
                "INSERT OR IGNORE INTO nonces VALUES (?, ?)", (nonce, now + keep_s)
            )
            return inserted.rowcount == 1

    async def forget(self, nonce: str) -> None:
        """See `SafetyStore`."""
        with self._transaction() as database:
            database.execute("DELETE FROM nonces WHERE nonce = ?", (nonce,))

    async def freeze(self) -> Freeze | None:
        """See `SafetyStore`."""
        with self._reading() as database:
            return _freeze(database)

    async def set_freeze(self, freeze: Freeze | None) -> Freeze | None:
        """See `SafetyStore`."""
        with self._transaction() as database:
            if freeze is None:
                database.execute("DELETE FROM freeze")
            else:
                database.execute(
                    "INSERT OR IGNORE INTO freeze VALUES (1, ?, ?, ?)",
                    (freeze.by, freeze.why, freeze.since),
                )
            return _freeze(database)

    async def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction; other processes wait for its end."""
        with self._reading() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with failures_of(sqlite3.Error, OSError):
            if self._connection is None or self._opened != self._file():
                self._connection = self._connect()
            yield self._connection

    def _connect(self) -> sqlite3.Connection:
        if self._connection is not None:
            self._connection.close()
        if self.path != IN_MEMORY:
            Path(self.path).touch(mode=0o600)
        database = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        if database.execute("PRAGMA user_version").fetchone()[0] < VERSION:
            database.executescript(f"DROP TABLE IF EXISTS approvals; {SCHEMA}")
        self._opened = self._file()
        return database

    def _file(self) -> tuple[int, int] | None:
        """Which file the path names now; None in memory, or if there is none."""
        if self.path == IN_MEMORY:
            return None
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino


def _select(database: sqlite3.Connection, condition: str, *values: object) -> list[Approval]:
    # The condition is a text of this module; values are bound.
    sql = (
        f"SELECT {', '.join(COLUMNS)} FROM approvals WHERE {condition} ORDER BY created_at LIMIT ?"  # noqa: S608
    )
    rows = database.execute(sql, (*values, MAX_LISTED))
    return [Approval(**dict(zip(COLUMNS, row, strict=True))) for row in rows]


def _one(database: sqlite3.Connection, condition: str, *values: object) -> Approval | None:
    return next(iter(_select(database, condition, *values)), None)


def _freeze(database: sqlite3.Connection) -> Freeze | None:
    row = database.execute("SELECT by, why, since FROM freeze").fetchone()
    return None if row is None else Freeze(*row)

"""The store of one machine: a SQLite file that the server and the command line share."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path

from .store import APPROVED_S, Approval, Decision, Freeze

COLUMNS = tuple(field.name for field in fields(Approval))
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS approvals ({", ".join(COLUMNS)}, PRIMARY KEY (id));
CREATE TABLE IF NOT EXISTS nonces (nonce PRIMARY KEY, expires_at);
CREATE TABLE IF NOT EXISTS freeze (only INTEGER PRIMARY KEY CHECK (only = 1), by, why, since);
"""
INSERT = f"INSERT INTO approvals VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608  # ours
BUSY_TIMEOUT_S = 5.0
MAX_OPEN = 1_000
"""Requests for approval that are kept; the oldest make room."""


class SqliteStore:
    """`SafetyStore` in a file, or in memory with `:memory:`. Takes well under a millisecond."""

    def __init__(self, path: Path | str, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._database = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.executescript(SCHEMA)

    async def request(self, approval: Approval) -> Approval:
        """See `SafetyStore`."""
        with self._transaction():
            self._forget_expired()
            same = self._one("call = ? AND binding = ? AND state != 'used'", *_key(approval))
            if same is not None:
                return same
            self._run(INSERT, *asdict(approval).values())
            self._run(
                "DELETE FROM approvals WHERE id NOT IN "
                "(SELECT id FROM approvals ORDER BY created_at DESC LIMIT ?)",
                MAX_OPEN,
            )
        return approval

    async def find(self, id: str) -> Approval | None:
        """See `SafetyStore`."""
        return self._one("id = ? AND expires_at > ?", id, self._clock())

    async def list_open(self) -> list[Approval]:
        """See `SafetyStore`."""
        return self._all("state = 'pending' AND expires_at > ?", self._clock())

    async def settle(self, id: str, decision: Decision, by: str, why: str) -> Approval | None:
        """See `SafetyStore`."""
        now = self._clock()
        with self._transaction():
            pending = self._one("id = ? AND state = 'pending' AND expires_at > ?", id, now)
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
            self._run(
                "UPDATE approvals SET state = ?, settled_by = ?, settled_at = ?, why = ?, "
                "expires_at = ? WHERE id = ?",
                *(settled.state, by, now, why, settled.expires_at, id),
            )
        return settled

    async def take(self, call: str, binding: str) -> Approval | None:
        """See `SafetyStore`."""
        with self._transaction():
            decided = self._one(
                "call = ? AND binding = ? AND state IN ('approved', 'denied') AND expires_at > ?",
                *(call, binding, self._clock()),
            )
            if decided is not None:
                self._run("UPDATE approvals SET state = 'used' WHERE id = ?", decided.id)
        return decided

    async def use_once(self, nonce: str, keep_s: float) -> bool:
        """See `SafetyStore`."""
        now = self._clock()
        with self._transaction():
            self._run("DELETE FROM nonces WHERE expires_at <= ?", now)
            inserted = self._run("INSERT OR IGNORE INTO nonces VALUES (?, ?)", nonce, now + keep_s)
        return inserted == 1

    async def freeze(self) -> Freeze | None:
        """See `SafetyStore`."""
        row = self._database.execute("SELECT by, why, since FROM freeze").fetchone()
        return None if row is None else Freeze(*row)

    async def set_freeze(self, freeze: Freeze | None) -> None:
        """See `SafetyStore`."""
        if freeze is None:
            self._run("DELETE FROM freeze")
        else:
            self._run(
                "INSERT OR REPLACE INTO freeze VALUES (1, ?, ?, ?)",
                *(freeze.by, freeze.why, freeze.since),
            )

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._database)

    def _run(self, sql: str, *values: object) -> int:
        return self._database.execute(sql, values).rowcount

    def _all(self, condition: str, *values: object) -> list[Approval]:
        # The condition is a text of this module; values are bound.
        sql = f"SELECT {', '.join(COLUMNS)} FROM approvals WHERE {condition} ORDER BY created_at"  # noqa: S608
        return [Approval(*row) for row in self._database.execute(sql, values)]

    def _one(self, condition: str, *values: object) -> Approval | None:
        return next(iter(self._all(condition, *values)), None)

    def _forget_expired(self) -> None:
        self._run("DELETE FROM approvals WHERE expires_at <= ?", self._clock())


class _Transaction:
    """A write transaction; other processes wait for its end."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, error_type: type[BaseException] | None, *_rest: object) -> None:
        self._database.execute("COMMIT" if error_type is None else "ROLLBACK")


def _key(approval: Approval) -> tuple[str, str]:
    return approval.call, approval.binding

"""The state file: a SQLite database with one record for each row of the store."""

import contextlib
import json
import os
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from .rows import Row

FILE_VERSION = 3
"""The version of the state file's form."""
APPLICATION_ID = 0x706B656D
"""The mark of a state file in the header of its SQLite database (`pkem`): no other file is
written to."""
ROW_COLUMNS = ["kind", "id", "place", "json"]


class StateFileError(ValueError):
    """A state file that cannot be used; the message names it and the cure."""


def _create_private(path: Path) -> None:
    """Create the file for this user only; SQLite gives the files beside it the same mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise StateFileError(
            f"{path} cannot be created ({error.strerror}); name a file in a directory that you "
            "may write to"
        ) from None


def _unusable(path: Path, error: sqlite3.Error) -> StateFileError:
    """What an error of SQLite says of the file, with the cure."""
    if "locked" in str(error):
        return StateFileError(
            f"{path} is in use by another process; stop that one, or name another file"
        )
    if "not a database" in str(error):
        return StateFileError(
            f"{path} is not a state file of the emulator; name another file, or one that does not "
            "exist yet"
        )
    return StateFileError(f"{path} cannot be used ({error}); name another file")


def _check_is_ours(path: Path) -> None:
    """Raise StateFileError for a file that this version of the emulator did not write.

    Only reads it. A new or empty file is accepted, and so is one that another process has locked:
    opening it says so.
    """
    if not path.exists() or not path.stat().st_size:
        return
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as database:
        try:
            (mark,) = database.execute("pragma application_id").fetchone()
            (version,) = database.execute("pragma user_version").fetchone()
            columns = [row[1] for row in database.execute("pragma table_info(rows)")]
        except sqlite3.Error as error:
            if "locked" in str(error):
                return
            raise _unusable(path, error) from None
    if mark == APPLICATION_ID and version == FILE_VERSION:
        return
    if columns == ROW_COLUMNS and mark in (0, APPLICATION_ID):
        raise StateFileError(
            f"{path} was written by another version; delete it or name another file"
        )
    raise StateFileError(
        f"{path} is a database of another program, which would be emptied; name another file, or "
        "one that does not exist yet"
    )


class StateFile:
    """A SQLite file with one record for each row. One process at a time can open it."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create it. Raises StateFileError."""
        _check_is_ours(path)
        _create_private(path)
        self.database = sqlite3.connect(path, check_same_thread=False, timeout=0)
        # Python 3.13 warns about a connection that is not closed.
        weakref.finalize(self, self.database.close)
        try:
            # In the file itself before it has a log beside it, so that the next start finds it.
            self.database.execute(f"pragma application_id = {APPLICATION_ID}")
            # Two processes would overwrite each other's rows: lock the file until it is closed.
            self.database.execute("pragma locking_mode = exclusive")
            # A crash of this process loses no committed data; a power failure may.
            self.database.execute("pragma journal_mode = wal")
            self.database.execute("pragma synchronous = normal")
            self.database.execute("begin exclusive")
            self._prepare()
            self.database.commit()
        except sqlite3.Error as error:
            self.database.close()
            raise _unusable(path, error) from None

    def _prepare(self) -> None:
        self.database.execute(
            "create table if not exists rows"
            " (kind text, id text, place integer, json text, primary key (kind, id))"
        )
        self.database.execute(f"pragma user_version = {FILE_VERSION}")

    def read(self) -> Iterator[tuple[str, str, Row, int]]:
        """Every row, as (table, id, row, position), in the order of adding."""
        query = "select kind, id, json, place from rows order by place"
        for table, row_id, text, position in self.database.execute(query):
            yield table, row_id, json.loads(text), position

    def start_over(self, counter: int, tables: Mapping[str, Sequence[Row]]) -> None:
        """Replace all rows, and remove all other tables of the database, or change nothing."""
        with self.database:
            self.database.execute("delete from rows")
            others = "select name from sqlite_master where type = 'table' and name != 'rows'"
            for (name,) in self.database.execute(others).fetchall():
                self.database.execute(f"drop table {name}")
            changes = (
                (name, row["id"], row, position)
                for name, rows in tables.items()
                for position, row in enumerate(rows)
            )
            self.write(counter, timedelta(), changes)

    def write(
        self, counter: int, ahead: timedelta, changes: Iterable[tuple[str, str, Row | None, int]]
    ) -> None:
        """Write changes as (table, id, row, position), all or none; a row of None is removed."""
        values = {"value": counter, "ahead_s": ahead.total_seconds()}
        records = [("counter", "counter", -1, json.dumps(values))]
        removed = []
        for table, row_id, row, position in changes:
            if row is None:
                removed.append((table, row_id))
            else:
                records.append((table, row_id, position, json.dumps(row)))
        with self.database:
            self.database.executemany("delete from rows where kind = ? and id = ?", removed)
            self.database.executemany("insert or replace into rows values (?, ?, ?, ?)", records)

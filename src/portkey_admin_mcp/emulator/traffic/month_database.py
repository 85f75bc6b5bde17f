"""The month of requests as a SQLite database, which the emulators of a process share.

An emulator reads the shared database, which nobody can write to, until its first write of a request
or of feedback: then it gets a copy of its own.
"""

import json
import sqlite3
import weakref
from functools import cached_property, lru_cache
from itertools import count

from .month import make_indexes, make_tables, month_rows

SHARED = "shared_month"
"""The name under which the shared database is attached to that of an emulator."""
COPY = "month"
"""The name under which a copy is attached."""
_NUMBERS = count(1)


class MonthDatabase:
    """The requests and feedback of a recipe.

    Use it from any thread. It stays in memory as long as this object exists or a connection has it
    attached.
    """

    def __init__(self, recipe: str) -> None:
        """Generate the month of a recipe, given as JSON."""
        # Connections of one process that open this name open the same database: SQLite's `memdb`,
        # which shares since 3.36, the version that has `deserialize` by default, too.
        self._uri = f"file:/portkey-emulator-month-{next(_NUMBERS)}?vfs=memdb"
        self._database = sqlite3.connect(self._uri, uri=True, check_same_thread=False)
        # Python 3.13 warns about a connection that is not closed.
        weakref.finalize(self, self._database.close)
        make_tables(self._database)
        rows = month_rows(json.loads(recipe))
        scores = [score for _row, score in rows if score]
        for table, values in (("requests", [row for row, _score in rows]), ("feedback", scores)):
            marks = ", ".join("?" * len(values[0]))
            self._database.executemany(f"insert into {table} values ({marks})", values)  # noqa: S608  # no user input
        make_indexes(self._database)
        self._database.commit()

    def attach(self, connection: sqlite3.Connection) -> None:
        """Attach the shared database, which takes no time: its tables can be read, not written."""
        connection.execute(f"attach '{self._uri}&mode=ro' as {SHARED}")

    def attach_copy(self, connection: sqlite3.Connection) -> None:
        """Attach a copy, whose tables can be read and written, instead of the shared database."""
        if is_shared(connection):
            connection.execute(f"detach {SHARED}")
        connection.execute(f"attach ':memory:' as {COPY}")
        connection.deserialize(self._content, name=COPY)

    @cached_property
    def _content(self) -> bytes:
        """The database serialized, which takes ten times as long as to make a copy of it."""
        return self._database.serialize()


@lru_cache(maxsize=3)
def month_database(recipe: str) -> MonthDatabase:
    """The month of a recipe, given as JSON. The latest ones are kept."""
    return MonthDatabase(recipe)


def is_shared(connection: sqlite3.Connection) -> bool:
    """Whether a connection reads the shared database of a month."""
    return any(
        name == SHARED for _number, name, _file in connection.execute("pragma database_list")
    )

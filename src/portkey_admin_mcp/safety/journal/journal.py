"""What a journal can do, wherever it is kept."""

from collections.abc import AsyncIterator
from typing import Protocol

from .chain import Fields, Line

NEWEST = 2**53
"""A number above that of every line."""


class Journal(Protocol):
    """Keeps lines in order; each method raises JournalUnavailable if it cannot.

    A line is on the disk, or in Redis, when `append` returns. No line is ever removed.
    """

    async def append(self, fields: Fields) -> Line:
        """Add a line at the end of the chain."""
        ...

    def lines(self) -> AsyncIterator[Line]:
        """All lines, the oldest first."""
        ...

    async def latest(self, limit: int, before: int = NEWEST) -> list[Line]:
        """The last lines with a number below `before`, the newest first."""
        ...

    async def of_change(self, change: str) -> list[Line]:
        """The lines of one change, the oldest first."""
        ...

    async def close(self) -> None:
        """Release the file or the connections."""
        ...

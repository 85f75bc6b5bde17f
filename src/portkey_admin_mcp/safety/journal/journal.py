"""What a journal can do, wherever it is kept."""

from collections.abc import AsyncIterator
from typing import Protocol

from .chain import Fields, Line


class Journal(Protocol):
    """Keeps lines in order. A line is on the disk, or in Redis, when `append` returns."""

    async def append(self, fields: Fields) -> Line:
        """Add a line at the end of the chain."""
        ...

    def lines(self) -> AsyncIterator[Line]:
        """All lines, the oldest first."""
        ...

    async def latest(self, limit: int) -> list[Line]:
        """The last lines, the newest first."""
        ...

    async def of_change(self, change: str) -> list[Line]:
        """The lines of one change, the oldest first."""
        ...

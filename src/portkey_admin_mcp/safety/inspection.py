"""How this server's own tools look at the calls of others. The server sets it for their calls."""

from contextvars import ContextVar
from typing import Any, Protocol

from ..models.core.base import Record


class Inspector(Protocol):
    """What the server can say of a call without making it."""

    async def preview(self, name: str, arguments: dict[str, Any]) -> Record:
        """What a call would do; raises InputError for an unknown tool or wrong arguments."""
        ...


current_inspector: ContextVar[Inspector] = ContextVar("current_inspector")
"""The inspector of the current call of one of this server's own tools."""

"""How this server's own tools look at the calls of others. The server sets it for their calls."""

from contextvars import ContextVar
from typing import Any, Protocol

from ..models.core.base import Record
from ..portkey.catalog import Tool
from .journal.journal import Journal


class Inspector(Protocol):
    """The other tools of this server, as they are offered to the current request."""

    async def preview(self, name: str, arguments: dict[str, Any]) -> Record:
        """What a call would do; raises InputError for an unknown tool or wrong arguments."""
        ...

    async def call(self, name: str, arguments: dict[str, Any]) -> Record:
        """Call a tool as a client would, so that a person may be asked; raises its errors.

        While this server's own tool is only previewed, the same as `preview`.
        """
        ...

    def tool(self, name: str) -> Tool:
        """A tool by name; raises InputError if it is not offered."""
        ...

    @property
    def journal(self) -> Journal:
        """The change journal; raises NotPermitted if it is off."""
        ...


current_inspector: ContextVar[Inspector] = ContextVar("current_inspector")
"""The inspector of the current call of one of this server's own tools."""

"""How this server's own tools look at the calls of others. The server sets it for their calls."""

from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..models.core.base import Record
from ..portkey.catalog import Tool

if TYPE_CHECKING:
    from .journal.journal import Journal


@dataclass(frozen=True)
class Limits:
    """What this server does not allow to the current request.

    `offered` are the names of all tools that it may call, `denied` those of them that the policy
    denies to the caller. `freeze` says who froze all changes, and why; empty without a freeze.
    """

    offered: frozenset[str]
    toolsets: tuple[str, ...] = ()
    read_only: bool = False
    workspaces: tuple[str, ...] = ()
    denied: frozenset[str] = frozenset()
    policy: str = ""
    freeze: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The limits for a model; what does not limit is left out."""
        limits: dict[str, Any] = {
            "tools": len(self.offered),
            "toolsets": list(self.toolsets),
            "read_only": self.read_only,
            "workspaces": list(self.workspaces),
            "policy": self.policy,
            "denied_by_policy": len(self.denied),
            "freeze": self.freeze,
            **self.details,
        }
        return {name: value for name, value in limits.items() if value}


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

    def alone(self, action: str) -> AbstractAsyncContextManager[None]:
        """See `Door.alone`."""
        ...

    @property
    def journal(self) -> "Journal":
        """The change journal; raises NotPermitted if it is off."""
        ...

    async def limits(self) -> Limits:
        """What is not allowed to the current request."""
        ...


current_inspector: ContextVar[Inspector] = ContextVar("current_inspector")
"""The inspector of the current call of one of this server's own tools."""

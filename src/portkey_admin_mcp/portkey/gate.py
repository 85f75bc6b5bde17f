"""The gate: what every request that changes something passes before it is sent."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Portkey


@dataclass(frozen=True)
class Change:
    """A request that changes something.

    `path` is written as Portkey documents it; `ids` fill its placeholders. `query` and `body` are
    the fields as they will be sent. `module` is the module that declares the endpoint.
    """

    method: str
    path: str
    ids: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    module: str = ""

    @property
    def endpoint(self) -> str:
        """The endpoint as Portkey documents it."""
        return f"{self.method} {self.path}"


Send = Callable[[], Awaitable[bytes]]
"""Sends the request of a change, with its retries, and returns the body of the answer."""


Gate = Callable[["Portkey", Change, Send], Awaitable[bytes]]
"""Decides about a change: sends it once, or raises one of the errors in `errors`."""


async def open_gate(_api: "Portkey", _change: Change, send: Send) -> bytes:
    """Let every change pass. For scripts and tests: `assembly` uses the door's gate."""
    return await send()

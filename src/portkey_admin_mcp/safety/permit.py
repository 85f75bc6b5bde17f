"""The permit: what the door gives to a call, and the gate that lets no change pass without one."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..errors import NotPermitted
from ..portkey.api import Portkey
from ..portkey.gate import Change, Send

Passage = Callable[[Portkey, Change, Send], Awaitable[bytes]]
"""Sends one change of a permitted call; the door checks and records it."""

_current: ContextVar[Passage | None] = ContextVar("current_permit", default=None)


async def permitted_only(api: Portkey, change: Change, send: Send) -> bytes:
    """The gate of every client that serves tools: a change needs the permit of its call."""
    passage = _current.get()
    if passage is None:
        raise NotPermitted(
            f"{change.endpoint} did not pass this server's checks, so it is not sent"
        )
    return await passage(api, change, send)


@contextmanager
def permit(passage: Passage) -> Iterator[None]:
    """Permit the changes of the call that runs inside."""
    token = _current.set(passage)
    try:
        yield
    finally:
        _current.reset(token)

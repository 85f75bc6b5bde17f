"""The event log: events sent on streams, kept for clients that resume with Last-Event-ID.

A stream is the response to one request, or a session's stream of notifications. It has a random
id and belongs to the principal that made the request: its key contains the principal's
fingerprint, so that another principal cannot read it with its event id.
"""

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any, Protocol

from ..access.principal import Principal

EVENT_ID = re.compile(r"(?P<stream>[0-9a-f]{32})\.(?P<position>\d{1,16}(-\d{1,16})?)")
MAX_EVENTS = 1000
"""Events kept of one stream; the oldest are dropped first."""

POLL_INTERVAL_S = 1.0
"""Seconds to wait for a notification of new events before the store is read again."""


class EventLogUnavailable(Exception):
    """The store cannot be reached now."""


class UnknownEvent(Exception):
    """There is no such event, or it is not this principal's."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream; `last` if none can follow. Without a message it sets a cursor."""

    id: str
    message: str | None
    last: bool


@dataclass(frozen=True)
class Cursor:
    """A position in a stream of a principal, as read from a Last-Event-ID."""

    key: str
    stream: str
    position: str


class EventLog(Protocol):
    """Stores events by stream. Every method raises EventLogUnavailable if the store is down."""

    async def append(
        self, principal: Principal, stream: str, message: str | None, last: bool
    ) -> str:
        """Keep an event; returns its id."""
        ...

    def follow(self, cursor: Cursor) -> AsyncIterator[Event | None]:
        """Yield the events after a position, then new ones as they are appended.

        Yields None at intervals while there is nothing new, and ends where nothing can follow.
        Raises UnknownEvent at once if there is no such event.
        """
        ...

    async def ping(self) -> None:
        """Return if the store can be used."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


def new_stream_id() -> str:
    """A random stream id that cannot be guessed."""
    return secrets.token_hex(16)


def cursor_of(principal: Principal, event_id: str) -> Cursor:
    """Parse a Last-Event-ID; raises UnknownEvent if it is malformed."""
    found = EVENT_ID.fullmatch(event_id)
    if found is None:
        raise UnknownEvent
    return Cursor(f"{principal.fingerprint}:{found['stream']}", found["stream"], found["position"])


async def wait_at_most(seconds: float, awaitable: Awaitable[Any]) -> None:
    """Wait, but give up after so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await awaitable

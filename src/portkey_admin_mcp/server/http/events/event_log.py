"""The event log: events sent on streams, kept for clients that resume with Last-Event-ID.

A stream is the response to one request, or a session's stream of notifications. It has a random
id and belongs to the principal that made the request: its key contains the principal's
fingerprint, so that another principal cannot read it with its event id; nor can the same one with
another key of Portkey.
"""

import asyncio
import contextlib
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ....safety.caller import Caller
from ...json_rpc import RequestId

EVENT_ID = re.compile(r"(?P<stream>[0-9a-f]{32})\.(?P<position>\d{1,16}(-\d{1,16})?)")
MAX_EVENTS = 1000
"""Maximum number of events kept per stream; the oldest are dropped first."""

POLL_INTERVAL_S = 1.0
"""Seconds to wait for a notification of new events before the log is read again."""

CALL_TIMEOUT_S = 300.0
"""Seconds without an event after which a resumed call is answered with an error."""


class EventLogUnavailable(Exception):
    """The event log cannot be used now, or cannot take this event."""


class UnknownEvent(Exception):
    """No such event is kept, or it belongs to another principal."""


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

    @property
    def event_id(self) -> str:
        """The id of the event at this position."""
        return event_id(self.stream, self.position)


class Call(NamedTuple):
    """The request that a stream answers."""

    request_id: RequestId
    instance: str
    """The instance that serves it; empty in memory, where there is only one."""


class ReadResult(NamedTuple):
    """The events of a stream at and after a cursor."""

    is_at_end: bool
    """Whether the event at the cursor is the last of its stream."""
    events: list[Event]
    """The events after the cursor, oldest first."""
    call: Call | None
    """The request of the stream; None for notifications, which have none."""


Watch = Callable[[Cursor], Awaitable[bool]]
"""Called while a follower waits, with a cursor at the newest event of its stream.

If its call will not be answered, ends the stream with an error, and returns True. Raises
EventLogUnavailable.
"""


class Subscriptions:
    """The followers of each stream, which are woken when an event is appended to it."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    @contextlib.contextmanager
    def subscribe(self, key: str) -> Iterator[asyncio.Event]:
        """Return an asyncio event that is set whenever an event is appended to this stream."""
        appended = asyncio.Event()
        self._waiting.setdefault(key, set()).add(appended)
        try:
            yield appended
        finally:
            self._waiting[key].discard(appended)
            if not self._waiting[key]:
                del self._waiting[key]

    def __len__(self) -> int:
        """The number of streams that have followers."""
        return len(self._waiting)

    def notify(self, key: str) -> None:
        """Wake the followers of this stream."""
        for appended in self._waiting.get(key, ()):
            appended.set()


class EventLog(ABC):
    """Keeps events by stream. Every method raises EventLogUnavailable if the log is down."""

    def __init__(self) -> None:
        self._subscriptions = Subscriptions()

    @abstractmethod
    async def append(
        self,
        principal: Caller,
        stream: str,
        message: str | None,
        last: bool,
        request_id: RequestId | None = None,
    ) -> str:
        """Keep an event; returns its id. `request_id` is that of the request of the stream.

        Raises EventLogUnavailable also for an event after the last one.
        """

    @abstractmethod
    async def end_later(self, principal: Caller, stream: str, request_id: RequestId) -> None:
        """End a stream whose answer could not be kept with an error, as soon as that is possible.

        Never raises.
        """

    async def follow(self, cursor: Cursor) -> AsyncIterator[Event | None]:
        """Yield the events after a cursor, then new ones as they are appended.

        Yields None at least once in POLL_INTERVAL_S while there is nothing new. Ends after the
        last event of the stream, or if events after the cursor may have been dropped. If the call
        will not be answered, its last event is an error.
        Raises UnknownEvent at once if there is no event at the cursor.
        """
        with self._subscriptions.subscribe(cursor.key) as appended:
            is_at_end, events, call = await self._read(cursor)
            watch = None if call is None else self._watch(call)
            while not is_at_end:
                for event in events:
                    yield event
                    cursor = _cursor_in(cursor.key, event.id)
                if not events and not (watch is not None and await watch(cursor)):
                    await _wait(appended, POLL_INTERVAL_S)
                    yield None
                # Before the read: an event appended after the read must wake us again.
                appended.clear()
                try:
                    is_at_end, events, _ = await self._read(cursor)
                except UnknownEvent:
                    return

    @abstractmethod
    async def ping(self) -> None:
        """Return if the log can be used."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections, if there are any."""

    @abstractmethod
    def _watch(self, call: Call) -> Watch:
        """What is to be called for a follower of this call while it waits."""

    @abstractmethod
    async def _read(self, cursor: Cursor) -> ReadResult:
        """Read at and after a cursor; raises UnknownEvent if no event is kept at the cursor."""


def new_stream_id() -> str:
    """A random stream id that cannot be guessed."""
    return secrets.token_hex(16)


def stream_key(principal: Caller, stream: str) -> str:
    """The name under which a stream of a principal is kept.

    It begins with the principal, whose streams are counted together, whichever key they used.
    """
    key = f"{principal.key}:" if principal.key else ""
    return f"{principal.fingerprint}:{key}{stream}"


def event_id(stream: str, position: str) -> str:
    """The id of the event at a position of a stream, as clients send it in Last-Event-ID."""
    return f"{stream}.{position}"


def cursor_of(principal: Caller, last_event_id: str) -> Cursor:
    """Parse a Last-Event-ID; raises UnknownEvent if it is malformed."""
    match = EVENT_ID.fullmatch(last_event_id)
    if match is None:
        raise UnknownEvent
    return Cursor(stream_key(principal, match["stream"]), match["stream"], match["position"])


def _cursor_in(key: str, last_event_id: str) -> Cursor:
    stream, _, position = last_event_id.partition(".")
    return Cursor(key, stream, position)


async def _wait(appended: asyncio.Event, seconds: float) -> None:
    """Wait for a new event, for this number of seconds at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await appended.wait()

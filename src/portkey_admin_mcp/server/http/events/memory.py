"""The event log in memory, for a service of one instance: bounded in all and for each principal."""

import asyncio
import itertools
import sys
import time
from collections import OrderedDict
from collections.abc import AsyncIterator

from ....settings.hosting import Hosting
from ..access.principal import Principal
from .event_log import (
    MAX_EVENTS,
    POLL_INTERVAL_S,
    Cursor,
    Event,
    EventLogUnavailable,
    UnknownEvent,
    wait_at_most,
)

EVENT_OVERHEAD_BYTES = 800
"""What an event takes besides its message: its id, its place in its stream and in two ledgers."""


class _Stream:
    """The events of one stream that are still kept, oldest first."""

    __slots__ = ("dropped_to", "events", "expires_at")

    def __init__(self) -> None:
        # Not a deque, which takes 600 bytes for one event.
        self.events: list[Event] = []
        self.dropped_to = 0
        """The position of the newest event that is no longer kept."""
        self.expires_at = 0.0


class _Ledger:
    """Which events are kept, oldest first, in which stream, and their bytes in all."""

    def __init__(self) -> None:
        self.streams: OrderedDict[str, str] = OrderedDict()
        self.bytes = 0

    def add(self, event: Event, key: str) -> None:
        self.streams[event.id] = key
        self.bytes += _bytes_of(event.message)

    def remove(self, event: Event) -> None:
        del self.streams[event.id]
        self.bytes -= _bytes_of(event.message)

    def oldest(self) -> str:
        """The stream of the oldest event, which is the first of its stream."""
        return next(iter(self.streams.values()))


class MemoryEventLog:
    """Keeps events in this process; where there is no room the oldest make it."""

    def __init__(self, hosting: Hosting) -> None:
        self._ttl = hosting.event_ttl_s
        self._max_bytes = hosting.event_max_bytes
        self._max_share_bytes = min(hosting.event_max_bytes_per_principal, self._max_bytes)
        # The stream that was appended to last stands last, so the first expires first.
        self._streams: OrderedDict[str, _Stream] = OrderedDict()
        self._all = _Ledger()
        self._shares: dict[str, _Ledger] = {}
        # Never the same twice, even if a stream was dropped and goes on.
        self._positions = itertools.count(1)
        self._appended = asyncio.Condition()

    async def append(
        self, principal: Principal, stream: str, message: str | None, last: bool
    ) -> str:
        """Keep an event, and drop what is expired or too much. Returns the event's id.

        Raises EventLogUnavailable for an event that would not fit into an empty log.
        """
        key = f"{principal.fingerprint}:{stream}"
        event = Event(f"{stream}.{next(self._positions)}", message, last)
        if _bytes_of(message) > self._max_share_bytes:
            raise EventLogUnavailable
        async with self._appended:
            self._drop_expired()
            self._keep(key, event)
            self._make_room(self._shares[principal.fingerprint], self._max_share_bytes)
            self._make_room(self._all, self._max_bytes)
            self._appended.notify_all()
        return event.id

    async def follow(self, cursor: Cursor) -> AsyncIterator[Event | None]:
        """Yield the events after a position, then new ones; end if some are no longer kept."""
        self._drop_expired()
        position = int(cursor.position.partition("-")[0])
        stream = self._streams.get(cursor.key, _Stream())
        at = next((e for e in stream.events if _position(e) == position), None)
        if at is None:
            raise UnknownEvent
        if at.last:
            return
        while self._streams.get(cursor.key) is stream and stream.dropped_to <= position:
            for event in [e for e in stream.events if _position(e) > position]:
                position = _position(event)
                yield event
            async with self._appended:
                if not any(_position(e) > position for e in stream.events):
                    await wait_at_most(POLL_INTERVAL_S, self._appended.wait())
            yield None

    async def ping(self) -> None:
        """Return at once: memory is always available."""

    async def close(self) -> None:
        """Do nothing: there are no connections."""

    def _keep(self, key: str, event: Event) -> None:
        stream = self._streams.setdefault(key, _Stream())
        self._streams.move_to_end(key)
        stream.expires_at = time.monotonic() + self._ttl
        stream.events.append(event)
        self._all.add(event, key)
        self._shares.setdefault(_principal(key), _Ledger()).add(event, key)
        if len(stream.events) > MAX_EVENTS:
            self._drop_first(key)

    def _make_room(self, ledger: _Ledger, most: int) -> None:
        while ledger.bytes > most:
            self._drop_first(ledger.oldest())

    def _drop_expired(self) -> None:
        now = time.monotonic()
        while self._streams:
            key, stream = next(iter(self._streams.items()))
            if stream.expires_at >= now:
                return
            while key in self._streams:
                self._drop_first(key)

    def _drop_first(self, key: str) -> None:
        """Drop the oldest event of a stream, and what is empty then."""
        stream, share = self._streams[key], self._shares[_principal(key)]
        event = stream.events.pop(0)
        stream.dropped_to = _position(event)
        self._all.remove(event)
        share.remove(event)
        if not stream.events:
            del self._streams[key]
        if not share.streams:
            del self._shares[_principal(key)]


def _principal(key: str) -> str:
    return key.partition(":")[0]


def _position(event: Event) -> int:
    return int(event.id.partition(".")[2])


def _bytes_of(message: str | None) -> int:
    return EVENT_OVERHEAD_BYTES + sys.getsizeof(message)

"""The event log in memory, for a service of one instance, limited in total and per principal."""

import contextlib
import itertools
import json
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from ....safety.caller import Caller
from ....settings.hosting import Hosting
from ...json_rpc import RequestId
from .event_log import (
    CALL_TIMEOUT_S,
    MAX_EVENTS,
    Call,
    Cursor,
    Event,
    EventLog,
    EventLogUnavailable,
    ReadResult,
    UnknownEvent,
    Watch,
    event_id,
    stream_key,
)
from .unanswered import Reason, not_answered

EVENT_OVERHEAD_BYTES = 800
"""Bytes of an event in addition to its message: its id, and entries in a stream and two ledgers."""


class _Stream:
    """The events of one stream that are still kept, oldest first."""

    __slots__ = ("call", "events", "expires_at")

    def __init__(self) -> None:
        # Not a deque, which takes 600 bytes for one event.
        self.events: list[Event] = []
        self.expires_at = 0.0
        self.call: Call | None = None


class _Ledger:
    """The kept events, oldest first, each with the key of its stream, and their total size."""

    def __init__(self) -> None:
        self.streams: OrderedDict[str, str] = OrderedDict()
        self.bytes = 0

    def add(self, event: Event, key: str) -> None:
        self.streams[event.id] = key
        self.bytes += _size_of(event.message)

    def remove(self, event: Event) -> None:
        del self.streams[event.id]
        self.bytes -= _size_of(event.message)

    def oldest(self) -> str:
        """The key of the stream with the oldest event, which is the first of its stream."""
        return next(iter(self.streams.values()))


class MemoryEventLog(EventLog):
    """Keeps events in this process; the oldest are dropped above the size limits."""

    def __init__(self, hosting: Hosting, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._ttl_s = hosting.event_ttl_s
        self._max_bytes = hosting.event_max_bytes
        self._max_bytes_per_principal = min(hosting.event_max_bytes_per_principal, self._max_bytes)
        self._clock = clock
        # The stream that was appended to most recently is last, so the first expires first.
        self._streams: OrderedDict[str, _Stream] = OrderedDict()
        self._all = _Ledger()
        self._by_principal: dict[str, _Ledger] = {}
        # One counter for all streams: no position is used twice, even after a stream was dropped.
        self._positions = itertools.count(1)

    async def append(
        self,
        principal: Caller,
        stream: str,
        message: str | None,
        last: bool,
        request_id: RequestId | None = None,
    ) -> str:
        """Keep an event, and drop expired events and the oldest over the limits; returns its id.

        Raises EventLogUnavailable for an event that would not fit into an empty log, or that
        comes after the last one.
        """
        if _size_of(message) > self._max_bytes_per_principal:
            raise EventLogUnavailable
        key = stream_key(principal, stream)
        return self._append(key, stream, message, last, request_id)

    async def end_later(self, principal: Caller, stream: str, request_id: RequestId) -> None:
        """End a stream whose answer was too large with an error, at once."""
        self._end(stream_key(principal, stream), stream, request_id, "not_kept")

    async def ping(self) -> None:
        """Return at once: memory is always available."""

    async def close(self) -> None:
        """Do nothing: there are no connections."""

    def _watch(self, call: Call) -> Watch:
        return partial(self._end_silent, call)

    async def _end_silent(self, call: Call, cursor: Cursor) -> bool:
        """End a stream that has had no event for CALL_TIMEOUT_S with an error."""
        stream = self._streams.get(cursor.key)
        if stream is None or self._clock() - (stream.expires_at - self._ttl_s) < CALL_TIMEOUT_S:
            return False
        self._end(cursor.key, cursor.stream, call.request_id, "timed_out")
        return True

    async def _read(self, cursor: Cursor) -> ReadResult:
        self._drop_expired()
        stream = self._streams.get(cursor.key, _Stream())
        for index, event in enumerate(stream.events):
            if event.id == cursor.event_id:
                return ReadResult(event.last, stream.events[index + 1 :], stream.call)
        raise UnknownEvent

    def _append(
        self, key: str, stream: str, message: str | None, last: bool, request_id: RequestId | None
    ) -> str:
        existing = self._streams.get(key)
        if existing is not None and existing.events[-1].last:
            raise EventLogUnavailable
        event = Event(event_id(stream, str(next(self._positions))), message, last)
        self._drop_expired()
        self._add(key, event, None if request_id is None else Call(request_id, ""))
        fingerprint = _fingerprint_in(key)
        self._shrink(self._by_principal[fingerprint], self._max_bytes_per_principal)
        self._shrink(self._all, self._max_bytes)
        self._subscriptions.notify(key)
        return event.id

    def _end(self, key: str, stream: str, request_id: RequestId, reason: Reason) -> None:
        """End a stream with an error, unless it has ended."""
        message = json.dumps(not_answered(request_id, reason))
        with contextlib.suppress(EventLogUnavailable):
            self._append(key, stream, message, True, request_id)

    def _add(self, key: str, event: Event, call: Call | None) -> None:
        stream = self._streams.setdefault(key, _Stream())
        stream.call = call
        self._streams.move_to_end(key)
        stream.expires_at = self._clock() + self._ttl_s
        stream.events.append(event)
        self._all.add(event, key)
        self._by_principal.setdefault(_fingerprint_in(key), _Ledger()).add(event, key)
        if len(stream.events) > MAX_EVENTS:
            self._drop_first(key)

    def _shrink(self, ledger: _Ledger, max_bytes: int) -> None:
        """Drop the oldest events of a ledger until it has at most `max_bytes`."""
        while ledger.bytes > max_bytes:
            self._drop_first(ledger.oldest())

    def _drop_expired(self) -> None:
        now = self._clock()
        while self._streams:
            key, stream = next(iter(self._streams.items()))
            if stream.expires_at >= now:
                return
            while key in self._streams:
                self._drop_first(key)

    def _drop_first(self, key: str) -> None:
        """Drop the oldest event of a stream, then the stream and the ledger if they are empty."""
        stream, ledger = self._streams[key], self._by_principal[_fingerprint_in(key)]
        event = stream.events.pop(0)
        self._all.remove(event)
        ledger.remove(event)
        if not stream.events:
            del self._streams[key]
        if not ledger.streams:
            del self._by_principal[_fingerprint_in(key)]


def _fingerprint_in(key: str) -> str:
    return key.partition(":")[0]


def _size_of(message: str | None) -> int:
    return EVENT_OVERHEAD_BYTES + sys.getsizeof(message)

"""The event log in Redis: encrypted, shared by all instances."""

import asyncio
import contextlib
import json
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable
from functools import partial
from typing import Any

from redis.exceptions import RedisError, ResponseError

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
from .leases import LEASE_TTL_S, Leases, LeaseWatch
from .redis_connection import RedisListener, redis_client
from .redis_entries import Entry, EntryCipher, ForeignData
from .unanswered import Reason, not_answered

READ_BATCH_SIZE = 100
"""Events read from Redis at a time."""

MAX_PENDING_ENDS = 1000
"""Streams whose end could not be written; the oldest are forgotten first."""

APPEND_LAST = """
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if newest then
  local fields = {}
  for i = 1, #newest[2], 2 do fields[newest[2][i]] = newest[2][i + 1] end
  if fields.c and fields.l == '1' then return false end
end
local position = redis.call(
  'XADD', KEYS[1], 'MAXLEN', ARGV[1], '*', 'm', ARGV[4], 'l', '1', 'c', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[6])
return position
"""
"""Appends the last event of a stream, and returns its position; nil if the stream has ended.

One script, so that of several instances only one can end a stream.
"""

RawEntry = tuple[bytes, dict[bytes, bytes]]
"""The position of an entry of a stream, and its fields, as Redis returns them."""

log = logging.getLogger(__name__)


class _WrongType(EventLogUnavailable):
    """Under the key of a stream there is something else."""


class RedisEventLog(EventLog):
    """Keeps events encrypted in Redis streams, shared by all instances.

    After a failure Redis is not used for BACKOFF_S seconds, so that requests do not queue up
    for a server that is down.
    """

    BACKOFF_S = 1.0

    def __init__(self, hosting: Hosting, *, lease_ttl_s: float | None = None) -> None:
        super().__init__()
        self._prefix = f"{hosting.redis_prefix}:events"
        self._ttl_s = hosting.event_ttl_s
        self._timeout_s = hosting.redis_timeout_ms / 1000
        self._cipher = EntryCipher(hosting.event_secret)
        self._redis = redis_client(hosting)
        self._append_last = self._redis.register_script(APPEND_LAST)
        self._listener = RedisListener(self._redis, f"{self._prefix}:news", self._subscriptions)
        self._leases = Leases(
            self._redis,
            f"{hosting.redis_prefix}:instances",
            self._timeout_s,
            self._write_pending_ends,
            LEASE_TTL_S if lease_ttl_s is None else lease_ttl_s,
        )
        self._pending_ends: OrderedDict[str, RequestId] = OrderedDict()
        self._foreign = ForeignData()
        self._backoff_until = self._last_success_at = 0.0

    async def append(
        self,
        principal: Caller,
        stream: str,
        message: str | None,
        last: bool,
        request_id: RequestId | None = None,
    ) -> str:
        """Keep an event, renew the stream's expiry, and notify its followers; returns its id.

        Raises EventLogUnavailable also if another instance has ended the stream.
        """
        key = stream_key(principal, stream)
        call = None if request_id is None else Call(request_id, self._leases.instance)
        if last:
            position = await self._end(key, message, call)
            if position is None:
                raise EventLogUnavailable
            return event_id(stream, position)
        if call is not None and not self._leases.is_started:
            # Before the stream exists: without a lease, it would look like that of a dead instance.
            await self._execute(self._leases.start())
        name = self._redis_key(key)
        entry: dict[Any, Any] = {
            "m": self._cipher.message(key, message),
            "l": b"0",
            "c": self._cipher.call(key, call),
        }
        async with self._redis.pipeline(transaction=True) as batch:
            batch.xadd(name, entry, maxlen=MAX_EVENTS, approximate=False)
            batch.expire(name, self._ttl_s)
            batch.publish(self._listener.channel, key)
            added, *_ = await self._execute(batch.execute())
        return event_id(stream, added.decode())

    async def end_later(self, principal: Caller, stream: str, request_id: RequestId) -> None:
        """End a stream whose answer could not be kept with an error, when Redis is back."""
        self._pending_ends[stream_key(principal, stream)] = request_id
        if len(self._pending_ends) > MAX_PENDING_ENDS:
            self._pending_ends.popitem(last=False)

    def follow(self, cursor: Cursor) -> AsyncIterator[Event | None]:
        """Yield the events after a cursor, then new ones, whichever instance appends them."""
        self._listener.start()
        return super().follow(cursor)

    async def ping(self) -> None:
        """Ping Redis, even during the backoff."""
        self._backoff_until = 0
        await self._execute(self._redis.ping())

    async def close(self) -> None:
        """Stop listening, give up the lease, and close the connections."""
        await self._listener.close()
        await self._leases.close()
        await self._redis.aclose()

    def _watch(self, call: Call) -> Watch:
        return partial(self._end_lost, call, LeaseWatch(self._leases))

    async def _read(self, cursor: Cursor) -> ReadResult:
        entries = await self._entries(cursor.key, cursor.position)
        if not entries or entries[0][0].decode() != cursor.position:
            raise UnknownEvent
        current, newer = self._decrypted(cursor.key, entries[:1]), entries[1:]
        if not current:
            raise UnknownEvent
        events = self._decrypted(cursor.key, newer)
        while not events and len(newer) >= READ_BATCH_SIZE:
            # A batch that is skipped: the next one begins at its last entry.
            newer = await self._entries(cursor.key, newer[-1][0].decode())
            events = self._decrypted(cursor.key, newer)
        return ReadResult(
            current[0].last,
            [Event(event_id(cursor.stream, each.position), *each[1:3]) for each in events],
            current[0].call,
        )

    async def _entries(self, key: str, position: str) -> list[RawEntry]:
        """The entries at and after a position, as many as are read at a time."""
        name = self._redis_key(key)
        try:
            entries: list[RawEntry] = await self._execute(
                self._redis.xrange(name, position, "+", count=1 + READ_BATCH_SIZE)
            )
        except _WrongType as error:
            raise UnknownEvent from error
        return entries

    def _decrypted(self, key: str, entries: list[RawEntry]) -> list[Entry]:
        """Those of the entries that this service wrote."""
        decrypted = []
        for position, fields in entries:
            try:
                decrypted.append(self._cipher.entry(key, position, fields))
            except ValueError:
                self._foreign.report(f"an entry of the stream {self._redis_key(key)}")
        return decrypted

    async def _end_lost(self, call: Call, lease: LeaseWatch, cursor: Cursor) -> bool:
        """End the stream of a call with an error if its instance is gone, or if it takes too long.

        Raises EventLogUnavailable.
        """
        is_held = call.instance == self._leases.instance or await self._execute(
            self._redis.exists(self._leases.key(call.instance))
        )
        reason: Reason
        if lease.has_lapsed(is_held=bool(is_held)):
            reason = "server_stopped"
        elif await self._is_silent(cursor):
            reason = "timed_out"
        else:
            return False
        return await self._end_with_error(cursor.key, call.request_id, reason)

    async def _is_silent(self, cursor: Cursor) -> bool:
        """Whether the event at the cursor is older than a call may take, by the clock of Redis."""
        begin_ms = int(cursor.position.partition("-")[0])
        if time.time() * 1000 - begin_ms < CALL_TIMEOUT_S * 1000:
            return False
        seconds, _ = await self._execute(self._redis.time())
        return bool(seconds * 1000 - begin_ms >= CALL_TIMEOUT_S * 1000)

    async def _end(self, key: str, message: str | None, call: Call | None) -> str | None:
        """Append the last event; returns its position, or None if the stream has ended."""
        position = await self._execute(
            self._append_last(
                keys=[self._redis_key(key)],
                args=[
                    MAX_EVENTS,
                    self._ttl_s,
                    self._listener.channel,
                    self._cipher.message(key, message),
                    self._cipher.call(key, call),
                    key,
                ],
            )
        )
        return None if position is None else str(position.decode())

    async def _end_with_error(self, key: str, request_id: RequestId, reason: Reason) -> bool:
        """End a stream; False if another instance has ended it, or if it has expired."""
        if not await self._execute(self._redis.exists(self._redis_key(key))):
            return False
        call = Call(request_id, self._leases.instance)
        message = json.dumps(not_answered(request_id, reason))
        return await self._end(key, message, call) is not None

    async def _write_pending_ends(self) -> None:
        """End the streams whose answers could not be kept while Redis was away."""
        with contextlib.suppress(EventLogUnavailable):
            while self._pending_ends:
                key, request_id = next(iter(self._pending_ends.items()))
                await self._end_with_error(key, request_id, "not_kept")
                self._pending_ends.pop(key, None)

    def _redis_key(self, key: str) -> str:
        return f"{self._prefix}:{key}"

    async def _execute(self, command: Awaitable[Any]) -> Any:
        if time.monotonic() < self._backoff_until:
            close = getattr(command, "close", None)
            if close is not None:
                close()
            raise EventLogUnavailable
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await command
        except ResponseError as error:
            if "WRONGTYPE" in str(error):  # no failure of Redis
                self._foreign.report("a key that is not a stream")
                raise _WrongType from error
            self._record_failure(error)
            raise EventLogUnavailable from error
        except (RedisError, OSError, TimeoutError) as error:
            self._record_failure(error)
            raise EventLogUnavailable from error
        self._last_success_at = time.monotonic()
        return reply

    def _record_failure(self, error: Exception) -> None:
        """Start the backoff, unless another command succeeded just before."""
        now = time.monotonic()
        if now - self._last_success_at > self.BACKOFF_S:
            self._backoff_until = now + self.BACKOFF_S
            log.warning("the event log in Redis does not respond: %s", type(error).__name__)

"""The event log in Redis: encrypted, shared by all instances."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from ....settings.hosting import Hosting
from ..access.principal import Principal
from .event_log import (
    MAX_EVENTS,
    POLL_INTERVAL_S,
    Cursor,
    Event,
    EventLog,
    EventLogUnavailable,
    ReadResult,
    Subscriptions,
    UnknownEvent,
    event_id,
    stream_key,
)

SUBSCRIPTION_TIMEOUT_S = 30.0
NONCE_BYTES = 12
READ_BATCH_SIZE = 100
"""Events read from Redis at a time."""

MAX_CONNECTIONS = 32
"""Connections to Redis; further requests wait for a free one."""

log = logging.getLogger(__name__)


class RedisListener:
    """One Redis subscription per process, which wakes the followers of a stream.

    Notifications may be lost while Redis is down, so followers also read at intervals.
    """

    def __init__(self, redis: Redis, channel: str, subscriptions: Subscriptions) -> None:
        self.channel = channel
        self._redis = redis
        self._subscriptions = subscriptions
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen from now on; does nothing if it listens already."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Stop listening."""
        task, self._task = self._task, None
        # redis-py may swallow a cancellation while it connects, so once is not enough.
        while task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=0.1)

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(self.channel)
                    while True:
                        message = await pubsub.get_message(timeout=SUBSCRIPTION_TIMEOUT_S)
                        if message:
                            self._subscriptions.notify(message["data"].decode())
            await asyncio.sleep(POLL_INTERVAL_S)


class RedisEventLog(EventLog):
    """Keeps events encrypted in Redis streams, shared by all instances.

    After a failure Redis is not used for BACKOFF_S seconds, so that requests do not queue up
    for a server that is down.
    """

    BACKOFF_S = 1.0

    def __init__(self, hosting: Hosting) -> None:
        super().__init__()
        self._prefix = f"{hosting.redis_prefix}:events"
        self._ttl_s = hosting.event_ttl_s
        self._timeout_s = hosting.redis_timeout_ms / 1000
        self._cipher = AESGCM(hosting.event_secret)
        self._redis = redis_client(hosting)
        self._listener = RedisListener(self._redis, f"{self._prefix}:news", self._subscriptions)
        self._backoff_until = self._last_success_at = 0.0

    async def append(
        self, principal: Principal, stream: str, message: str | None, last: bool
    ) -> str:
        """Keep an event, renew the stream's expiry, and notify its followers; returns its id."""
        key = stream_key(principal, stream)
        name = self._redis_key(key)
        entry: dict[Any, Any] = {"m": self._encrypted(key, message), "l": b"1" if last else b"0"}
        async with self._redis.pipeline(transaction=True) as batch:
            batch.xadd(name, entry, maxlen=MAX_EVENTS, approximate=False)
            batch.expire(name, self._ttl_s)
            batch.publish(self._listener.channel, key)
            position, *_ = await self._execute(batch.execute())
        return event_id(stream, position.decode())

    def follow(self, cursor: Cursor) -> AsyncIterator[Event | None]:
        """Yield the events after a cursor, then new ones, whichever instance appends them."""
        self._listener.start()
        return super().follow(cursor)

    async def ping(self) -> None:
        """Ping Redis, even during the backoff."""
        self._backoff_until = 0
        await self._execute(self._redis.ping())

    async def close(self) -> None:
        """Stop listening, and close the connections."""
        await self._listener.close()
        await self._redis.aclose()

    async def _read(self, cursor: Cursor) -> ReadResult:
        entries = await self._execute(
            self._redis.xrange(
                self._redis_key(cursor.key), cursor.position, "+", count=1 + READ_BATCH_SIZE
            )
        )
        if not entries or entries[0][0].decode() != cursor.position:
            raise UnknownEvent
        (_, entry), *newer = entries
        return ReadResult(_is_last(entry), [self._event(cursor, *each) for each in newer])

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

    def _event(self, cursor: Cursor, position: bytes, entry: dict[bytes, bytes]) -> Event:
        message = self._decrypted(cursor.key, entry[b"m"])
        return Event(event_id(cursor.stream, position.decode()), message, _is_last(entry))

    def _encrypted(self, key: str, message: str | None) -> bytes:
        # The key is authenticated too: an event cannot be moved to another principal's stream.
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, (message or "").encode(), key.encode())

    def _decrypted(self, key: str, encrypted: bytes) -> str | None:
        try:
            text = self._cipher.decrypt(
                encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:], key.encode()
            ).decode()
        except InvalidTag as error:
            raise UnknownEvent from error
        return text or None


def _is_last(entry: dict[bytes, bytes]) -> bool:
    return entry[b"l"] == b"1"


def redis_client(hosting: Hosting) -> Redis:
    """A Redis client with a limited connection pool and timeouts."""
    url = hosting.redis_url.get_secret_value() if hosting.redis_url else ""
    timeout_s = hosting.redis_timeout_ms / 1000
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
    )
    return Redis.from_pool(pool)

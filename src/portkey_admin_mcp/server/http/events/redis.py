"""The event log in Redis: encrypted, shared by all instances."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
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
    EventLogUnavailable,
    UnknownEvent,
    wait_at_most,
)

SUBSCRIPTION_TIMEOUT_S = 30.0
NONCE_BYTES = 12
MAX_CONNECTIONS = 32
"""Connections to Redis; further requests wait for a free one."""

log = logging.getLogger(__name__)


class StreamNotifications:
    """One Redis subscription per process that wakes the followers of a stream.

    Notifications may be lost while Redis is down, so followers also poll at intervals.
    """

    def __init__(self, redis: Redis, channel: str) -> None:
        self.channel = channel
        self._redis = redis
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._listener: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def subscription(self, key: str) -> Iterator[asyncio.Event]:
        """An asyncio event that is set whenever an event is appended to this stream."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        appended = asyncio.Event()
        self._waiting.setdefault(key, set()).add(appended)
        try:
            yield appended
        finally:
            self._waiting[key].discard(appended)
            if not self._waiting[key]:
                del self._waiting[key]

    async def close(self) -> None:
        """Stop listening."""
        listener, self._listener = self._listener, None
        # redis-py may swallow a cancellation while it connects, so once is not enough.
        while listener is not None and not listener.done():
            listener.cancel()
            await asyncio.wait([listener], timeout=0.1)

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(self.channel)
                    while True:
                        message = await pubsub.get_message(timeout=SUBSCRIPTION_TIMEOUT_S)
                        key = message["data"].decode() if message else ""
                        for appended in self._waiting.get(key, ()):
                            appended.set()
            await asyncio.sleep(POLL_INTERVAL_S)


class RedisEventLog:
    """Keeps events encrypted in Redis streams, shared by all instances.

    After a failure Redis is not asked for BACKOFF_S seconds, so that requests do not queue up
    for a server that is down.
    """

    BACKOFF_S = 1.0

    def __init__(self, hosting: Hosting) -> None:
        self._prefix = f"{hosting.redis_prefix}:events"
        self._ttl = hosting.event_ttl_s
        self._timeout_s = hosting.redis_timeout_ms / 1000
        self._cipher = AESGCM(hosting.event_secret)
        self._redis = redis_client(hosting)
        self._notifications = StreamNotifications(self._redis, f"{self._prefix}:news")
        self._backoff_until = self._answered_at = 0.0

    async def append(
        self, principal: Principal, stream: str, message: str | None, last: bool
    ) -> str:
        """Keep an event, renew the stream's expiry, and notify its followers."""
        key = f"{principal.fingerprint}:{stream}"
        name = f"{self._prefix}:{key}"
        entry: dict[Any, Any] = {"m": self._encrypted(key, message), "l": b"1" if last else b"0"}
        async with self._redis.pipeline(transaction=True) as batch:
            batch.xadd(name, entry, maxlen=MAX_EVENTS, approximate=False)
            batch.expire(name, self._ttl)
            batch.publish(self._notifications.channel, key)
            position, *_ = await self._execute(batch.execute())
        return f"{stream}.{position.decode()}"

    async def follow(self, cursor: Cursor) -> AsyncIterator[Event | None]:
        """Yield the events after a position, then new ones, whichever instance appends them."""
        name = f"{self._prefix}:{cursor.key}"
        at = await self._execute(self._redis.xrange(name, cursor.position, cursor.position))
        if not at:
            raise UnknownEvent
        if _is_last(at[0][1]):
            return
        position = cursor.position
        with self._notifications.subscription(cursor.key) as appended:
            while True:
                appended.clear()
                found = await self._execute(
                    self._redis.xrange(name, f"({position}", "+", count=100)
                )
                for entry_id, entry in found:
                    position = entry_id.decode()
                    yield self._event(cursor, position, entry)
                if not found:
                    await wait_at_most(POLL_INTERVAL_S, appended.wait())
                    yield None

    async def ping(self) -> None:
        """Ping Redis, even during the backoff."""
        self._backoff_until = 0
        await self._execute(self._redis.ping())

    async def close(self) -> None:
        """Close the connections."""
        await self._notifications.close()
        await self._redis.aclose()

    async def _execute(self, command: Awaitable[Any]) -> Any:
        if time.monotonic() < self._backoff_until:
            if hasattr(command, "close"):
                command.close()
            raise EventLogUnavailable
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await command
        except (RedisError, OSError, TimeoutError) as error:
            self._record_failure(error)
            raise EventLogUnavailable from error
        self._answered_at = time.monotonic()
        return answer

    def _record_failure(self, error: Exception) -> None:
        """Start the backoff, unless Redis answered another command just before."""
        now = time.monotonic()
        if now - self._answered_at > self.BACKOFF_S:
            self._backoff_until = now + self.BACKOFF_S
            log.warning("the event store does not answer: %s", type(error).__name__)

    def _event(self, cursor: Cursor, position: str, entry: dict[bytes, bytes]) -> Event:
        message = self._decrypted(cursor.key, entry[b"m"])
        return Event(f"{cursor.stream}.{position}", message, _is_last(entry))

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
    """A Redis client with a bounded connection pool and timeouts."""
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

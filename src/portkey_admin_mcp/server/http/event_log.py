"""What was said on a stream, kept for clients that come back with Last-Event-ID.

A stream is one answer to one request (or a session's stream of notices). It has a random name
and belongs to the principal that asked: the principal's mark is a part of where it is kept, so
another principal's event id leads nowhere.
"""

import asyncio
import contextlib
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from ...hosting import Hosting
from .principal import Principal

EVENT_ID = re.compile(r"(?P<stream>[0-9a-f]{32})\.(?P<place>\d{1,16}(-\d{1,16})?)")
MOST_EVENTS = 1000
"""Of one stream; the oldest go first."""

FOLLOW_S = 1.0
"""How long one wait for news may take before the store is asked again."""

HEAR_S = 30.0
NONCE = 12
MOST_CONNECTIONS = 32
"""To Redis; more requests than that wait for one, rather than storm it."""

log = logging.getLogger(__name__)


class Unavailable(Exception):
    """The store cannot be reached now."""


class Unknown(Exception):
    """There is no such event, or it is not this principal's."""


@dataclass(frozen=True)
class Event:
    """One event of a stream; `last` if nothing can follow. A message of None is a mere cursor."""

    id: str
    message: str | None
    last: bool


@dataclass(frozen=True)
class Cursor:
    """A place in a stream of a principal, out of a Last-Event-ID."""

    key: str
    stream: str
    place: str


class Events(Protocol):
    """A store of events. Every method raises Unavailable when the store is away."""

    async def append(self, who: Principal, stream: str, message: str | None, last: bool) -> str:
        """Keep an event; returns its id."""
        ...

    def follow(self, cursor: Cursor) -> AsyncIterator[Event | None]:
        """Everything after a place, then what is yet to come; None now and then, as a sign of life.

        Raises Unknown at once if there is no such event.
        """
        ...

    async def ping(self) -> None:
        """Answer if it can be used."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def new_stream() -> str:
    """A name nobody can guess."""
    return secrets.token_hex(16)


def cursor_of(who: Principal, event_id: str) -> Cursor:
    """Read a Last-Event-ID; raises Unknown for what was never one."""
    found = EVENT_ID.fullmatch(event_id)
    if found is None:
        raise Unknown
    return Cursor(f"{who.mark}:{found['stream']}", found["stream"], found["place"])


class MemoryEvents:
    """Events in this process, for one always-on instance."""

    def __init__(self, hosting: Hosting) -> None:
        self._ttl = hosting.event_ttl_s
        self._streams: dict[str, list[Event]] = {}
        self._until: dict[str, float] = {}
        self._news = asyncio.Condition()

    async def append(self, who: Principal, stream: str, message: str | None, last: bool) -> str:
        """Keep an event; streams that are too old go."""
        key = f"{who.mark}:{stream}"
        async with self._news:
            self._forget()
            events = self._streams.setdefault(key, [])
            place = int(events[-1].id.partition(".")[2]) + 1 if events else 1
            event = Event(f"{stream}.{place}", message, last)
            events.append(event)
            del events[:-MOST_EVENTS]
            self._until[key] = time.monotonic() + self._ttl
            self._news.notify_all()
        return event.id

    async def follow(self, cursor: Cursor) -> AsyncIterator[Event | None]:
        """Everything after a place, then what is yet to come."""
        self._forget()
        place = int(cursor.place.partition("-")[0])
        if not any(_place(event) == place for event in self._streams.get(cursor.key, ())):
            raise Unknown
        while True:
            for event in [e for e in self._streams.get(cursor.key, ()) if _place(e) > place]:
                place = _place(event)
                yield event
            async with self._news:
                if not any(_place(e) > place for e in self._streams.get(cursor.key, ())):
                    await _at_most(FOLLOW_S, self._news.wait())
            yield None

    async def ping(self) -> None:
        """Memory is always there."""

    async def close(self) -> None:
        """Nothing is held."""

    def _forget(self) -> None:
        now = time.monotonic()
        for key in [key for key, until in self._until.items() if until < now]:
            del self._streams[key], self._until[key]


def _place(event: Event) -> int:
    return int(event.id.partition(".")[2])


class News:
    """One subscription for all who wait in this process, so that waiting costs Redis nothing.

    News may be lost while Redis is away; who waits looks for himself now and then.
    """

    def __init__(self, redis: Redis, channel: str) -> None:
        self.channel = channel
        self._redis = redis
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._listener: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def about(self, key: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever something is kept under this key."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        news = asyncio.Event()
        self._waiting.setdefault(key, set()).add(news)
        try:
            yield news
        finally:
            self._waiting[key].discard(news)
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
                async with self._redis.pubsub(ignore_subscribe_messages=True) as heard:
                    await heard.subscribe(self.channel)
                    while True:
                        message = await heard.get_message(timeout=HEAR_S)
                        key = message["data"].decode() if message else ""
                        for news in self._waiting.get(key, ()):
                            news.set()
            await asyncio.sleep(FOLLOW_S)


class RedisEvents:
    """Events in Redis streams, encrypted, for as many instances as there are.

    When Redis does not answer, it is left alone for a moment: requests must not queue up for
    something that is not there.
    """

    REST_S = 1.0

    def __init__(self, hosting: Hosting) -> None:
        self._prefix = f"{hosting.redis_prefix}:events"
        self._ttl = hosting.event_ttl_s
        self._patience = hosting.redis_timeout_ms / 1000
        self._cipher = AESGCM(hosting.event_secret)
        self._redis = connect(hosting)
        self._news = News(self._redis, f"{self._prefix}:news")
        self._rest_until = self._answered_at = 0.0

    async def append(self, who: Principal, stream: str, message: str | None, last: bool) -> str:
        """Keep an event, and the whole stream for another while; tell those who wait for it."""
        key = f"{who.mark}:{stream}"
        name = f"{self._prefix}:{key}"
        entry: dict[Any, Any] = {"m": self._sealed(key, message), "l": b"1" if last else b"0"}
        async with self._redis.pipeline(transaction=True) as batch:
            batch.xadd(name, entry, maxlen=MOST_EVENTS, approximate=False)
            batch.expire(name, self._ttl)
            batch.publish(self._news.channel, key)
            place, *_ = await self._ask(batch.execute())
        return f"{stream}.{place.decode()}"

    async def follow(self, cursor: Cursor) -> AsyncIterator[Event | None]:
        """Everything after a place, then what is yet to come, whichever instance says it."""
        name = f"{self._prefix}:{cursor.key}"
        if not await self._ask(self._redis.xrange(name, cursor.place, cursor.place)):
            raise Unknown
        place = cursor.place
        with self._news.about(cursor.key) as news:
            while True:
                news.clear()
                found = await self._ask(self._redis.xrange(name, f"({place}", "+", count=100))
                for entry_id, entry in found:
                    place = entry_id.decode()
                    yield self._event(cursor, place, entry)
                if not found:
                    await _at_most(FOLLOW_S, news.wait())
                    yield None

    async def ping(self) -> None:
        """Ask Redis for a sign of life, rested or not."""
        self._rest_until = 0
        await self._ask(self._redis.ping())

    async def close(self) -> None:
        """Close the connections."""
        await self._news.close()
        await self._redis.aclose()

    async def _ask(self, command: Awaitable[Any]) -> Any:
        if time.monotonic() < self._rest_until:
            if hasattr(command, "close"):
                command.close()
            raise Unavailable
        try:
            async with asyncio.timeout(self._patience):
                answer = await command
        except (RedisError, OSError, TimeoutError) as error:
            self._note(error)
            raise Unavailable from error
        self._answered_at = time.monotonic()
        return answer

    def _note(self, error: Exception) -> None:
        """One failure among answers is an accident; without any answer, Redis is away."""
        now = time.monotonic()
        if now - self._answered_at > self.REST_S:
            self._rest_until = now + self.REST_S
            log.warning("the event store does not answer: %s", type(error).__name__)

    def _event(self, cursor: Cursor, place: str, entry: dict[bytes, bytes]) -> Event:
        message = self._opened(cursor.key, entry[b"m"])
        return Event(f"{cursor.stream}.{place}", message, entry[b"l"] == b"1")

    def _sealed(self, key: str, message: str | None) -> bytes:
        # The key is authenticated too: an event cannot be moved to another principal's stream.
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._cipher.encrypt(nonce, (message or "").encode(), key.encode())

    def _opened(self, key: str, sealed: bytes) -> str | None:
        try:
            text = self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], key.encode()).decode()
        except InvalidTag as error:
            raise Unknown from error
        return text or None


def connect(hosting: Hosting) -> Redis:
    """A pool of connections to Redis that gives up in time."""
    url = hosting.redis_url.get_secret_value() if hosting.redis_url else ""
    patience = hosting.redis_timeout_ms / 1000
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MOST_CONNECTIONS,
        timeout=patience,
        socket_timeout=patience,
        socket_connect_timeout=patience,
    )
    return Redis.from_pool(pool)


def events_for(hosting: Hosting) -> Events | None:
    """The store that the settings ask for."""
    if hosting.event_store == "off":
        return None
    return MemoryEvents(hosting) if hosting.event_store == "memory" else RedisEvents(hosting)


async def _at_most(seconds: float, happening: Awaitable[Any]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await happening

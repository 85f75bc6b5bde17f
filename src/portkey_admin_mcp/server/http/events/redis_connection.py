"""The connections of the event log to Redis: a client for commands, and one subscription."""

import asyncio
import contextlib

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ....settings.hosting import Hosting
from .event_log import POLL_INTERVAL_S, Subscriptions
from .leases import cancelled
from .redis_entries import ForeignData

SUBSCRIPTION_TIMEOUT_S = 30.0

MAX_CONNECTIONS = 32
"""Connections to Redis; further requests wait for a free one."""


class RedisListener:
    """One Redis subscription per process, which wakes the followers of a stream.

    Notifications may be lost while Redis is down, so followers also read at intervals.
    """

    def __init__(self, redis: Redis, channel: str, subscriptions: Subscriptions) -> None:
        self.channel = channel
        self._redis = redis
        self._subscriptions = subscriptions
        self._task: asyncio.Task[None] | None = None
        self._foreign = ForeignData()

    def start(self) -> None:
        """Listen from now on; does nothing if it listens already."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Stop listening."""
        task, self._task = self._task, None
        if task is not None:
            await cancelled(task)

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(self.channel)
                    while True:
                        message = await pubsub.get_message(timeout=SUBSCRIPTION_TIMEOUT_S)
                        if message:
                            self._notify(message["data"])
            await asyncio.sleep(POLL_INTERVAL_S)

    def _notify(self, key: bytes) -> None:
        try:
            self._subscriptions.notify(key.decode())
        except UnicodeDecodeError:
            self._foreign.report(f"a message in the channel {self.channel}")


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
        # Once, for a connection that was open when Redis was restarted.
        retry=Retry(NoBackoff(), 1),
    )
    return Redis.from_pool(pool)

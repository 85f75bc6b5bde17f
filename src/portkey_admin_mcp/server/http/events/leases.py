"""Leases in Redis, by which the instances see that one of them is gone.

A lease is a key that expires unless its instance renews it. Every stream names its instance.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

LEASE_TTL_S = 15.0
"""Seconds after which the lease of a killed instance expires."""

DELETION_TIMEOUT_S = 1.0
"""Seconds that a stopping instance waits for the deletion of its lease, which would expire too."""

RETRY_INTERVAL_S = 1.0
"""Seconds until a renewal that failed is tried again."""


class Leases:
    """The lease of this instance, renewed three times in its TTL, and those of the others.

    `on_renewal` is awaited after each renewal.
    """

    def __init__(
        self,
        redis: Redis,
        prefix: str,
        timeout_s: float,
        on_renewal: Callable[[], Awaitable[None]],
        ttl_s: float,
    ) -> None:
        self.instance = secrets.token_hex(8)
        self.ttl_s = ttl_s
        self.renewal_s = ttl_s / 3
        self._redis = redis
        self._prefix = prefix
        self._timeout_s = timeout_s
        self._on_renewal = on_renewal
        self._task: asyncio.Task[None] | None = None

    @property
    def is_started(self) -> bool:
        """Whether this instance has a lease."""
        return self._task is not None

    def key(self, instance: str) -> str:
        """The key of the lease of an instance."""
        return f"{self._prefix}:{instance}"

    async def start(self) -> None:
        """Take the lease, and renew it from now on. Raises RedisError or OSError."""
        if self._task is None:
            self._task = asyncio.create_task(self._renew())
            await self._set()

    async def close(self) -> None:
        """Give the lease up: no call of this instance is running any more."""
        task, self._task = self._task, None
        if task is None:
            return
        await cancelled(task)
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(DELETION_TIMEOUT_S):
                await self._redis.delete(self.key(self.instance))

    async def _set(self) -> None:
        await self._redis.set(self.key(self.instance), "1", px=int(self.ttl_s * 1000))

    async def _renew(self) -> None:
        interval_s = self.renewal_s
        while True:
            await asyncio.sleep(interval_s)
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._set()
                await self._on_renewal()
                interval_s = self.renewal_s
            except (RedisError, OSError, TimeoutError):
                interval_s = min(RETRY_INTERVAL_S, self.renewal_s)


class LeaseWatch:
    """Watches the lease of one instance, which counts as gone after one and a half renewals.

    A lease may be missing for a moment although its instance is alive, after Redis was away.
    """

    def __init__(self, leases: Leases, clock: Callable[[], float] = time.monotonic) -> None:
        self._grace_s = 1.5 * leases.renewal_s
        self._clock = clock
        self._missing_since: float | None = None

    def has_lapsed(self, is_held: bool) -> bool:
        """Whether the instance is gone, after a look at its lease that showed `is_held`."""
        now = self._clock()
        if is_held:
            self._missing_since = None
        elif self._missing_since is None:
            self._missing_since = now
        return self._missing_since is not None and now - self._missing_since >= self._grace_s


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task that uses Redis, and wait for its end.

    redis-py may swallow a cancellation while it connects, so once is not enough.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)

"""Rate limits, counted in memory, or in Redis for several instances."""

import asyncio
import logging
import math
import time
from typing import Any

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError

from ....settings.hosting import Hosting

BACKOFF_S = 5
"""Seconds that Redis is not asked after a failure, so that not every request waits for it."""

WARNING_INTERVAL_S = 60

logger = logging.getLogger(__name__)


class RateLimiter:
    """A sliding-window rate limiter by key.

    While Redis is down every request may pass: an administrator must not be locked out because a
    counter is broken, and authentication still stands.
    """

    def __init__(self, storage: Storage, window_s: int, timeout_s: float) -> None:
        self.window_s = window_s
        self._storage = storage
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._timeout_s = timeout_s
        self._backoff_until = self._next_warning_at = -math.inf

    async def hit(self, key: str, limit: int) -> int:
        """Count one call; return 0, or the seconds after which another may be made."""
        if time.monotonic() < self._backoff_until:
            return 0
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._count(key, limit)
        except (StorageError, OSError, TimeoutError) as error:
            self._back_off(error)
            return 0

    async def close(self) -> None:
        """Close the connections to Redis, if there are any."""
        bridge = getattr(self._storage, "bridge", None)
        if isinstance(bridge, RedispyBridge):
            await bridge.storage.aclose()

    async def _count(self, key: str, limit: int) -> int:
        item = RateLimitItemPerSecond(limit, self.window_s)
        if await self._limiter.hit(item, key):
            return 0
        stats = await self._limiter.get_window_stats(item, key)
        # As much again as one call weighs: at the border of two windows the count is not lower.
        seconds = stats.reset_time - time.time() + self.window_s / limit
        return min(self.window_s, max(1, math.ceil(seconds)))

    def _back_off(self, error: Exception) -> None:
        now = time.monotonic()
        self._backoff_until = now + BACKOFF_S
        if now >= self._next_warning_at:
            self._next_warning_at = now + WARNING_INTERVAL_S
            logger.warning("Calls are not limited, Redis is away: %s", type(error).__name__)


def create_rate_limiter(hosting: Hosting) -> RateLimiter:
    """The rate limiter that RATE_LIMIT_STORE asks for."""
    timeout_s = hosting.redis_timeout_ms / 1000
    storage = _redis(hosting, timeout_s) if hosting.rate_store == "redis" else MemoryStorage()
    return RateLimiter(storage, math.ceil(hosting.rate_window_ms / 1000), timeout_s)


def _redis(hosting: Hosting, timeout_s: float) -> Storage:
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    url = hosting.redis_url.get_secret_value() if hosting.redis_url else ""
    options: dict[str, Any] = {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        # A request does not wait for Redis to come back; the next ones find out.
        "retry": Retry(NoBackoff(), 0),
    }
    return RedisStorage(
        # So the library spells a socket's address.
        f"async+redis+{url}" if url.startswith("unix:") else f"async+{url}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix=f"{hosting.redis_prefix}:rate",
        **options,
    )

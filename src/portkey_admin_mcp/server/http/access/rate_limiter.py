"""Counts requests per key in a sliding window, in memory, or in Redis for several instances."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Any

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError

from ....settings.hosting import Hosting

BACKOFF_S = 5
"""Seconds that Redis is not used after a failure, so that not every request waits for it."""

WARNING_INTERVAL_S = 60

logger = logging.getLogger(__name__)


class RateLimiter:
    """A sliding-window rate limiter by key.

    While Redis is down every request passes: a broken counter must not lock out an administrator,
    and authentication still protects the service.
    """

    def __init__(
        self,
        storage: Storage,
        window_s: int,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.window_s = window_s
        self._storage = storage
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._timeout_s = timeout_s
        self._clock = clock
        self._backoff_until = self._next_warning_at = -math.inf

    async def hit(self, key: str, limit: int) -> int:
        """Count one request; returns 0, or the seconds to wait before the next is allowed."""
        if self._clock() < self._backoff_until:
            return 0
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._count(key, limit)
        except (StorageError, OSError, TimeoutError) as error:
            self._back_off(error)
            return 0

    async def ping(self) -> None:
        """Return if requests can be counted; raises OSError if not."""
        if not await self._storage.check():
            raise ConnectionError

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
        # The time for one request is added: just after a window ends, its count is still the same.
        seconds = stats.reset_time - time.time() + self.window_s / limit
        return min(self.window_s, max(1, math.ceil(seconds)))

    def _back_off(self, error: Exception) -> None:
        now = self._clock()
        self._backoff_until = now + BACKOFF_S
        if now >= self._next_warning_at:
            self._next_warning_at = now + WARNING_INTERVAL_S
            logger.warning(
                "Requests are not rate limited because Redis does not respond: %s",
                type(error).__name__,
            )


def create_rate_limiter(
    hosting: Hosting, clock: Callable[[], float] = time.monotonic
) -> RateLimiter:
    """The rate limiter that RATE_LIMIT_STORE selects."""
    timeout_s = hosting.redis_timeout_ms / 1000
    is_redis = hosting.rate_store == "redis"
    storage = _redis_storage(hosting, timeout_s) if is_redis else MemoryStorage()
    return RateLimiter(storage, math.ceil(hosting.rate_window_ms / 1000), timeout_s, clock)


def _redis_storage(hosting: Hosting, timeout_s: float) -> Storage:
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    url = hosting.redis_url.get_secret_value() if hosting.redis_url else ""
    options: dict[str, Any] = {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        # No retries: a request must not wait until Redis is back.
        "retry": Retry(NoBackoff(), 0),
    }
    return RedisStorage(
        # `limits` expects a unix socket URL with this prefix.
        f"async+redis+{url}" if url.startswith("unix:") else f"async+{url}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix=f"{hosting.redis_prefix}:rate",
        **options,
    )

"""Counts requests in Redis, for several instances or workers."""

import time
from typing import Any

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ....settings.hosting import Hosting


class RedisCounter:
    """A sliding window in Redis; every method raises ConnectionError if Redis does not respond."""

    def __init__(self, hosting: Hosting, window_s: int, timeout_s: float) -> None:
        self._window_s = window_s
        self._storage = _redis_storage(hosting, timeout_s)
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)

    async def hit(self, key: str, limit: int) -> float:
        """Count a request; returns 0, or if it is over the limit, a number of seconds to wait."""
        item = RateLimitItemPerSecond(limit, self._window_s)
        try:
            if await self._limiter.hit(item, key):
                return 0
            stats = await self._limiter.get_window_stats(item, key)
        except StorageError as error:
            raise ConnectionError from error
        # The time for one request is added: just after a window ends, its count is still the same.
        return stats.reset_time - time.time() + self._window_s / limit

    async def ping(self) -> None:
        """Return if Redis responds."""
        if not await self._storage.check():
            raise ConnectionError

    async def close(self) -> None:
        """Close the connections."""
        bridge = self._storage.bridge
        if isinstance(bridge, RedispyBridge):
            await bridge.storage.aclose()


def _redis_storage(hosting: Hosting, timeout_s: float) -> RedisStorage:
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

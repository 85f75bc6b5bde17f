"""Counts requests per key in a sliding window, in memory, or in Redis for several instances."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Protocol

from ....settings.hosting import Hosting

BACKOFF_S = 5
"""Seconds that Redis is not used after a failure, so that not every request waits for it."""

WARNING_INTERVAL_S = 60
MAX_KEYS = 50_000
"""Keys that are counted in memory in one window; the first are forgotten above that, because an
attacker with so many addresses gains nothing, and others must not be refused."""

logger = logging.getLogger(__name__)


class Counter(Protocol):
    """Counts requests by key; raises OSError if it cannot."""

    async def hit(self, key: str, limit: int) -> float:
        """Count a request; returns 0, or if it is over the limit, a number of seconds to wait."""
        ...

    async def ping(self) -> None:
        """Return if requests can be counted."""
        ...

    async def close(self) -> None:
        """Close the connections, if there are any."""
        ...


class MemoryCounter:
    """Counts in this process. A window is one of fixed length, which begins with a multiple of it.

    The requests of the previous window count in proportion to how much of it is within the last
    `window_s` seconds.
    """

    def __init__(self, window_s: int, clock: Callable[[], float] = time.time) -> None:
        self._window_s = window_s
        self._clock = clock
        self._number = 0
        self._current: dict[str, int] = {}
        self._previous: dict[str, int] = {}

    def __len__(self) -> int:
        """The number of keys that are counted."""
        return len(self._current) + len(self._previous)

    async def hit(self, key: str, limit: int) -> float:
        """Count a request; returns 0, or if it is over the limit, a number of seconds to wait."""
        number, elapsed_s = divmod(self._clock(), self._window_s)
        self._begin_window(int(number))
        previous, current = self._previous.get(key, 0), self._current.get(key, 0)
        remaining_s = self._window_s - elapsed_s
        if math.floor(previous * remaining_s / self._window_s + current) < limit:
            self._current[key] = current + 1
            if len(self._current) > MAX_KEYS:
                del self._current[next(iter(self._current))]
            return 0
        # When the count falls by one, and the time for one request: just after a window ends, its
        # count is still the same.
        fall_s = remaining_s % (self._window_s / previous) if previous else remaining_s
        return fall_s + self._window_s / limit

    async def ping(self) -> None:
        """Return at once: memory is always available."""

    async def close(self) -> None:
        """Do nothing: there are no connections."""

    def _begin_window(self, number: int) -> None:
        if number == self._number:
            return
        self._previous = self._current if number == self._number + 1 else {}
        self._current = {}
        self._number = number


class RateLimiter:
    """A sliding-window rate limiter by key.

    While Redis is down every request passes: a broken counter must not lock out an administrator,
    and authentication still protects the service.
    """

    def __init__(
        self,
        counter: Counter,
        window_s: int,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.window_s = window_s
        self._counter = counter
        self._timeout_s = timeout_s
        self._clock = clock
        self._backoff_until = self._next_warning_at = -math.inf

    async def hit(self, key: str, limit: int) -> int:
        """Count one request; returns 0, or the seconds to wait before the next is allowed."""
        if self._clock() < self._backoff_until:
            return 0
        try:
            async with asyncio.timeout(self._timeout_s):
                seconds = await self._counter.hit(key, limit)
        except (OSError, TimeoutError) as error:
            self._back_off(error)
            return 0
        return min(self.window_s, max(1, math.ceil(seconds))) if seconds else 0

    async def ping(self) -> None:
        """Return if requests can be counted; raises OSError if not."""
        await self._counter.ping()

    async def close(self) -> None:
        """Close the connections to Redis, if there are any."""
        await self._counter.close()

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
    window_s = math.ceil(hosting.rate_window_ms / 1000)
    if hosting.rate_store == "redis":
        # Imported only here, because most services count in memory.
        from .redis_counter import RedisCounter

        counter: Counter = RedisCounter(hosting, window_s, timeout_s)
    else:
        counter = MemoryCounter(window_s)
    return RateLimiter(counter, window_s, timeout_s, clock)

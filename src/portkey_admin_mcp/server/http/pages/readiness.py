"""The readiness checks behind `/ready`."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

Check = Callable[[], Awaitable[None]]
"""Checks one dependency; raises an exception if that cannot be used."""

CHECK_TIMEOUT_S = 2.0
CACHE_TTL_S = 1.0

log = logging.getLogger(__name__)


class CheckResult(NamedTuple):
    """The result of a check; `ms` is how long it took, in milliseconds."""

    ok: bool
    ms: float


class Readiness:
    """Runs all checks concurrently, and caches the results for `ttl_s` seconds.

    Without the cache, visitors of a public page could put load on Redis and Portkey.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        timeout_s: float = CHECK_TIMEOUT_S,
        ttl_s: float = CACHE_TTL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = checks
        self._timeout_s = timeout_s
        self._ttl_s = ttl_s
        self._clock = clock
        self._lock = asyncio.Lock()
        self._results: dict[str, CheckResult] = {}
        self._cached_until = -math.inf

    async def run_checks(self) -> dict[str, CheckResult]:
        """The results of all checks, by name, less than `ttl_s` seconds old."""
        async with self._lock:
            if self._clock() >= self._cached_until:
                results = await asyncio.gather(*map(self._run, self._checks.values()))
                self._store(dict(zip(self._checks, results, strict=True)))
            return self._results

    def _store(self, results: dict[str, CheckResult]) -> None:
        for name, (ok, _ms) in results.items():
            if ok != self._results.get(name, CheckResult(True, 0)).ok:
                log.warning("%s is %s", name, "reachable again" if ok else "unreachable")
        self._results = results
        self._cached_until = self._clock() + self._ttl_s

    async def _run(self, check: Check) -> CheckResult:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout_s):
                await check()
            ok = True
        except Exception as error:  # noqa: BLE001  # any error of any library means unreachable
            log.debug("a check failed with %s", type(error).__name__)
            ok = False
        return CheckResult(ok, round((time.perf_counter() - started) * 1000, 1))

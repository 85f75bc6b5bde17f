"""Whether the service can do its work now: what `/ready` looks at."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

Check = Callable[[], Awaitable[None]]
"""Raises when what it looks at cannot be used."""

LIMIT_S = 2.0
FRESH_S = 1.0

log = logging.getLogger(__name__)


class Found(NamedTuple):
    """What came of a check."""

    ok: bool
    ms: float


class Readiness:
    """Makes all checks at once, and at most once a second, however often it is asked itself.

    So that a page open to everybody cannot be used to wear out Redis or Portkey.
    """

    def __init__(
        self, checks: Mapping[str, Check], limit_s: float = LIMIT_S, fresh_s: float = FRESH_S
    ) -> None:
        self._checks = checks
        self._limit_s = limit_s
        self._fresh_s = fresh_s
        self._lock = asyncio.Lock()
        self._found: dict[str, Found] = {}
        self._fresh_until = 0.0

    async def look(self) -> dict[str, Found]:
        """What the checks found, a second ago at most."""
        async with self._lock:
            if time.monotonic() >= self._fresh_until:
                found = await asyncio.gather(*map(self._ask, self._checks.values()))
                self._remember(dict(zip(self._checks, found, strict=True)))
            return self._found

    def _remember(self, found: dict[str, Found]) -> None:
        for name, (ok, _ms) in found.items():
            if ok != self._found.get(name, Found(True, 0)).ok:
                log.warning("%s is %s", name, "reached again" if ok else "not reached")
        self._found = found
        self._fresh_until = time.monotonic() + self._fresh_s

    async def _ask(self, check: Check) -> Found:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._limit_s):
                await check()
            ok = True
        except Exception as error:  # noqa: BLE001  # each library has its own, and none may be told
            log.debug("a check failed with %s", type(error).__name__)
            ok = False
        return Found(ok, round((time.perf_counter() - began) * 1000, 1))

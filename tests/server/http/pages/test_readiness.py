"""Readiness checks: their timeout, their cache, and what is logged."""

import asyncio
import logging

import pytest

from asgi_client import Clock
from portkey_admin_mcp.server.http.pages.readiness import CACHE_TTL_S, Readiness

TIMEOUT_S = 20


async def succeed():
    await asyncio.sleep(0)


async def fail():
    raise OSError


async def hang():
    await asyncio.Event().wait()


class Outages:
    """A check that fails while `is_down`, and counts its runs."""

    is_down = False
    runs = 0

    async def __call__(self):
        self.runs += 1
        if self.is_down:
            raise OSError


async def test_a_check_that_hangs_fails_after_its_timeout():
    results = await Readiness({"redis": hang, "portkey": succeed}, timeout_s=0.02).run_checks()

    assert not results["redis"].ok
    assert results["redis"].ms >= 20
    assert results["portkey"].ok


async def test_checks_run_concurrently():
    # Each waits for the other; one after the other, both would reach their timeout.
    barrier = asyncio.Barrier(2)
    checks = {"redis": barrier.wait, "portkey": barrier.wait}

    results = await Readiness(checks, timeout_s=TIMEOUT_S).run_checks()

    assert all(result.ok for result in results.values())


async def test_each_result_has_the_name_of_its_check():
    results = await Readiness({"redis": fail, "portkey": succeed}).run_checks()

    assert {name: result.ok for name, result in results.items()} == {
        "redis": False,
        "portkey": True,
    }


@pytest.mark.parametrize("start", [0.0, -1000.0, 1000.0])
async def test_results_are_cached_until_they_expire(start):
    clock, redis = Clock(), Outages()
    readiness = Readiness({"redis": redis}, clock=clock)
    results = []

    for redis.is_down, clock.now in (
        (False, start),
        (True, start + CACHE_TTL_S - 0.001),
        (True, start + CACHE_TTL_S),
        (False, start + 2 * CACHE_TTL_S - 0.001),
        (False, start + 2 * CACHE_TTL_S),
    ):
        results.append(((await readiness.run_checks())["redis"].ok, redis.runs))

    assert results == [(True, 1), (True, 1), (False, 2), (False, 2), (True, 3)]


async def test_concurrent_requests_share_one_run():
    redis = Outages()
    readiness = Readiness({"redis": redis}, clock=Clock())

    await asyncio.gather(*(readiness.run_checks() for _ in range(20)))

    assert redis.runs == 1


async def test_only_a_change_is_logged(caplog):
    redis = Outages()
    readiness = Readiness({"redis": redis, "portkey": succeed}, ttl_s=0)
    with caplog.at_level(logging.WARNING):
        for redis.is_down in (False, True, True, False, False):
            await readiness.run_checks()

    assert caplog.messages == ["redis is unreachable", "redis is reachable again"]

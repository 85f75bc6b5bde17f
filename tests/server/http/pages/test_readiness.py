"""Readiness: what is looked at, how often, and for how long."""

import asyncio
import logging

from portkey_admin_mcp.server.http.pages.readiness import Readiness


async def fine():
    await asyncio.sleep(0)


async def hanging():
    await asyncio.Event().wait()


async def test_a_check_that_hangs_is_given_up():
    found = await Readiness({"redis": hanging, "portkey": fine}, timeout_s=0.02).run_checks()

    assert not found["redis"].ok
    assert found["redis"].ms >= 20
    assert found["portkey"].ok


async def test_checks_are_made_at_once():
    # Each waits for the other; one after the other, both would be given up.
    meeting = asyncio.Barrier(2)

    found = await Readiness(
        {"redis": meeting.wait, "portkey": meeting.wait}, timeout_s=5
    ).run_checks()

    assert all(check.ok for check in found.values())


async def test_what_was_found_is_not_believed_for_ever():
    down = True

    async def recovering():
        if down:
            raise OSError

    readiness = Readiness({"redis": recovering}, ttl_s=0)
    before = await readiness.run_checks()
    down = False

    after = await readiness.run_checks()

    assert (before["redis"].ok, after["redis"].ok) == (False, True)


async def test_only_a_change_is_logged(caplog):
    outages = iter([True, True, False, False])

    async def recovering():
        if next(outages):
            raise OSError

    readiness = Readiness({"redis": recovering}, ttl_s=0)
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            await readiness.run_checks()

    assert caplog.messages == ["redis is not reached", "redis is reached again"]

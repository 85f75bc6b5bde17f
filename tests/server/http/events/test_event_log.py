"""The event store, in memory and in a real Redis."""

import asyncio
import base64
import os
import sys
import time
import tracemalloc

import aiohttp
import pytest
from redis.asyncio import Redis

from http_service import HEADERS, memory_of, running_service, wait_for_port
from portkey_admin_mcp.server.http.access.principal import Principal
from portkey_admin_mcp.server.http.events.event_log import (
    MAX_EVENTS,
    Cursor,
    EventLogUnavailable,
    UnknownEvent,
    cursor_of,
    new_stream_id,
)
from portkey_admin_mcp.server.http.events.memory_log import MemoryEventLog
from portkey_admin_mcp.server.http.events.redis_log import RedisEventLog
from portkey_admin_mcp.settings.hosting import Hosting

ADA, BEN = Principal("bearer", "ada"), Principal("bearer", "ben")
KEY = base64.b64encode(bytes(range(32))).decode()


def hosting(redis=None, **variables):
    given = {"MCP_EVENT_STORE": "memory"}
    if redis is not None:
        given = {
            "MCP_EVENT_STORE": "redis",
            "MCP_REDIS_URL": redis.url,
            "MCP_EVENT_ENCRYPTION_KEY": KEY,
            "MCP_REDIS_KEY_PREFIX": "test",
        }
    return Hosting(**{**given, **variables})


@pytest.fixture(params=["memory", "redis"])
async def events(request):
    if request.param == "memory":
        yield MemoryEventLog(hosting())
        return
    store = RedisEventLog(hosting(request.getfixturevalue("redis")))
    yield store
    await store.close()


async def told(events, cursor):
    """All that follows a place, until the stream is complete."""
    found = []
    async with asyncio.timeout(5):
        async for event in events.follow(cursor):
            if event is not None:
                found.append(event)
                if event.last:
                    return found
    raise AssertionError("the stream has no end")


async def test_what_came_after_an_event_is_told_in_order(events):
    stream = new_stream_id()
    first = await events.append(ADA, stream, None, False)
    second = await events.append(ADA, stream, '{"n":1}', False)
    await events.append(ADA, stream, '{"n":2}', True)

    after_first = await told(events, cursor_of(ADA, first))
    after_second = await told(events, cursor_of(ADA, second))

    assert [event.message for event in after_first] == ['{"n":1}', '{"n":2}']
    assert [event.message for event in after_second] == ['{"n":2}']
    assert after_first[0].id == second


async def test_what_is_said_later_is_followed(events):
    stream = new_stream_id()
    first = await events.append(ADA, stream, None, False)
    listening = asyncio.create_task(told(events, cursor_of(ADA, first)))
    await asyncio.sleep(0)

    await events.append(ADA, stream, '"later"', True)

    assert [event.message for event in await listening] == ['"later"']


async def test_another_principals_event_is_unknown(events):
    mine = await events.append(ADA, new_stream_id(), "1", True)

    with pytest.raises(UnknownEvent):
        await anext(events.follow(cursor_of(BEN, mine)))


@pytest.mark.parametrize(
    "given",
    ["", "x", "0" * 32,
     f"{'0' * 32}.1", f"{'0' * 32}.1-1", "*", "../x", f"{'0' * 32}.1\r\nFLUSHALL",
     f"{'0' * 32}.1 0", f"{'A' * 32}.1", f"{'0' * 32}.{'9' * 17}", "test:events:x", "\x00" * 34],
)  # fmt: skip
async def test_what_is_no_event_id_leads_nowhere(events, given):
    await events.append(ADA, new_stream_id(), "1", True)

    with pytest.raises(UnknownEvent):
        await anext(events.follow(cursor_of(ADA, given)))


async def test_a_stream_keeps_its_newest_events(events):
    stream = new_stream_id()
    first = await events.append(ADA, stream, "0", False)
    for number in range(1, MAX_EVENTS + 1):
        last = await events.append(ADA, stream, str(number), number == MAX_EVENTS)

    with pytest.raises(UnknownEvent):
        await anext(events.follow(cursor_of(ADA, first)))
    assert last.startswith(stream)


async def test_nothing_follows_the_end_of_an_answer(events):
    stream = new_stream_id()
    await events.append(ADA, stream, None, False)
    last = await events.append(ADA, stream, '"the answer"', True)

    async with asyncio.timeout(0.5):
        assert [event async for event in events.follow(cursor_of(ADA, last))] == []


def bounded(most, share):
    sizes = {"MCP_EVENT_MAX_BYTES": most << 20, "MCP_EVENT_MAX_BYTES_PER_PRINCIPAL": share << 20}
    return MemoryEventLog(hosting(**sizes))


async def kept(events, principal, ids):
    """Which of these events are still known."""
    found = []
    for event_id in ids:
        try:
            await anext(events.follow(cursor_of(principal, event_id)), None)
        except UnknownEvent:
            continue
        found.append(event_id)
    return found


async def answers(events, principal, count, size):
    """Keep so many answers of so many bytes, each on a stream of its own."""
    return [await events.append(principal, new_stream_id(), "x" * size, True) for _ in range(count)]


async def test_the_oldest_events_make_room_for_the_newest():
    events = bounded(most=2, share=2)

    ids = await answers(events, ADA, 30, 100_000)

    newest = await kept(events, ADA, ids)
    assert newest == ids[-len(newest) :]
    assert 18 <= len(newest) <= 20


async def test_one_principal_pushes_out_nobody_elses_events():
    events = bounded(most=2, share=1)
    bens = await answers(events, BEN, 5, 100_000)

    adas = await answers(events, ADA, 100, 100_000)

    assert await kept(events, BEN, bens) == bens
    assert 8 <= len(await kept(events, ADA, adas)) <= 10


async def test_an_event_as_large_as_its_share_is_not_kept_and_costs_nothing_else():
    events = bounded(most=2, share=1)
    before = await answers(events, ADA, 3, 1000)

    with pytest.raises(EventLogUnavailable):
        await answers(events, ADA, 1, 1 << 20)

    assert await kept(events, ADA, before) == before


async def test_a_follower_who_missed_something_is_told_no_more():
    events = bounded(most=1, share=1)
    stream = new_stream_id()
    first = await events.append(ADA, stream, None, False)
    following = events.follow(cursor_of(ADA, first))
    second = await events.append(ADA, stream, "2", False)
    assert (await anext(following)).id == second

    for number in range(20):
        await events.append(ADA, stream, str(number) + "x" * 100_000, False)

    async with asyncio.timeout(5):
        assert [event async for event in following if event is not None] == []


async def test_what_is_kept_takes_no_more_memory_than_it_may():
    tracemalloc.start()
    try:
        events = bounded(most=4, share=4)
        before, _ = tracemalloc.get_traced_memory()
        for size in (10, 1000, 80_000):
            await answers(events, ADA, 40_000_000 // (size + 1500), size)
            await answers(events, BEN, 4_000_000 // (size + 1500), size)
            after, _ = tracemalloc.get_traced_memory()
            assert (after - before) / (1 << 20) < 4.5, f"at {size} bytes an event"
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
async def test_hundreds_of_lists_cost_the_service_what_its_event_store_may_have(port):
    number = port()
    environment = {
        "MCP_EVENT_STORE": "memory",
        "MCP_EVENT_MAX_BYTES_PER_PRINCIPAL": "2097152",
        "MCP_SESSION_MODE": "stateless",
        "RATE_LIMIT_ENABLED": "false",
        "LOG_LEVEL": "error",
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    with running_service(number, **environment) as service:
        wait_for_port(number)
        async with aiohttp.ClientSession(headers=HEADERS) as session:

            async def lists(count):
                for _ in range(count):
                    url = f"http://127.0.0.1:{number}/mcp"
                    async with session.post(url, json=message) as response:
                        assert len(await response.read()) > 100_000
                return memory_of(service.process)

            before = await lists(40)
            after = await lists(160)

    # Without a bound they take 20 MB and more.
    assert after - before < 6_000, f"{before} kB before, {after} kB after"


async def test_memory_forgets_after_its_time():
    events = MemoryEventLog(hosting(MCP_EVENT_TTL_SECONDS=1))
    first = await events.append(ADA, new_stream_id(), "1", True)
    await asyncio.sleep(1.1)

    with pytest.raises(UnknownEvent):
        await anext(events.follow(cursor_of(ADA, first)))


async def test_redis_forgets_after_its_time_and_holds_nothing_readable(redis):
    events = RedisEventLog(hosting(redis, MCP_EVENT_TTL_SECONDS=77))
    stream = new_stream_id()
    await events.append(ADA, stream, '{"secret": "a-canary"}', True)
    async with redis_client(redis) as direct:
        (key,) = await direct.keys("*")
        kept = await direct.xrange(key)
        left = await direct.ttl(key)
    await events.close()

    assert key == f"test:events:{ADA.fingerprint}:{stream}".encode()
    assert b"canary" not in repr(kept).encode()
    assert 70 <= left <= 77


async def test_an_event_moved_to_another_stream_is_not_believed(redis):
    events = RedisEventLog(hosting(redis))
    one, other = new_stream_id(), new_stream_id()
    await events.append(ADA, one, '"for ada"', True)
    async with redis_client(redis) as direct:
        ((_place, entry),) = await direct.xrange(f"test:events:{ADA.fingerprint}:{one}")
        await direct.xadd(
            f"test:events:{BEN.fingerprint}:{other}", {b"m": b"x", b"l": b"0"}, id="1-1"
        )
        await direct.xadd(f"test:events:{BEN.fingerprint}:{other}", entry, id="1-2")

    with pytest.raises(UnknownEvent):
        await anext(events.follow(Cursor(f"{BEN.fingerprint}:{other}", other, "1-1")))
    await events.close()


async def test_a_redis_that_is_away_is_named_soon_and_taken_back_when_it_returns(redis):
    events = RedisEventLog(hosting(redis, MCP_EVENT_STORE_COMMAND_TIMEOUT_MS=300))
    redis.stop()
    started = time.monotonic()

    for _ in range(20):
        with pytest.raises(EventLogUnavailable):
            await events.append(ADA, new_stream_id(), "1", True)
    assert time.monotonic() - started < 2

    redis.start()
    await events.ping()
    assert await events.append(ADA, new_stream_id(), "1", True)
    await events.close()


def redis_client(server):
    return Redis.from_url(server.url)


async def test_keys_of_the_wrong_size_are_refused_at_start(redis):
    short = base64.b64encode(os.urandom(16)).decode()

    with pytest.raises(ValueError, match="openssl rand -base64 32"):
        hosting(redis, MCP_EVENT_ENCRYPTION_KEY=short)

"""The event logs keep the same rules, in memory and in a real Redis."""

import asyncio
import base64
import os
import time

import pytest
from redis.asyncio import Redis

from asgi_client import Clock
from portkey_admin_mcp.safety.caller import Caller
from portkey_admin_mcp.server.http.events.event_log import (
    MAX_EVENTS,
    EventLogUnavailable,
    Subscriptions,
    UnknownEvent,
    cursor_of,
    new_stream_id,
)
from portkey_admin_mcp.server.http.events.memory_log import EVENT_OVERHEAD_BYTES, MemoryEventLog
from portkey_admin_mcp.server.http.events.redis_connection import RedisListener
from portkey_admin_mcp.server.http.events.redis_log import (
    READ_BATCH_SIZE,
    RedisEventLog,
)
from portkey_admin_mcp.settings.hosting import Hosting

TIMEOUT_S = 20
MIB = 1 << 20
ADA, BEN = Caller("bearer:ada"), Caller("bearer:ben")
KEY = base64.b64encode(bytes(range(32))).decode()


def hosting(redis=None, **variables):
    settings = {"MCP_EVENT_STORE": "memory"}
    if redis is not None:
        settings = {
            "MCP_EVENT_STORE": "redis",
            "MCP_REDIS_URL": redis.url,
            "MCP_EVENT_ENCRYPTION_KEY": KEY,
            "MCP_REDIS_KEY_PREFIX": "test",
        }
    return Hosting(**{**settings, **variables})


@pytest.fixture(params=["memory", "redis"])
async def events(request):
    """Each of the two event logs."""
    if request.param == "memory":
        yield MemoryEventLog(hosting())
        return
    log = RedisEventLog(hosting(request.getfixturevalue("redis")))
    yield log
    await log.close()


async def rest_of(events, cursor):
    """The events after a cursor, until the stream ends."""
    async with asyncio.timeout(TIMEOUT_S):
        return [event async for event in events.follow(cursor) if event is not None]


async def test_the_events_after_a_cursor_are_replayed_in_order(events):
    stream = new_stream_id()
    first = await events.append(ADA, stream, None, False)
    second = await events.append(ADA, stream, '{"n":1}', False)
    third = await events.append(ADA, stream, '{"n":2}', True)

    after_first = await rest_of(events, cursor_of(ADA, first))
    after_second = await rest_of(events, cursor_of(ADA, second))
    steps = [event async for event in events.follow(cursor_of(ADA, first))]

    assert steps == after_first, "a complete replay waits for nothing"
    assert [event.message for event in after_first] == ['{"n":1}', '{"n":2}']
    assert [event.id for event in after_first] == [second, third]
    assert [event.last for event in after_first] == [False, True]
    assert [event.message for event in after_second] == ['{"n":2}']


async def test_events_appended_later_reach_every_follower(events):
    stream = new_stream_id()
    first = await events.append(ADA, stream, None, False)
    following = [asyncio.create_task(rest_of(events, cursor_of(ADA, first))) for _ in range(2)]
    await asyncio.sleep(0)

    await events.append(ADA, new_stream_id(), '"of another stream"', True)
    await events.append(ADA, stream, '"later"', False)
    await asyncio.sleep(0)
    await events.append(ADA, stream, '"last"', True)

    for followed in await asyncio.gather(*following):
        assert [event.message for event in followed] == ['"later"', '"last"']


async def test_a_follower_that_waits_is_woken_by_the_next_event(events):
    stream = new_stream_id()
    first = await events.append(ADA, stream, None, False)
    following = events.follow(cursor_of(ADA, first))

    async with asyncio.timeout(TIMEOUT_S):
        # After a second without events.
        assert await anext(following) is None
        second = await events.append(ADA, stream, "2", False)
        event = await anext(following)
        third = await events.append(ADA, stream, "3", True)
        rest = [event.id async for event in following if event is not None]

    assert event.id == second
    assert rest == [third]


def test_a_stream_without_followers_takes_no_memory():
    subscriptions = Subscriptions()

    with subscriptions.subscribe("a"), subscriptions.subscribe("a") as appended:
        subscriptions.notify("a")
        subscriptions.notify("b")
        assert (len(subscriptions), appended.is_set()) == (1, True)

    assert len(subscriptions) == 0


async def test_an_event_of_another_principal_is_unknown(events):
    event_id = await events.append(ADA, new_stream_id(), "1", True)

    with pytest.raises(UnknownEvent):
        await anext(events.follow(cursor_of(BEN, event_id)))


@pytest.mark.parametrize(
    "event_id",
    ["", "x", "0" * 32,
     f"{'0' * 32}.1", f"{'0' * 32}.1-1", "*", "../x", f"{'0' * 32}.1\r\nFLUSHALL",
     f"{'0' * 32}.1 0", f"{'A' * 32}.1", f"{'0' * 32}.{'9' * 17}", "test:events:x", "\x00" * 34],
)  # fmt: skip
async def test_a_malformed_or_unknown_event_id_is_unknown(events, event_id):
    await events.append(ADA, new_stream_id(), "1", True)

    with pytest.raises(UnknownEvent):
        await anext(events.follow(cursor_of(ADA, event_id)))


@pytest.mark.parametrize("change", [lambda i: i + "0", lambda i: i[:-1], lambda i: i + "-0"])
async def test_only_the_exact_event_id_is_known(events, change):
    event_id = await events.append(ADA, new_stream_id(), "1", False)

    with pytest.raises(UnknownEvent):
        await anext(events.follow(cursor_of(ADA, change(event_id))))


async def test_a_stream_keeps_exactly_its_newest_events(events):
    stream = new_stream_id()
    ids = [await events.append(ADA, stream, str(n), False) for n in range(MAX_EVENTS)]
    last = await events.append(ADA, stream, "last", True)

    with pytest.raises(UnknownEvent):
        await anext(events.follow(cursor_of(ADA, ids[0])))
    replayed = await rest_of(events, cursor_of(ADA, ids[1]))

    assert [event.id for event in replayed] == [*ids[2:], last]


async def test_nothing_follows_the_last_event(events):
    stream = new_stream_id()
    await events.append(ADA, stream, None, False)
    last = await events.append(ADA, stream, '"the answer"', True)

    assert await rest_of(events, cursor_of(ADA, last)) == []


def memory_log(max_mib, max_mib_per_principal):
    sizes = {
        "MCP_EVENT_MAX_BYTES": max_mib * MIB,
        "MCP_EVENT_MAX_BYTES_PER_PRINCIPAL": max_mib_per_principal * MIB,
    }
    return MemoryEventLog(hosting(**sizes))


async def remaining_of(events, principal, ids):
    """The ids of those of these events that are still in the log."""
    remaining = []
    for event_id in ids:
        try:
            await anext(events.follow(cursor_of(principal, event_id)), None)
        except UnknownEvent:
            continue
        remaining.append(event_id)
    return remaining


async def append_answers(events, principal, count, size):
    """Append so many answers of so many bytes, each on its own stream; returns their ids."""
    return [await events.append(principal, new_stream_id(), "x" * size, True) for _ in range(count)]


async def test_the_oldest_events_are_dropped_for_new_ones():
    events = memory_log(2, 2)

    ids = await append_answers(events, ADA, 30, 100_000)

    newest = await remaining_of(events, ADA, ids)
    assert newest == ids[-len(newest) :]
    assert 18 <= len(newest) <= 20


async def test_events_of_one_principal_do_not_drop_those_of_another():
    events = memory_log(2, 1)
    bens = await append_answers(events, BEN, 5, 100_000)

    adas = await append_answers(events, ADA, 100, 100_000)

    assert await remaining_of(events, BEN, bens) == bens
    assert 8 <= len(await remaining_of(events, ADA, adas)) <= 10


async def test_the_limit_of_all_principals_holds_too():
    events = memory_log(1, 1)
    bens = await append_answers(events, BEN, 5, 100_000)

    adas = await append_answers(events, ADA, 9, 100_000)

    assert await remaining_of(events, BEN, bens) == bens[-1:]
    assert await remaining_of(events, ADA, adas) == adas


async def test_an_event_up_to_the_limit_is_kept_and_a_larger_one_is_refused():
    events = memory_log(2, 1)
    before = await append_answers(events, ADA, 3, 1000)
    # An ASCII text takes 49 bytes besides its characters, or a few more or less.
    overhead = EVENT_OVERHEAD_BYTES + "x".__sizeof__() - 1

    with pytest.raises(EventLogUnavailable):
        await append_answers(events, ADA, 1, MIB - overhead + 1)

    assert await remaining_of(events, ADA, before) == before
    largest = await append_answers(events, ADA, 1, MIB - overhead)
    assert await remaining_of(events, ADA, [*before, *largest]) == largest


async def test_following_ends_when_events_were_dropped_before_they_were_read():
    events = memory_log(1, 1)
    stream = new_stream_id()
    first = await events.append(ADA, stream, None, False)
    following = events.follow(cursor_of(ADA, first))
    second = await events.append(ADA, stream, "2", False)
    assert (await anext(following)).id == second

    for number in range(20):
        await events.append(ADA, stream, str(number) + "x" * 100_000, False)

    async with asyncio.timeout(TIMEOUT_S):
        assert [event async for event in following if event is not None] == []


async def test_memory_drops_a_stream_when_it_has_expired():
    clock = Clock()
    events = MemoryEventLog(hosting(MCP_EVENT_TTL_SECONDS=60), clock)
    renewed = new_stream_id()
    ids = [
        await events.append(ADA, new_stream_id(), "expires", True),
        await events.append(ADA, renewed, "is renewed", False),
    ]
    clock.now = 30
    ids.append(await events.append(ADA, renewed, "renews the stream", True))

    clock.now = 60
    kept_in_time = await remaining_of(events, ADA, ids)
    clock.now = 61
    kept_later = await remaining_of(events, ADA, ids)

    assert kept_in_time == ids
    assert kept_later == ids[1:]


async def test_redis_expires_a_stream_and_holds_no_plain_text(redis):
    events = RedisEventLog(hosting(redis, MCP_EVENT_TTL_SECONDS=77))
    stream = new_stream_id()
    await events.append(ADA, stream, '{"secret": "a-canary"}', True)
    async with Redis.from_url(redis.url) as direct:
        (key,) = await direct.keys("*")
        entries = await direct.xrange(key)
        ttl_s = await direct.ttl(key)
    await events.close()

    assert key == f"test:events:{ADA.fingerprint}:{stream}".encode()
    assert b"canary" not in repr(entries).encode()
    assert 0 < ttl_s <= 77


async def test_an_event_moved_to_another_stream_is_refused(redis):
    events = RedisEventLog(hosting(redis))
    adas, bens = new_stream_id(), new_stream_id()
    await events.append(ADA, adas, '"for ada"', True)
    first = await events.append(BEN, bens, None, False)
    name = f"test:events:{BEN.fingerprint}:{bens}"
    async with Redis.from_url(redis.url) as direct:
        ((position, entry),) = await direct.xrange(f"test:events:{ADA.fingerprint}:{adas}")
        position = await direct.xadd(name, {**entry, b"l": b"0"})
    last = await events.append(BEN, bens, '"for ben"', True)

    with pytest.raises(UnknownEvent):
        moved = f"{bens}.{position.decode()}"
        await anext(events.follow(cursor_of(BEN, moved)))
    assert [event.id for event in await rest_of(events, cursor_of(BEN, first))] == [last]
    await events.close()


NOT_OURS = [
    {"m": "not encrypted", "l": "0", "c": "x"},
    {"m": b"\xff" * 40, "l": "1"},
    {"m": "", "l": "0"},
    {"l": "1"},
    {"message": b"\xfe\xff"},
]


async def test_entries_that_are_not_ours_are_skipped_and_logged_once(redis, caplog):
    events, stream = RedisEventLog(hosting(redis)), new_stream_id()
    first = await events.append(ADA, stream, None, False, 7)
    name = f"test:events:{ADA.fingerprint}:{stream}"
    async with Redis.from_url(redis.url) as direct:
        # More than are read at a time.
        for _ in range(3 * READ_BATCH_SIZE // len(NOT_OURS)):
            for entry in NOT_OURS:
                await direct.xadd(name, entry)
    last = await events.append(ADA, stream, '"the answer"', True, 7)

    followed = await rest_of(events, cursor_of(ADA, first))

    assert [(event.id, event.message) for event in followed] == [(last, '"the answer"')]
    (message,) = caplog.messages
    assert message.startswith("skipped data in Redis that this service did not write")
    assert name in message
    await events.close()


async def test_a_key_that_is_not_a_stream_does_not_affect_other_streams(redis, caplog):
    events, stream = RedisEventLog(hosting(redis)), new_stream_id()
    first = await events.append(ADA, stream, None, False, 7)
    async with Redis.from_url(redis.url) as direct:
        await direct.set(f"test:events:{ADA.fingerprint}:{stream}", "a text")

    for _ in range(2):
        with pytest.raises(UnknownEvent):
            await anext(events.follow(cursor_of(ADA, first)))
    for last in (False, True):
        with pytest.raises(EventLogUnavailable):
            await events.append(ADA, stream, "1", last, 7)

    assert await events.append(ADA, new_stream_id(), "1", True)
    assert len(caplog.messages) == 1
    await events.close()


async def test_a_notification_that_is_not_ours_does_not_end_the_listening(redis, caplog):
    subscriptions = Subscriptions()
    async with Redis.from_url(redis.url) as direct, asyncio.timeout(TIMEOUT_S):
        listener = RedisListener(direct, "news", subscriptions)
        listener.start()
        with subscriptions.subscribe("a") as appended:
            while not appended.is_set():  # until it has subscribed
                await direct.publish("news", "a")
                await asyncio.sleep(0.01)
            appended.clear()
            for message in (b"\xff", b"\xfe", "b"):
                await direct.publish("news", message)
            await direct.publish("news", "a")

            await appended.wait()
        await listener.close()

    assert len(caplog.messages) == 1


async def test_a_redis_that_is_down_is_not_waited_for_and_used_again_when_it_is_back(redis):
    events = RedisEventLog(hosting(redis, MCP_EVENT_STORE_COMMAND_TIMEOUT_MS=1000))
    redis.stop()
    started = time.monotonic()

    for _ in range(40):
        with pytest.raises(EventLogUnavailable):
            await events.append(ADA, new_stream_id(), "1", True)
    # Without the backoff each append could wait for its timeout.
    assert time.monotonic() - started < TIMEOUT_S

    redis.start()
    await events.ping()
    assert await events.append(ADA, new_stream_id(), "1", True)
    await events.close()


async def test_a_key_of_the_wrong_size_is_refused_at_start(redis):
    short = base64.b64encode(os.urandom(16)).decode()

    with pytest.raises(ValueError, match="openssl rand -base64 32"):
        hosting(redis, MCP_EVENT_ENCRYPTION_KEY=short)

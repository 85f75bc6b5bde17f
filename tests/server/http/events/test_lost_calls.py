"""A call that will not be answered ends with an error, for every client that waits for it."""

import asyncio
import base64
import contextlib
import json
import time
from contextlib import ExitStack
from functools import partial

import aiohttp
import pytest
import uvicorn
from mcp_types import ErrorData, JSONRPCError, JSONRPCResponse
from pydantic import SecretStr
from redis.asyncio import Redis
from uvicorn.supervisors import multiprocess

from asgi_client import Clock, client_of
from asgi_server import serve_app
from fake_portkey import FakePortkey
from initialization import INITIALIZE
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.safety.caller import ANONYMOUS, Caller
from portkey_admin_mcp.server.http.events.event_log import (
    CALL_TIMEOUT_S,
    POLL_INTERVAL_S,
    Call,
    EventLogUnavailable,
    cursor_of,
    event_id,
    new_stream_id,
    stream_key,
)
from portkey_admin_mcp.server.http.events.leases import Leases, LeaseWatch
from portkey_admin_mcp.server.http.events.memory_log import MemoryEventLog
from portkey_admin_mcp.server.http.events.recorder import StreamRecorder
from portkey_admin_mcp.server.http.events.redis_entries import EntryCipher
from portkey_admin_mcp.server.http.events.redis_log import MAX_PENDING_ENDS, RedisEventLog
from portkey_admin_mcp.server.http.events.resumption import StreamResumption
from portkey_admin_mcp.server.http.graceful import Server
from portkey_admin_mcp.server.http.sessions import sessions
from portkey_admin_mcp.server.http.workers import WorkerProcess
from portkey_admin_mcp.server.mcp.sdk_private import GET_STREAM_KEY
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings
from servers import hosted

TIMEOUT_S = 20
LEASE_TTL_S = 0.3
ADA = Caller("bearer:ada")
SECRET = bytes(range(32))
LOOK = "; the call may have taken effect. Look before you send it again."
HEADERS = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
CALL = {
    "jsonrpc": "2.0",
    "id": 7,
    "method": "tools/call",
    "params": {"name": "list_workspaces", "arguments": {}},
}


def redis_log(redis, lease_ttl_s=LEASE_TTL_S):
    hosting = Hosting(
        MCP_EVENT_STORE="redis",
        MCP_REDIS_URL=redis.url,
        MCP_EVENT_ENCRYPTION_KEY=base64.b64encode(SECRET).decode(),
        MCP_REDIS_KEY_PREFIX="test",
    )
    return RedisEventLog(hosting, lease_ttl_s=lease_ttl_s)


@pytest.fixture
async def two_logs(redis):
    """The event logs of two instances with one Redis."""
    logs = redis_log(redis), redis_log(redis)
    yield logs
    for log in logs:
        await log.close()


@pytest.fixture(params=["memory", "redis"])
async def events(request):
    """Each of the two event logs."""
    if request.param == "memory":
        yield MemoryEventLog(Hosting(MCP_EVENT_STORE="memory", MCP_EVENT_MAX_BYTES=1 << 20))
        return
    log = redis_log(request.getfixturevalue("redis"))
    yield log
    await log.close()


async def rest_of(events, first):
    """The messages after an event, until the stream ends."""
    async with asyncio.timeout(TIMEOUT_S):
        steps = [step async for step in events.follow(cursor_of(ADA, first))]
    return [(step.id, json.loads(step.message)) for step in steps if step is not None]


async def next_event(events, first):
    """The event that a new follower gets at once; None if it has to wait."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            return await anext(events.follow(cursor_of(ADA, first)))
    return None


async def append_cursor(redis, instance, at_ms):
    """Append the first event of a stream of an instance at a time; returns its id."""
    stream, cipher = new_stream_id(), EntryCipher(SECRET)
    key = stream_key(ADA, stream)
    fields = {"m": cipher.message(key, None), "l": "0", "c": cipher.call(key, Call(7, instance))}
    async with Redis.from_url(redis.url) as direct:
        await direct.xadd(f"test:events:{key}", fields, id=f"{at_ms}-1")
    return event_id(stream, f"{at_ms}-1")


def now_ms():
    return int(time.time() * 1000)


async def test_of_all_followers_of_a_lost_call_one_writes_the_error(redis, two_logs):
    first = await append_cursor(redis, "a-killed-instance", now_ms())

    rests = await asyncio.gather(*(rest_of(log, first) for log in two_logs for _ in range(3)))

    assert all(rest == rests[0] for rest in rests)
    ((_, message),) = rests[0]
    assert message["id"] == 7
    assert message["error"] == {
        "code": -32010,
        "message": f"The server stopped before the answer{LOOK}",
        "data": {"reason": "server_stopped", "outcome": "unknown"},
    }


async def test_an_instance_that_is_closed_gives_up_its_lease(redis):
    log = redis_log(redis, lease_ttl_s=60)
    await log.append(ADA, new_stream_id(), None, False, 7)
    async with Redis.from_url(redis.url) as direct:
        ttls = [await direct.ttl(key) for key in await direct.keys("test:instances:*")]
        await log.close()
        leases = await direct.keys("test:instances:*")

    assert ttls in ([59], [60])
    assert leases == []


async def test_a_call_of_a_living_instance_is_waited_for(redis, two_logs):
    one, other = two_logs
    stream = new_stream_id()
    first = await one.append(ADA, stream, None, False, 7)
    following = asyncio.create_task(rest_of(other, first))

    # Until the second look at the lease, which would have expired by then.
    await asyncio.sleep(POLL_INTERVAL_S + 0.2)
    async with Redis.from_url(redis.url) as direct:
        leases = await direct.keys("test:instances:*")
    last = await one.append(ADA, stream, '"the answer"', True, 7)

    assert await following == [(last, "the answer")]
    assert len(leases) == 1, "it was renewed"


async def test_in_memory_a_silent_call_is_ended_after_its_timeout():
    clock = Clock()
    events, stream = MemoryEventLog(Hosting(), clock), new_stream_id()
    first = await events.append(ADA, stream, None, False, 7)

    clock.now = CALL_TIMEOUT_S - 1
    assert await next_event(events, first) is None
    clock.now = CALL_TIMEOUT_S
    event = await next_event(events, first)

    assert event.last
    assert json.loads(event.message)["error"]["data"]["reason"] == "timed_out"


@pytest.mark.parametrize("is_too_old", [True, False])
async def test_in_redis_a_silent_call_is_ended_after_its_timeout(redis, two_logs, is_too_old):
    one, _ = two_logs
    # The instance lives: its lease is in Redis.
    async with Redis.from_url(redis.url) as direct:
        await direct.set("test:instances:living", "1")
    age_ms = int(CALL_TIMEOUT_S * 1000)
    first = await append_cursor(
        redis, "living", now_ms() - age_ms + (-2000 if is_too_old else 60_000)
    )

    event = await next_event(one, first)

    assert (event is not None) is is_too_old
    if is_too_old:
        assert json.loads(event.message)["error"]["data"]["reason"] == "timed_out"


async def test_nothing_can_be_appended_after_the_last_event(events):
    stream = new_stream_id()
    first = await events.append(ADA, stream, None, False, 7)
    last = await events.append(ADA, stream, '"the answer"', True, 7)

    with pytest.raises(EventLogUnavailable):
        await events.append(ADA, stream, '"another answer"', True, 7)

    assert await rest_of(events, first) == [(last, "the answer")]


async def test_an_answer_that_cannot_be_kept_is_replaced_by_an_error(events):
    recorder = StreamRecorder(events, ADA)
    recorder.open(7)
    first = await recorder.store_event("7", None)

    await events.end_later(ADA, first.partition(".")[0], 7)

    ((_, message),) = await rest_of(events, first)

    assert message["id"] == 7
    assert message["error"]["message"] == f"The answer could not be kept{LOOK}"


async def test_a_request_has_one_answer():
    events = MemoryEventLog(Hosting())
    recorder = StreamRecorder(events, ADA)
    recorder.open(7)
    first = await recorder.store_event("7", None)

    ids = [
        await recorder.store_event("7", JSONRPCResponse(jsonrpc="2.0", id=7, result={"n": n}))
        for n in range(2)
    ]

    ((last, message),) = await rest_of(events, first)
    assert ids == [last, ""]
    assert message["result"] == {"n": 0}


class HangingLog(MemoryEventLog):
    """An event log that does not respond."""

    async def append(self, *arguments, **options):
        await asyncio.Event().wait()


async def test_an_event_is_sent_without_an_id_if_the_log_does_not_respond_in_time():
    recorder = StreamRecorder(HangingLog(Hosting()), ADA)
    recorder.timeout_s = 0.01
    recorder.open(7)
    answer = JSONRPCResponse(jsonrpc="2.0", id=7, result={})

    async with asyncio.timeout(TIMEOUT_S):
        assert await recorder.store_event("7", answer) == ""


async def test_an_error_without_an_id_does_not_end_the_stream_of_notifications():
    events = MemoryEventLog(Hosting())
    recorder = StreamRecorder(events, ADA)
    error = JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=-32700, message="no JSON"))

    ids = [await recorder.store_event(GET_STREAM_KEY, error) for _ in range(2)]

    assert (await next_event(events, ids[0])).id == ids[1]
    assert await next_event(events, ids[1]) is None


async def test_an_answer_that_is_too_large_for_the_memory_ends_its_stream_too():
    events = MemoryEventLog(Hosting(MCP_EVENT_MAX_BYTES=1 << 20))
    recorder = StreamRecorder(events, ADA)
    recorder.open("a-text")
    first = await recorder.store_event("a-text", None)
    large = JSONRPCResponse(jsonrpc="2.0", id="a-text", result={"text": "x" * (1 << 20)})

    assert await recorder.store_event("a-text", large) == ""

    ((_, message),) = await rest_of(events, first)
    assert (message["id"], message["error"]["data"]["reason"]) == ("a-text", "not_kept")


async def test_no_more_than_a_limited_number_of_ends_is_kept(redis, two_logs):
    one, _ = two_logs
    streams = [new_stream_id() for _ in range(MAX_PENDING_ENDS + 1)]
    ids = [await one.append(ADA, each, None, False, 7) for each in (streams[0], streams[-1])]

    for each in streams:
        await one.end_later(ADA, each, 7)

    assert len(await rest_of(one, ids[1])) == 1
    assert await next_event(one, ids[0]) is None
    async with Redis.from_url(redis.url) as direct:
        assert len(await direct.keys("test:events:*")) == len(ids), "no stream was created"


def test_a_lease_that_is_missing_for_a_moment_has_not_lapsed():
    clock = Clock()
    watch = LeaseWatch(Leases(None, "test", 1, None, 15.0), clock)
    lapsed = []

    for clock.now, is_held in enumerate([True, False, *[True] * 9, *[False] * 9]):
        lapsed.append(watch.has_lapsed(is_held=is_held))

    # Seven and a half seconds after it was missed, which is one and a half renewals.
    assert lapsed.index(True) == 11 + 8
    assert not any(lapsed[:19])


async def test_after_a_restart_the_events_in_memory_are_not_found():
    event = await MemoryEventLog(Hosting()).append(ANONYMOUS, new_stream_id(), None, False, 7)
    restarted = StreamResumption(MemoryEventLog(Hosting()))

    async with client_of(restarted) as client:
        response = await client.get("/mcp", headers={**HEADERS, "last-event-id": event})

    assert response.status_code == 404
    assert "Look before you send it again" in response.json()["error"]["message"]


@pytest.fixture
def fake():
    with FakePortkey() as fake:
        fake.script(["silence"])
        yield fake


@pytest.fixture
def serve(fake):
    """Serve with events in memory, in this session mode; Portkey does not answer."""
    with ExitStack() as running:

        def start(session_mode):
            def create(port):
                settings = Settings(PORTKEY_API_KEY=SecretStr("a-key"), **fake.settings)
                hosting = Hosting(
                    MCP_ALLOW_UNAUTHENTICATED_HTTP=True,
                    MCP_PORT=port,
                    MCP_EVENT_STORE="memory",
                    MCP_SESSION_MODE=session_mode,
                )
                return hosted(partial(Portkey, settings), hosting)

            return f"{running.enter_context(serve_app(create))}/mcp"

        yield start


async def first_event_of(response):
    """The id of the first event of a stream."""
    event = await response.content.readuntil(b"\n\r\n")
    return event.decode().partition("id: ")[2].split()[0]


def messages_in(text):
    """The messages in a stream of events."""
    return [
        json.loads(line.removeprefix("data: "))
        for line in text.splitlines()
        if line.startswith("data: {")
    ]


async def test_the_end_of_a_session_answers_its_running_calls(serve, fake):
    url = serve("stateful")
    async with aiohttp.ClientSession(headers=HEADERS) as http, asyncio.timeout(TIMEOUT_S):
        async with http.post(url, json=INITIALIZE) as opened:
            session = {"mcp-session-id": opened.headers["mcp-session-id"]}
        async with http.post(url, json=CALL, headers=session) as response:
            first = await first_event_of(response)
            await asyncio.to_thread(fake.wait_for, 1)
            async with http.delete(url, headers=session) as deleted:
                assert deleted.status == 200
            connected = messages_in(await response.text())
        async with http.get(url, headers={"last-event-id": first}) as resumption:
            resumed = messages_in(await resumption.text())

    assert connected == resumed
    (message,) = connected
    assert message["id"] == 7
    assert message["error"]["message"] == f"The session ended before the answer{LOOK}"


async def test_a_call_that_goes_on_for_too_long_after_a_disconnect_ends(serve, monkeypatch):
    monkeypatch.setattr(sessions, "CALL_TIMEOUT_S", 0.1)
    url = serve("stateless")
    async with aiohttp.ClientSession(headers=HEADERS) as http, asyncio.timeout(TIMEOUT_S):
        async with http.post(url, json=CALL) as response:
            first = await first_event_of(response)
            response.close()

        async with http.get(url, headers={"last-event-id": first}) as resumption:
            (message,) = messages_in(await resumption.text())

    assert message["id"] == 7
    assert message["error"]["data"]["reason"] == "timed_out"


def test_every_worker_has_the_server_that_answers_calls_before_it_stops():
    worker = multiprocess.Process(uvicorn.Config("module:app", workers=2), [])

    assert isinstance(worker, WorkerProcess)
    assert isinstance(worker.server, Server)

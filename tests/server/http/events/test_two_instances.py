"""Two instances with one Redis: a stream that started at one continues at the other."""

import asyncio
import base64
import json
import re
import signal
from contextlib import ExitStack, asynccontextmanager
from typing import NamedTuple

import aiohttp
import pytest
from redis.asyncio import Redis

from fake_portkey import Answer, FakePortkey
from http_service import HttpService, running_service, wait_for_port
from short_leases import SHORT_LEASES

KEY = base64.b64encode(bytes(range(32))).decode()
TOKENS = {"ada": "a-token-of-adas-own", "ben": "a-token-of-bens-own"}
CALL = {"jsonrpc": "2.0", "method": "tools/call"}
SHUTDOWN_TIMEOUT_MS = 300
NOISE = re.compile("Traceback|Event loop is closed|never retrieved|was destroyed|never awaited")
STOPPED = {
    "code": -32010,
    "message": "The server stopped before the answer; the call may have taken effect. "
    "Look before you send it again.",
    "data": {"reason": "server_stopped", "outcome": "unknown"},
}


@pytest.fixture(scope="module")
def shared_fake():
    with FakePortkey() as fake:
        yield fake


@pytest.fixture
def fake(shared_fake):
    """The Portkey of all instances, which answers at once until a test scripts it."""
    shared_fake.script([Answer()])
    return shared_fake


class Instance(NamedTuple):
    """One instance of the service; it shares only Redis with the others."""

    url: str
    service: HttpService


@pytest.fixture(scope="module")
def start_instances(shared_redis, shared_fake, port):
    """Start so many instances, which run until the module ends."""
    environment = {
        **shared_fake.settings,
        "MCP_SESSION_MODE": "stateless",
        "MCP_EVENT_STORE": "redis",
        "MCP_REDIS_URL": shared_redis.url,
        "MCP_EVENT_ENCRYPTION_KEY": KEY,
        "MCP_AUTH_TOKENS": json.dumps(TOKENS),
        "MCP_SHUTDOWN_TIMEOUT_MS": str(SHUTDOWN_TIMEOUT_MS),
        "PORTKEY_KEY_MODE": "either",
        "RATE_LIMIT_ENABLED": "false",
        "LOG_LEVEL": "warning",
    }
    with ExitStack() as running:

        def start(count):
            ports = [port() for _ in range(count)]
            services = [
                running.enter_context(running_service(number, program=SHORT_LEASES, **environment))
                for number in ports
            ]
            for number in ports:
                wait_for_port(number)
            return [
                Instance(f"http://127.0.0.1:{number}", service)
                for number, service in zip(ports, services, strict=True)
            ]

        yield start


@pytest.fixture(scope="module")
def three(start_instances):
    """Three instances: two for all tests, and one that may be killed."""
    return start_instances(3)


@pytest.fixture
def two(three, fake):
    return three[:2]


def headers(principal="ada", **more):
    return {
        "authorization": f"Bearer {TOKENS[principal]}",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2025-11-25",
        **more,
    }


async def events_of(response, max_events=99):
    """The events of a stream as (id, message or None), until it ends."""
    events, event = [], {}
    async for raw in response.content:
        line = raw.decode().rstrip("\r\n")
        if not line and event:
            if "id" in event:
                events.append((event["id"], event.get("data") or None))
            event = {}
            if len(events) == max_events:
                break
        elif line and not line.startswith(":"):
            name, _, value = line.partition(":")
            event[name] = value.strip()
    return events


@asynccontextmanager
async def calling(session, url, number, principal="ada", **more):
    """Call a tool; yields the response, a stream that will end with the result."""
    body = {
        **CALL,
        "id": number,
        "params": {"name": "list_workspaces", "arguments": {"name": f"n{number}"}},
    }
    async with session.post(
        f"{url}/mcp", json=body, headers=headers(principal, **more)
    ) as response:
        assert response.status == 200, await response.text()
        yield response


async def resumed(session, url, event_id, principal="ada", **more):
    resuming = headers(principal, **{"last-event-id": event_id}, **more)
    async with session.get(f"{url}/mcp", headers=resuming) as response:
        return response.status, await events_of(response)


async def test_a_disconnected_client_gets_its_result_from_the_other_instance(two, fake):
    one, other = two
    fake.script([Answer(body={"total": 7}, after_s=0.5)])
    async with aiohttp.ClientSession() as session:
        async with calling(session, one.url, 1) as response:
            ((first, cursor),) = await events_of(response, max_events=1)
            response.close()

        status, events = await resumed(session, other.url, first)

    assert cursor is None
    assert status == 200
    (message,) = [json.loads(message) for _, message in events]
    assert message["id"] == 1
    assert message["result"]["structuredContent"] == {"total": 7}


async def test_a_stream_of_a_caller_with_a_key_is_resumed_at_the_other_instance_with_it_only(
    two, fake, shared_redis
):
    one, other = two
    fake.script([Answer(body={"total": 7}, after_s=0.5)])
    own, another = ({"x-portkey-api-key": f"pk-a-canary-{number}"} for number in (1, 2))
    async with aiohttp.ClientSession() as session:
        async with calling(session, one.url, 1, **own) as response:
            ((first, _cursor),) = await events_of(response, max_events=1)
            response.close()

        statuses = [(await resumed(session, other.url, first, **key))[0] for key in (another, {})]
        status, events = await resumed(session, other.url, first, **own)

    assert statuses == [404, 404]
    assert status == 200
    assert '"total":7' in events[-1][1]
    async with Redis.from_url(shared_redis.url) as redis:
        names = [name async for name in redis.scan_iter()]
        entries = [await redis.xrange(name) for name in names if b":events:" in name]
    assert b"canary" not in repr([names, entries]).encode()
    assert any(first.partition(".")[0].encode() in name for name in names)


async def test_two_hundred_clients_get_every_event_exactly_once(two, fake):
    fake.script([Answer(body={"total": 1}, after_s=0.3)])
    limit = aiohttp.TCPConnector(limit=0)

    async with aiohttp.ClientSession(connector=limit) as session:

        async def client(number):
            first, second = two[number % 2], two[(number + 1) % 2]
            async with calling(session, first.url, number) as response:
                if number % 4 < 2:
                    return [await events_of(response)]
                head = await events_of(response, max_events=1)
                response.close()
            status, rest = await resumed(session, second.url, head[-1][0])
            assert status == 200
            return [head, rest]

        async with asyncio.timeout(120):
            streams = await asyncio.gather(*(client(number) for number in range(200)))

    for number, parts in enumerate(streams):
        ids = [event_id for part in parts for event_id, _ in part]
        messages = [json.loads(m) for part in parts for _, m in part if m is not None]
        assert len(ids) == len(set(ids)) == 2
        assert [message["id"] for message in messages] == [number]


async def test_stored_events_survive_the_instance_that_stored_them(three, fake, shared_redis):
    """Complete streams can be resumed, and each call that was running is answered with an error."""
    other, another, one = three
    fake.script([*(Answer(body={"total": 1}) for _ in range(20)), "silence"])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        complete = [await call(session, one.url, number) for number in range(20)]
        cursors = [await first_event(session, one.url, number) for number in range(20, 30)]
        waiting = [asyncio.create_task(call(session, one.url, n)) for n in range(30, 40)]
        await asyncio.to_thread(fake.wait_for, 40)
        following = [asyncio.create_task(resumed(session, other.url, c)) for c in cursors[:5]]

        one.service.process.kill()
        one.service.process.wait()

        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        rest = [await resumed(session, other.url, events[0][0]) for events in complete]
        async with asyncio.timeout(20):
            # Some clients were waiting at one instance; all come to the other one later.
            later = await asyncio.gather(*(resumed(session, another.url, c) for c in cursors))
            before = await asyncio.gather(*following)
    async with Redis.from_url(shared_redis.url) as direct:
        ttls = [await direct.ttl(key) async for key in direct.scan_iter()]

    assert all(isinstance(outcome, aiohttp.ClientError) for outcome in outcomes)
    assert rest == [(200, events[1:]) for events in complete]
    assert [json.loads(events[1][1])["id"] for events in complete] == [*range(20)]
    assert errors_in(later) == [(number, STOPPED) for number in range(20, 30)]
    assert before == later[:5], "only one instance writes the error"
    assert min(ttls) > 0, "every key in Redis expires"


async def first_event(session, url, number):
    """Begin a call, and disconnect; returns the id of its first event."""
    async with calling(session, url, number) as response:
        ((first, _),) = await events_of(response, max_events=1)
        response.close()
    return first


def errors_in(streams):
    """The id and the error of the only message of each stream."""
    messages = [json.loads(message) for _, ((_, message),) in streams]
    return [(message["id"], message["error"]) for message in messages]


async def call(session, url, number):
    async with calling(session, url, number) as response:
        return await events_of(response)


async def test_resuming_after_the_last_event_ends_at_once(two):
    one, other = two
    async with aiohttp.ClientSession() as session:
        events = await call(session, one.url, 1)
        last, _ = events[-1]

        async with asyncio.timeout(30):
            again = [await resumed(session, url, last) for url in (one.url, other.url)]

    assert again == [(200, []), (200, [])]


async def test_an_event_of_another_principal_is_not_found(two):
    one, other = two
    async with aiohttp.ClientSession() as session:
        async with calling(session, one.url, 1, principal="ada") as response:
            ((first, _), *_) = await events_of(response)

        assert (await resumed(session, other.url, first, principal="ben"))[0] == 404
        assert (await resumed(session, one.url, first, principal="ben"))[0] == 404
        assert (await resumed(session, one.url, "0" * 32 + ".1-1"))[0] == 404
        assert (await resumed(session, other.url, first, principal="ada"))[0] == 200


async def test_without_redis_calls_succeed_and_resuming_answers_503(two, shared_redis):
    one, _ = two
    async with aiohttp.ClientSession() as session:
        async with calling(session, one.url, 1) as response:
            ((first, _), *_) = await events_of(response)
        shared_redis.stop()

        async with asyncio.timeout(30), calling(session, one.url, 2) as response:
            assert '"id":2' in await response.text()
        async with asyncio.timeout(30):
            resuming = headers(**{"last-event-id": first})
            async with session.get(f"{one.url}/mcp", headers=resuming) as response:
                assert response.status == 503
                assert int(response.headers["retry-after"]) > 0
            async with session.get(f"{one.url}/ready") as response:
                ready = await response.json()
            assert (response.status, ready["status"]) == (200, "degraded")
            assert ready["checks"]["event store"]["status"] == "unreachable"

        shared_redis.start()
        async with asyncio.timeout(30):
            await wait_until_ready(session, one.url)
        async with calling(session, one.url, 3) as response:
            ((again, _), *_) = await events_of(response)
        assert (await resumed(session, one.url, again))[0] == 200


async def wait_until_ready(session, url):
    while True:
        async with session.get(f"{url}/ready") as response:
            if (await response.json())["status"] == "ready":
                return
        await asyncio.sleep(0.02)


async def test_when_redis_ends_during_a_call_nobody_waits_for_ever(two, fake, shared_redis):
    one, other = two
    fake.script([Answer(body={"total": 7}, after_s=0.5)])
    async with aiohttp.ClientSession() as session, asyncio.timeout(20):
        lost = await first_event(session, one.url, 1)
        following = asyncio.create_task(resumed(session, other.url, lost))
        async with calling(session, one.url, 2) as response:
            await events_of(response, max_events=1)
            shared_redis.stop()
            answer = await response.text()
        statuses = [(await following)[0], (await resumed(session, other.url, lost))[0]]
        shared_redis.start()
        for instance in two:
            await wait_until_ready(session, instance.url)
        statuses.append((await resumed(session, other.url, lost))[0])

    assert '"total":7' in answer
    # 200 if the follower's stream had begun. At last Redis is back, without its data.
    assert statuses in ([200, 503, 404], [503, 503, 404])


async def test_a_stopped_instance_answers_its_calls_with_an_error(two, fake):
    """The last test, because one of two instances is stopped."""
    other, one = two
    fake.script(["silence"])
    async with aiohttp.ClientSession() as session, asyncio.timeout(20):
        cursor = await first_event(session, one.url, 1)
        async with calling(session, one.url, 2) as response:
            await asyncio.to_thread(fake.wait_for, 2)
            following = asyncio.create_task(resumed(session, other.url, cursor))

            one.service.process.send_signal(signal.SIGTERM)

            connected = await events_of(response)
        resumptions = [await following, await resumed(session, other.url, connected[0][0])]
        await asyncio.to_thread(one.service.process.wait)

    assert errors_in([(200, connected[1:])]) == [(2, STOPPED)]
    assert errors_in(resumptions) == [(1, STOPPED), (2, STOPPED)]
    assert resumptions[1][1] == connected[1:]
    assert not NOISE.search(one.service.stderr), one.service.stderr

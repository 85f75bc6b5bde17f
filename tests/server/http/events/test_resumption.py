"""Two instances on one Redis: a stream begun on one goes on at the other."""

import asyncio
import base64
import json
from contextlib import ExitStack, asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import pytest

from fake_portkey import Answer, FakePortkey
from http_service import running_service, wait_for_port

KEY = base64.b64encode(bytes(range(32))).decode()
TOKENS = {"ada": "a-token-of-adas-own", "ben": "a-token-of-bens-own"}
CALL = {"jsonrpc": "2.0", "method": "tools/call"}


@pytest.fixture
def fake():
    with FakePortkey() as fake:
        yield fake


class Instance(NamedTuple):
    """One of two that do not know of each other."""

    url: str
    process: Any


@pytest.fixture
def two(redis, fake, port):
    environment = {
        **fake.settings,
        "MCP_SESSION_MODE": "stateless",
        "MCP_EVENT_STORE": "redis",
        "MCP_REDIS_URL": redis.url,
        "MCP_EVENT_ENCRYPTION_KEY": KEY,
        "MCP_AUTH_TOKENS": json.dumps(TOKENS),
        "RATE_LIMIT_ENABLED": "false",
        "LOG_LEVEL": "warning",
    }
    ports = [port(), port()]
    with ExitStack() as started:
        services = [
            started.enter_context(running_service(number, **environment)) for number in ports
        ]
        for number in ports:
            wait_for_port(number)
        yield [
            Instance(f"http://127.0.0.1:{number}", service.process)
            for number, service in zip(ports, services, strict=True)
        ]


def headers(who="ada", **more):
    return {
        "authorization": f"Bearer {TOKENS[who]}",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2025-11-25",
        **more,
    }


async def events_of(response, most=99):
    """The events on a stream: (id, message or None)."""
    found, event = [], {}
    async for raw in response.content:
        line = raw.decode().rstrip("\r\n")
        if not line and event:
            if "id" in event:
                found.append((event["id"], event.get("data") or None))
            event = {}
            if len(found) == most:
                break
        elif line and not line.startswith(":"):
            name, _, value = line.partition(":")
            event[name] = value.strip()
    return found


@asynccontextmanager
async def calling(session, url, number, who="ada"):
    """A call of a tool, and the stream that will bring its answer."""
    body = {
        **CALL,
        "id": number,
        "params": {"name": "list_workspaces", "arguments": {"name": f"n{number}"}},
    }
    async with session.post(f"{url}/mcp", json=body, headers=headers(who)) as response:
        assert response.status == 200, await response.text()
        yield response


async def resumed(session, url, event_id, who="ada"):
    asked = headers(who, **{"last-event-id": event_id})
    async with session.get(f"{url}/mcp", headers=asked) as response:
        return response.status, await events_of(response)


async def test_a_client_that_is_cut_off_gets_its_answer_from_the_other_instance(two, fake):
    one, other = two
    fake.script([Answer(body={"total": 7}, after_s=0.5)])
    async with aiohttp.ClientSession() as session:
        async with calling(session, one.url, 1) as response:
            ((first, cursor),) = await events_of(response, most=1)
            response.close()

        status, events = await resumed(session, other.url, first)

    assert cursor is None
    assert status == 200
    (message,) = [json.loads(message) for _, message in events]
    assert message["id"] == 1
    assert message["result"]["structuredContent"] == {"total": 7}


async def test_two_hundred_clients_lose_nothing_and_see_nothing_twice(two, fake):
    fake.script([Answer(body={"total": 1}, after_s=0.3)])
    limit = aiohttp.TCPConnector(limit=0)

    async with aiohttp.ClientSession(connector=limit) as session:

        async def client(number):
            begun, ended = two[number % 2], two[(number + 1) % 2]
            async with calling(session, begun.url, number) as response:
                if number % 4 < 2:
                    return [await events_of(response)]
                heard = await events_of(response, most=1)
                response.close()
            status, rest = await resumed(session, ended.url, heard[-1][0])
            assert status == 200
            return [heard, rest]

        async with asyncio.timeout(120):
            told = await asyncio.gather(*(client(number) for number in range(200)))

    for number, parts in enumerate(told):
        ids = [event_id for part in parts for event_id, _ in part]
        messages = [json.loads(m) for part in parts for _, m in part if m is not None]
        assert len(ids) == len(set(ids)) == 2
        assert [message["id"] for message in messages] == [number]


async def test_what_was_stored_outlives_an_instance_that_is_killed_in_the_middle(two, fake):
    one, other = two
    fake.script([*(Answer(body={"total": 1}) for _ in range(20)), "silence"])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        told = [await whole(session, one.url, number) for number in range(20)]
        waiting = [asyncio.create_task(whole(session, one.url, n)) for n in range(20, 40)]
        await asyncio.to_thread(fake.wait_for, 40)

        one.process.kill()
        one.process.wait()

        cut = await asyncio.gather(*waiting, return_exceptions=True)
        rest = [await resumed(session, other.url, events[0][0]) for events in told]

    assert all(isinstance(outcome, aiohttp.ClientError) for outcome in cut)
    assert rest == [(200, events[1:]) for events in told]
    assert [json.loads(events[1][1])["id"] for events in told] == [*range(20)]


async def whole(session, url, number):
    async with calling(session, url, number) as response:
        return await events_of(response)


async def test_a_client_that_comes_back_for_more_than_the_answer_is_sent_away_at_once(two):
    one, other = two
    async with aiohttp.ClientSession() as session:
        events = await whole(session, one.url, 1)
        last, _ = events[-1]

        async with asyncio.timeout(5):
            again = [await resumed(session, url, last) for url in (one.url, other.url)]

    assert again == [(200, []), (200, [])]


async def test_another_principals_event_is_not_found(two):
    one, other = two
    async with aiohttp.ClientSession() as session:
        async with calling(session, one.url, 1, who="ada") as response:
            ((first, _), *_) = await events_of(response)

        assert (await resumed(session, other.url, first, who="ben"))[0] == 404
        assert (await resumed(session, one.url, first, who="ben"))[0] == 404
        assert (await resumed(session, one.url, "0" * 32 + ".1-1"))[0] == 404
        assert (await resumed(session, other.url, first, who="ada"))[0] == 200


async def test_without_redis_calls_go_on_and_replay_says_it_is_unavailable(two, redis):
    one, _ = two
    async with aiohttp.ClientSession() as session:
        async with calling(session, one.url, 1) as response:
            ((first, _), *_) = await events_of(response)
        redis.stop()

        async with asyncio.timeout(10), calling(session, one.url, 2) as response:
            assert '"id":2' in await response.text()
        async with asyncio.timeout(10):
            asked = headers(**{"last-event-id": first})
            async with session.get(f"{one.url}/mcp", headers=asked) as response:
                assert response.status == 503
                assert int(response.headers["retry-after"]) > 0
            async with session.get(f"{one.url}/ready") as response:
                assert response.status == 503

        redis.start()
        async with asyncio.timeout(10):
            await ready(session, one.url)
        async with calling(session, one.url, 3) as response:
            ((again, _), *_) = await events_of(response)
        assert (await resumed(session, one.url, again))[0] == 200


async def ready(session, url):
    while True:
        async with session.get(f"{url}/ready") as response:
            if response.status == 200:
                return
        await asyncio.sleep(0.1)

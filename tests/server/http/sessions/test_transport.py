"""Request ids within one session: no request gets the answer to another."""

import asyncio
import json

import aiohttp
import pytest

from fake_portkey import Answer, FakePortkey
from http_service import HEADERS, running_service, wait_for_port
from initialization import INITIALIZE

PONG = {"jsonrpc": "2.0", "id": 7, "result": {}}


class Session:
    """One session with the service; each message is an HTTP request of its own."""

    def __init__(self, http, url):
        self._http = http
        self._url = url
        self._own = {}

    async def open(self):
        """Open the session; returns the status."""
        async with self._http.post(self._url, json=INITIALIZE) as response:
            if response.ok:
                self._own = {"mcp-session-id": response.headers["mcp-session-id"]}
            await response.read()
            return response.status

    async def send(self, message, **more):
        """Returns the status, and the message in the JSON or stream of the response."""
        async with self._http.post(self._url, json=message, headers=self._own | more) as response:
            text = await response.text()
        lines = [line for line in text.splitlines() if line.startswith(("data: {", "{"))]
        return response.status, json.loads(lines[-1].removeprefix("data: ")) if lines else None

    async def call(self, number, **more):
        params = {"name": "list_workspaces", "arguments": {}}
        message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        return await self.send(message, **more)

    async def cancel(self, number):
        cancel = {"method": "notifications/cancelled", "params": {"requestId": number}}
        await self.send({"jsonrpc": "2.0", **cancel})


@pytest.fixture(scope="module")
def shared_fake():
    with FakePortkey() as fake:
        yield fake


@pytest.fixture
def fake(shared_fake):
    """The Portkey of both services, which answers at once until a test scripts it."""
    shared_fake.script([Answer()])
    return shared_fake


@pytest.fixture(scope="module", params=["off", "memory"])
def address(request, shared_fake, port):
    """The address of a service without and with an event log."""
    number = port()
    settings = {"MCP_EVENT_STORE": request.param, "MCP_MAX_SESSIONS": "2", **shared_fake.settings}
    with running_service(number, **settings):
        wait_for_port(number)
        yield f"http://127.0.0.1:{number}/mcp"


@pytest.fixture
async def session(address):
    """A new session with the service."""
    async with aiohttp.ClientSession(headers=HEADERS) as http:
        session = Session(http, address)
        await session.open()
        yield session


def total(answer):
    return answer["result"]["structuredContent"]["total"]


async def test_an_id_in_use_is_refused_and_the_first_request_gets_its_answer(session, fake):
    fake.script([Answer(body={"total": 1}, after_s=0.5), Answer(body={"total": 2})])
    first = asyncio.create_task(session.call(7))
    await asyncio.to_thread(fake.wait_for, 1)

    status, refusal = await session.call("7")
    notified, _ = await session.send(PONG)
    _, answer = await first
    _, later = await session.call(7)

    assert (status, refusal["id"], refusal["error"]["code"]) == (400, "7", -32600)
    assert '"7"' in refusal["error"]["message"]
    assert notified == 202
    assert (total(answer), total(later)) == (1, 2)


async def test_an_id_stays_in_use_after_a_disconnect_until_its_call_ends(session, fake):
    fake.script([Answer(body={"total": 1}, after_s=0.7), Answer(body={"total": 2})])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await session.call(7)

    during, _ = await session.call(7)
    for _ in range(400):
        after, answer = await session.call(7)
        if after != 400:
            break
        await asyncio.sleep(0.05)

    assert (during, after) == (400, 200)
    assert total(answer) == 2


async def test_an_id_is_free_after_a_refusal_or_a_cancellation(session, fake):
    fake.script(["silence", Answer(body={"total": 2})])
    refused, _ = await session.call(7, accept="text/plain")
    first = asyncio.create_task(session.call(7))
    await asyncio.to_thread(fake.wait_for, 1)
    await session.cancel(7)
    _, cancelled = await first

    _, answer = await session.call(7)

    assert refused == 406
    assert "error" in cancelled
    assert total(answer) == 2


async def test_the_key_of_the_notification_stream_is_refused_as_an_id(session):
    assert (await session.call("_GET_stream"))[0] == 400


async def test_a_session_with_a_call_in_flight_does_not_end_for_a_new_one(address, session, fake):
    fake.script(["silence", "silence"])
    async with aiohttp.ClientSession(headers=HEADERS) as http:
        others = [Session(http, address) for _ in range(3)]
        calls = [asyncio.create_task(session.call(7))]
        await asyncio.to_thread(fake.wait_for, 1)
        opened = [await other.open() for other in others[:2]]
        ended, _ = await others[0].call(8)
        calls.append(asyncio.create_task(others[1].call(8)))
        await asyncio.to_thread(fake.wait_for, 2)
        refused = await others[2].open()
        await session.cancel(7)
        await others[1].cancel(8)
        statuses = [(await call)[0] for call in calls]
        later = await others[2].open()

    assert opened == [200, 200]
    assert ended == 404
    assert refused == 503
    assert statuses == [200, 200]
    assert later == 200

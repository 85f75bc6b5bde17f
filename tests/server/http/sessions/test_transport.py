"""Ids of requests within one session: none takes another's answer."""

import asyncio
import json

import aiohttp
import pytest

from fake_portkey import Answer, FakePortkey
from http_service import HEADERS, running_service, wait_for_port

GREETING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
PONG = {"jsonrpc": "2.0", "id": 7, "result": {}}


class Session:
    """One session with the service; each message is an HTTP request of its own."""

    def __init__(self, http, url):
        self._http = http
        self._url = url
        self._own = {}

    async def open(self):
        async with self._http.post(self._url, json=GREETING) as response:
            self._own = {"mcp-session-id": response.headers["mcp-session-id"]}
            await response.read()

    async def send(self, message, **more):
        """Returns the status and the message that came back, out of JSON or a stream."""
        async with self._http.post(self._url, json=message, headers=self._own | more) as response:
            text = await response.text()
        lines = [line for line in text.splitlines() if line.startswith(("data: {", "{"))]
        return response.status, json.loads(lines[-1].removeprefix("data: ")) if lines else None

    async def call(self, number, **more):
        params = {"name": "list_workspaces", "arguments": {}}
        message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        return await self.send(message, **more)


@pytest.fixture
def fake():
    with FakePortkey() as fake:
        yield fake


@pytest.fixture(params=["off", "memory"])
async def session(request, fake, port):
    number = port()
    with running_service(number, MCP_EVENT_STORE=request.param, **fake.settings):
        await asyncio.to_thread(wait_for_port, number)
        async with aiohttp.ClientSession(headers=HEADERS) as http:
            session = Session(http, f"http://127.0.0.1:{number}/mcp")
            await session.open()
            yield session


def total(answer):
    return answer["result"]["structuredContent"]["total"]


async def test_an_id_in_use_is_refused_and_its_answer_goes_to_whom_it_belongs(session, fake):
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


async def test_an_id_stays_in_use_when_its_client_has_gone_until_it_is_answered(session, fake):
    fake.script([Answer(body={"total": 1}, after_s=0.7), Answer(body={"total": 2})])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await session.call(7)

    at_once, _ = await session.call(7)
    await asyncio.sleep(1)
    later, answer = await session.call(7)

    assert (at_once, later) == (400, 200)
    assert total(answer) == 2


async def test_an_id_that_was_refused_or_cancelled_is_free(session, fake):
    fake.script(["silence", Answer(body={"total": 2})])
    refused, _ = await session.call(7, accept="text/plain")
    first = asyncio.create_task(session.call(7))
    await asyncio.to_thread(fake.wait_for, 1)
    cancel = {"method": "notifications/cancelled", "params": {"requestId": 7}}
    await session.send({"jsonrpc": "2.0", **cancel})
    _, cancelled = await first

    _, answer = await session.call(7)

    assert refused == 406
    assert "error" in cancelled
    assert total(answer) == 2


async def test_the_name_of_the_stream_of_notifications_is_no_id(session):
    assert (await session.call("_GET_stream"))[0] == 400

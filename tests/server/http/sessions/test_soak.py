"""Mixed traffic of many clients: no server errors, no leak of memory, sessions or files."""

import asyncio
import contextlib
import io
import itertools
import random
import sys
from pathlib import Path

import aiohttp
import pytest

from http_service import HEADERS, memory_of, running_service, wait_for_port
from initialization import INITIALIZE

CLIENTS = 64
ROUNDS = 8
WARM_UP = 4


NUMBERS = itertools.count(1)


def message(method, **params):
    # A new id each time: an aborted request may still be running under its own.
    return {"jsonrpc": "2.0", "id": next(NUMBERS), "method": method, "params": params}


class SoakClient:
    """One client, which sends valid and invalid requests, and records the statuses."""

    def __init__(self, url, generator):
        self.url = f"{url}/mcp"
        self.random = generator
        self.statuses = []

    async def run(self, session):
        """Open a session, send three kinds of requests at random, and close the session."""
        opened = await self._post(session, json=INITIALIZE)
        own = {"mcp-session-id": opened.get("mcp-session-id", "")}
        requests = [self._call, self._malformed, self._unauthorized, self._abort, self._slow]
        for send in self.random.sample(requests, k=3):
            await send(session, own)
        async with session.delete(self.url, headers=own) as response:
            self.statuses.append(response.status)

    async def _call(self, session, own):
        names = ("list_workspaces", "list_all_users", "get_config", "nothing")
        call = message("tools/call", name=self.random.choice(names), arguments={"slug": "x"})
        await self._post(session, json=call, headers=own)

    async def _malformed(self, session, own):
        bodies = (b"{", b"[]", b"null", b"\xff", b"[" * 5000, b"x" * 2_000_000)
        content_type = {"content-type": "application/json"}
        try:
            body = io.BytesIO(self.random.choice(bodies))
            await self._post(session, data=body, headers=own | content_type)
        except aiohttp.ClientConnectionError:
            self.statuses.append(413)  # the response may be lost while the client is still sending

    async def _unauthorized(self, session, own):
        unknown = {"authorization": f"Bearer {self.random.random()}"}
        await self._post(session, json=message("tools/list"), headers=own | unknown)

    async def _abort(self, session, own):
        call = message("tools/call", name="list_workspaces", arguments={})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.random.random() / 100):
                await self._post(session, json=call, headers=own)

    async def _slow(self, session, own):
        async with session.post(self.url, json=message("tools/list"), headers=own) as response:
            self.statuses.append(response.status)
            async for _ in response.content.iter_chunked(4096):
                await asyncio.sleep(0.002)

    async def _post(self, session, **request):
        async with session.post(self.url, **request) as response:
            self.statuses.append(response.status)
            await response.read()
            return response.headers


def files_of(process):
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
async def test_mixed_traffic_of_sixty_four_clients_causes_no_error_and_no_leak(port):
    number, generator = port(), random.Random(1)
    url = f"http://127.0.0.1:{number}"
    environment = {"RATE_LIMIT_ENABLED": "false", "MCP_EVENT_STORE": "memory",
                   "MCP_EVENT_TTL_SECONDS": "2", "LOG_LEVEL": "error"}  # fmt: skip
    clients = [SoakClient(url, generator) for _ in range(CLIENTS)]
    with running_service(number, "--sandbox", **environment) as service:
        wait_for_port(number)
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            for number_of_round in range(ROUNDS):
                await asyncio.gather(*(client.run(session) for client in clients))
                if number_of_round == WARM_UP - 1:
                    warm = memory_of(service.process)
            after = memory_of(service.process)
            async with session.get(f"{url}/ready") as ready:
                open_sessions = (await ready.json())["sessions"]["open"]
        open_files = files_of(service.process)

    statuses = [status for client in clients for status in client.statuses]
    assert len(statuses) > CLIENTS * ROUNDS * 3
    assert {status for status in statuses if status >= 500} == set()
    assert open_sessions == 0
    assert after <= 1.2 * warm
    assert open_files < CLIENTS * 2

"""Ten minutes of mixed traffic, compressed: nothing breaks, nothing leaks."""

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

CLIENTS = 64
ROUNDS = 12
WARM_UP = 4
GREETING = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}


NUMBERS = itertools.count(1)


def message(method, **params):
    # A number of its own: an aborted request may still be at work under the old one.
    return {"jsonrpc": "2.0", "id": next(NUMBERS), "method": method, "params": params}


class Visitor:
    """One client, which behaves well and badly in turn, and remembers what it was answered."""

    def __init__(self, url, chance):
        self.url = f"{url}/mcp"
        self.chance = chance
        self.statuses = []

    async def visit(self, session):
        """A session from its opening to its end, with anything in between."""
        opened = await self._post(session, json=GREETING)
        own = {"mcp-session-id": opened.get("mcp-session-id", "")}
        behaviours = [self._call, self._nonsense, self._stranger, self._abort, self._slow]
        for manner in self.chance.sample(behaviours, k=3):
            await manner(session, own)
        async with session.delete(self.url, headers=own) as response:
            self.statuses.append(response.status)

    async def _call(self, session, own):
        names = ("list_workspaces", "list_all_users", "get_config", "nothing")
        call = message("tools/call", name=self.chance.choice(names), arguments={"slug": "x"})
        await self._post(session, json=call, headers=own)

    async def _nonsense(self, session, own):
        bodies = (b"{", b"[]", b"null", b"\xff", b"[" * 5000, b"x" * 2_000_000)
        kind = {"content-type": "application/json"}
        try:
            body = io.BytesIO(self.chance.choice(bodies))
            await self._post(session, data=body, headers=own | kind)
        except aiohttp.ClientConnectionError:
            self.statuses.append(413)  # the answer may be lost when the sender still sends

    async def _stranger(self, session, own):
        wrong = {"authorization": f"Bearer {self.chance.random()}"}
        await self._post(session, json=message("tools/list"), headers=own | wrong)

    async def _abort(self, session, own):
        call = message("tools/call", name="list_workspaces", arguments={})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.chance.random() / 100):
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


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
async def test_mixed_traffic_of_sixty_four_clients_breaks_and_leaks_nothing(port):
    number, chance = port(), random.Random(1)
    url = f"http://127.0.0.1:{number}"
    environment = {"RATE_LIMIT_ENABLED": "false", "MCP_EVENT_STORE": "memory",
                   "MCP_EVENT_TTL_SECONDS": "2", "LOG_LEVEL": "error"}  # fmt: skip
    visitors = [Visitor(url, chance) for _ in range(CLIENTS)]
    with running_service(number, "--sandbox", **environment) as served:
        wait_for_port(number)
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            for turn in range(ROUNDS):
                await asyncio.gather(*(visitor.visit(session) for visitor in visitors))
                if turn == WARM_UP - 1:
                    warm = memory_of(served.process)
            after = memory_of(served.process)
            async with session.get(f"{url}/ready") as ready:
                left = (await ready.json())["sessions"]["open"]
        open_files = files_of(served.process)

    statuses = [status for visitor in visitors for status in visitor.statuses]
    assert len(statuses) > CLIENTS * ROUNDS * 3
    assert {status for status in statuses if status >= 500} == set()
    assert left == 0
    assert after <= 1.2 * warm
    assert open_files < CLIENTS * 2

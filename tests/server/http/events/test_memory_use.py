"""The event log in memory takes no more memory than its limits."""

import sys
import tracemalloc

import aiohttp
import pytest

from http_service import HEADERS, memory_of, running_service, wait_for_port
from portkey_admin_mcp.safety.caller import Caller
from portkey_admin_mcp.server.http.events.event_log import new_stream_id
from portkey_admin_mcp.server.http.events.memory_log import MemoryEventLog
from portkey_admin_mcp.settings.hosting import Hosting

pytestmark = pytest.mark.long

MIB = 1 << 20
MAX_MIB = 4


@pytest.mark.parametrize("size", [10, 1000, 80_000])
async def test_events_of_any_size_take_no_more_than_the_limit(size):
    limit = MAX_MIB * MIB
    sizes = {"MCP_EVENT_MAX_BYTES": limit, "MCP_EVENT_MAX_BYTES_PER_PRINCIPAL": limit}
    events = MemoryEventLog(Hosting(MCP_EVENT_STORE="memory", **sizes))
    # Twice as many as fit, then some of another principal.
    count = 2 * limit // (size + 850)
    tracemalloc.start()
    try:
        for name, number in (("ada", count), ("ben", count // 10)):
            principal = Caller(f"bearer:{name}")
            for _ in range(number):
                await events.append(principal, new_stream_id(), "x" * size, True)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 0.7 * limit < used < 1.125 * limit


async def test_principals_without_events_take_no_memory():
    events = MemoryEventLog(Hosting(MCP_EVENT_STORE="memory", MCP_EVENT_MAX_BYTES=MIB))
    tracemalloc.start()
    try:
        for number in range(5000):
            await events.append(Caller(f"clerk:{number}"), new_stream_id(), "x" * 80_000, True)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert used < 1.5 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
async def test_a_service_that_keeps_many_large_answers_does_not_grow(port):
    number = port()
    environment = {
        "MCP_EVENT_STORE": "memory",
        "MCP_EVENT_MAX_BYTES_PER_PRINCIPAL": str(2 * MIB),
        "MCP_SESSION_MODE": "stateless",
        "RATE_LIMIT_ENABLED": "false",
        "LOG_LEVEL": "error",
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    with running_service(number, **environment) as service:
        wait_for_port(number)
        async with aiohttp.ClientSession(headers=HEADERS) as session:

            async def memory_after_lists(count):
                for _ in range(count):
                    url = f"http://127.0.0.1:{number}/mcp"
                    async with session.post(url, json=message) as response:
                        assert len(await response.read()) > 100_000
                return memory_of(service.process)

            before = await memory_after_lists(30)
            after = await memory_after_lists(100)

    # Without a limit these answers take more than 10 MB.
    assert after - before < 6_000, f"{before} kB before, {after} kB after"

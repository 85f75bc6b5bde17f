"""Sends one request to each server, and prints how it ended, and the memory and time it took.

python one_request_each.py direct|proxy MAX_BYTES '{"name": "http://127.0.0.1:1234"}'
"""

import asyncio
import json
import ssl
import sys
import time
from pathlib import Path

from portkey_admin_mcp.portkey.http.answer import BrokenAnswer, UnusableAnswer
from portkey_admin_mcp.portkey.http.http1 import Http1
from portkey_admin_mcp.portkey.http.proxied import ProxyClient

TIMEOUT_S = {"direct": 5, "proxy": 0.5}


def peak() -> int:
    """The most memory this process had since `forget_peak`, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def forget_peak() -> int:
    """Start to measure, and return how much memory there is now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


async def measured(client: str, limits, origin: str) -> tuple[str, int, float]:
    """The error of a request, how much memory it took at most, and seconds of the processor."""
    http, proxied = Http1(*limits), ProxyClient(*limits)
    before, started = forget_peak(), time.process_time()
    try:
        if client == "proxy":
            await proxied.request(origin, "GET", "http://portkey.example/", {}, None)
        else:
            await http.request("GET", origin, {}, None)
    except (BrokenAnswer, UnusableAnswer, TimeoutError) as error:
        result = type(error).__name__
    else:
        result = "success"
    http.close()
    await proxied.close()
    return result, peak() - before, time.process_time() - started


async def main(client: str, max_bytes: str, origins: str) -> None:
    if client == "proxy":
        import aiohttp  # noqa: F401  # its own size is not what is measured
    limits = TIMEOUT_S[client], int(max_bytes), ssl.create_default_context
    servers = json.loads(origins)
    results = {name: await measured(client, limits, servers[name]) for name in servers}
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

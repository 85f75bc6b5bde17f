"""Compare HTTP clients as portkey/transport.py would use them: one client, 64 GETs in flight.

    pip install aiohttp niquests pyreqwest     # beside the project's own requirements
    python benchmarks/http_clients.py [calls]

Measures all of them in turn, three times, against the same server in a process of its own, and
prints the best result of each, since machines are noisy. Latency is that of sequential calls.
Import time is that of a new interpreter, minus that of an interpreter that imports only asyncio.
"""

import asyncio
import importlib.util
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

IN_FLIGHT = 64
ROUNDS = 3
BODY = b'{"object":"list","total":0,"data":[]}'
HEADERS = {"x-portkey-api-key": "not-a-key", "accept": "application/json"}
Fetch = Callable[[], Awaitable[bytes]]


async def serve() -> None:
    """Answer every request on a connection with the same small JSON."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    answer = head % len(BODY) + BODY

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def with_httpx2(url: str, measure: Callable[[Fetch], Awaitable[None]]) -> None:
    import httpx2

    limits = httpx2.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    async with httpx2.AsyncClient(limits=limits) as client:

        async def fetch() -> bytes:
            return (await client.get(url, headers=HEADERS)).content

        await measure(fetch)


async def with_aiohttp(url: str, measure: Callable[[Fetch], Awaitable[None]]) -> None:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
    async with aiohttp.ClientSession(connector=connector) as client:

        async def fetch() -> bytes:
            async with client.get(url, headers=HEADERS) as response:
                return await response.read()

        await measure(fetch)


async def with_niquests(url: str, measure: Callable[[Fetch], Awaitable[None]]) -> None:
    import niquests

    async with niquests.AsyncSession(pool_maxsize=IN_FLIGHT) as client:

        async def fetch() -> bytes:
            return (await client.get(url, headers=HEADERS)).content or b""

        await measure(fetch)


async def with_pyreqwest(url: str, measure: Callable[[Fetch], Awaitable[None]]) -> None:
    from pyreqwest.client import ClientBuilder

    async with ClientBuilder().build() as client:

        async def fetch() -> bytes:
            response = await client.get(url).headers(HEADERS).build().send()
            return bytes(await response.bytes())

        await measure(fetch)


CLIENTS = {
    "httpx2": with_httpx2,
    "aiohttp": with_aiohttp,
    "niquests": with_niquests,
    "pyreqwest": with_pyreqwest,
}


def import_ms(module: str) -> float:
    def best(code: str) -> float:
        times = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - started)
        return min(times) * 1000

    used = f"{module}.client" if module == "pyreqwest" else module
    return best(f"import asyncio, {used}") - best("import asyncio")


async def measure_client(name: str, url: str, calls: int) -> tuple[float, float]:
    """Calls a second with many in flight, and microseconds of one call alone."""
    results: list[tuple[float, float]] = []

    async def measure(fetch: Fetch) -> None:
        assert await fetch() == BODY
        remaining = iter(range(calls))

        async def work() -> None:
            for _ in remaining:
                await fetch()

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
        rate = calls / (time.perf_counter() - started)
        started = time.perf_counter()
        for _ in range(calls // 10):
            await fetch()
        results.append((rate, (time.perf_counter() - started) / (calls // 10) * 1e6))

    await CLIENTS[name](url, measure)
    return results[0]


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    names = [name for name in CLIENTS if importlib.util.find_spec(name)]
    for name in CLIENTS.keys() - set(names):
        print(f"{name} is not installed, so not measured")
    server = subprocess.Popen(
        [sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True
    )
    try:
        port = server.stdout.readline().strip() if server.stdout else ""
        url = f"http://127.0.0.1:{port}/v1/configs"
        rounds = [
            {name: asyncio.run(measure_client(name, url, calls)) for name in names}
            for _ in range(ROUNDS)
        ]
    finally:
        server.kill()
        server.wait()
    print(f"{'client':10} {'calls/s':>8} {'µs alone':>9} {'import ms':>10}")
    for name in names:
        rate = max(round_[name][0] for round_ in rounds)
        alone = min(round_[name][1] for round_ in rounds)
        print(f"{name:10} {rate:8.0f} {alone:9.0f} {import_ms(name):10.0f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    else:
        main()

"""A fast stand-in for Portkey, which answers every request with the same page of configs.

    python benchmarks/upstream.py [BYTES]

Prints its port. The argument is the approximate size of the page in bytes. GET /answered returns
the number of answered requests, so that a benchmark notices answers from a cache.
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

DEFAULT_BYTES = 1_000
MARK = "cfg-marked"
"""The slug of the first config, by which an answer is recognised."""


def page(size: int) -> bytes:
    """A list of configs as Portkey sends it, of about `size` bytes."""
    rows = [_config(0)]
    space_left = max(0, size - len(json.dumps(rows)))
    rows += [_config(number) for number in range(1, 1 + space_left // len(json.dumps(_config(1))))]
    return json.dumps({"object": "list", "total": len(rows), "data": rows}).encode()


def _config(number: int) -> dict[str, object]:
    return {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "name": f"Config {number:06}",
        "slug": f"cfg-{number:06}" if number else MARK,
        "workspace_id": "ws-bench",
        "status": "active",
        "is_default": 0,
        "created_at": "2026-01-01T00:00:00.000Z",
        "last_updated_at": "2026-01-01T00:00:00.000Z",
        "owner_id": "00000000-0000-4000-8000-000000000000",
        "updated_by": "00000000-0000-4000-8000-000000000000",
        "object": "config",
    }


def answer(body: bytes) -> bytes:
    """A complete HTTP answer."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


class Upstream(asyncio.Protocol):
    """Answers each request on a connection, and parses only where each ends."""

    answered = 0
    canned = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *requests, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for request in requests:
            if request.startswith(b"GET /answered"):
                self._transport.write(answer(b"%d" % Upstream.answered))
            else:
                Upstream.answered += 1
                self._transport.write(self.canned)


async def serve(size: int) -> None:
    """Listen on a free port of 127.0.0.1, and answer until the process is ended."""
    Upstream.canned = answer(page(size))
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_BYTES))

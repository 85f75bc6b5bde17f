"""A TCP server on loopback that does with each connection what a script says, byte by byte.

    async with FaultyServer([ANSWER[:40], CLOSE], [ANSWER]) as server:
        ...  # the first request is answered with 40 bytes and a closed connection

A script is a list of steps for one request: bytes to send (each is a segment of its own), seconds
to wait (a float), `CLOSE` (end the connection), `RESET` (end it with a reset), or `FLOOD(data)`
(send the data again and again, until the client closes). After the last step, the server waits for
the next request on the connection, unless the step ended it. Each request takes the next script;
the last one serves all that follow. `server.requests` holds what was received: the heads and
bodies of the requests; `server.connections` is how many connections were opened, `server.sent`
how many bytes were sent.

It runs in the event loop of the test, so it needs no thread, and a step costs no pause.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from typing import Final, NamedTuple, Self

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to wait: to close the socket sends a reset."""


class Flood(NamedTuple):
    """Sends data without end; in a script."""

    data: bytes


class End(NamedTuple):
    """Ends the connection; in a script."""

    is_reset: bool


CLOSE: Final = End(False)
RESET: Final = End(True)
FLOOD: Final = Flood

Step = bytes | float | End | Flood


class FaultyServer:
    """Serves scripts, over TLS if `tls` is given; see the module."""

    def __init__(self, *scripts: list[Step], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.sent = 0
        self._scripts = [list(script) for script in scripts] or [[]]
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def origin(self) -> str:
        """The server's URL, without a path."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def url(self) -> str:
        """The value of PORTKEY_BASE_URL for this server."""
        return f"{self.origin}/v1"

    def script(self, *scripts: list[Step]) -> None:
        """Set the scripts for the next requests, and forget the earlier requests."""
        self._scripts = [list(script) for script in scripts]
        self.requests.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        # Each segment is sent by itself.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            # Cancelled at the end of the test; asyncio's streams would report that as an error.
            with contextlib.suppress(
                ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
            ):
                while await self._answer_next(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer_next(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Read a request and play a script; returns whether the connection is still open."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head + await reader.readexactly(_length(head)))
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        for step in script:
            if isinstance(step, End):
                if step.is_reset:
                    sock = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    writer.transport.abort()
                return False
            await self._play(step, writer)
        return True

    async def _play(self, step: bytes | float | Flood, writer: asyncio.StreamWriter) -> None:
        if isinstance(step, Flood):
            while not writer.is_closing():
                await self._send(step.data, writer)
                await asyncio.sleep(0)
        elif isinstance(step, bytes):
            await self._send(step, writer)
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(step)

    async def _send(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        self.sent += len(data)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return 0


def cuts(answer: bytes) -> list[bytes]:
    """All beginnings of an answer, from nothing to all but its last byte."""
    return [answer[:size] for size in range(len(answer))]

"""The loop that serves a client on stdio: the fast path where it can, the SDK for the rest."""

import asyncio
import contextlib
import gc
import json
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..calls.open_requests import OpenRequests
from ..fastpath.connection import OPENING_ID, FastPathConnection
from ..fastpath.requests import Request
from ..json_rpc import INVALID_REQUEST, RequestId, error_line, id_in_use, read_line, request_id
from .pipes import READ_BYTES, Pipes, end

if TYPE_CHECKING:
    from mcp.server import Server

DRAIN_TIMEOUT_S = 0.5
"""Seconds that open requests have to finish after the end of input."""
CANCELLED = "notifications/cancelled"

log = logging.getLogger(__name__)


def run_in_loop(serving: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop if it is available."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(serving)
    else:
        uvloop.run(serving)


class StdioLoop:
    """Serves one client, from the first line that was not answered early to the end of input."""

    def __init__(
        self,
        pipes: Pipes,
        fast_path: FastPathConnection,
        build_server: "Callable[[], Server[Any]]",
    ) -> None:
        self._input = Input(pipes, self._take)
        self._output = Output(pipes)
        self._fast_path = fast_path
        self._requests = OpenRequests()
        self._sdk = SdkBehind(build_server, fast_path, self._sdk_answered)

    async def run(self, unread: bytes, has_ended: bool) -> None:
        """Serve until input has ended and all requests are answered, or the time is up."""
        # What was imported until here stays, so the garbage collector need not look at it again.
        gc.freeze()
        await self._output.open()
        await self._input.read(unread, has_ended)
        await self._sdk.is_ready()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await self._requests.all_closed()
                await self._output.is_flushed()
        await self._sdk.stop()
        self._input.close()
        self._output.close()

    def _take(self, line: bytes) -> None:
        message, refusal = read_line(line)
        if refusal is not None:
            self._write(refusal)
        elif message is not None:
            self._serve(message)

    def _serve(self, message: dict[str, Any]) -> None:
        id = request_id(message) if "method" in message else None
        if id is not None and id in self._requests:
            self._write(error_line(id, INVALID_REQUEST, id_in_use(id)))
            return
        request = self._fast_path.request(message)
        if request is not None and request.method == "tools/call":
            self._requests.open(request.id, asyncio.ensure_future(self._call(request)))
        elif request is not None and (answer := self._fast_path.static_answer(request)) is not None:
            self._write(answer)
        elif not self._cancels_call(message) and not self._fast_path.needs_no_answer(message):
            self._hand_over(message, id)

    def _hand_over(self, message: dict[str, Any], id: RequestId | None) -> None:
        if self._sdk.take(message) and id is not None:
            self._requests.open(id)

    async def _call(self, request: Request) -> None:
        try:
            self._write(await self._fast_path.call(request))
        finally:
            self._requests.close(request.id, asyncio.current_task())

    def _cancels_call(self, message: dict[str, Any]) -> bool:
        """Cancel a call of the fast path; by the specification it gets no answer."""
        if message.get("method") != CANCELLED:
            return False
        id = request_id({"id": (message.get("params") or {}).get("requestId")})
        if id is None:
            return False
        is_fast = self._requests.cancel_task(id)
        # Free at once: a cancelled request may never be answered.
        self._requests.close(id)
        return is_fast

    def _sdk_answered(self, answer: dict[str, Any]) -> None:
        id = answer.get("id")
        if id == OPENING_ID:
            return
        self._write(json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode())
        if "method" not in answer and id is not None:
            self._requests.close(id)

    def _write(self, answer: bytes) -> None:
        self._output.write(answer + b"\n")


class SdkBehind:
    """The SDK's server behind the fast path, imported and started for its first message."""

    def __init__(
        self,
        build_server: "Callable[[], Server[Any]]",
        fast_path: FastPathConnection,
        on_answer: Callable[[dict[str, Any]], None],
    ) -> None:
        self._build_server = build_server
        self._fast_path = fast_path
        self._on_answer = on_answer
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._running: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    def take(self, message: dict[str, Any]) -> bool:
        """Pass a message to the server; False if it is dropped."""
        if self._running is None:
            is_request = "method" in message and request_id(message) is not None
            if not is_request and self._fast_path.is_open:
                return False  # a notification or a response, which would change nothing
            self._running = asyncio.ensure_future(self._run())
        self._messages.put_nowait(message)
        return True

    async def is_ready(self) -> None:
        """Wait until the server has started, if it was needed."""
        if self._running is not None:
            await self._ready.wait()

    async def stop(self) -> None:
        """Stop serving."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._serve()
        except Exception:
            log.exception("the server stopped")
            end(1)

    async def _serve(self) -> None:
        # In a thread, because the import takes long and running calls must go on.
        server = await asyncio.to_thread(self._build_server)
        from ..mcp.connection import SdkConnection

        connection = SdkConnection(server, self._on_answer)
        async with asyncio.TaskGroup() as group:
            group.create_task(connection.run())
            self._ready.set()
            for message in self._fast_path.opening:
                await connection.take(message)
            while True:
                await connection.take(await self._messages.get())


class Input(asyncio.Protocol):
    """Splits the input from the client into lines."""

    def __init__(self, pipes: Pipes, take: Callable[[bytes], None]) -> None:
        self._pipes = pipes
        self._take = take
        self._unread = bytearray()
        self._ended = asyncio.Event()
        self._transport: asyncio.BaseTransport | None = None

    async def read(self, unread: bytes, has_ended: bool) -> None:
        """Take each line until the end of input, after the bytes that were already read."""
        self.data_received(unread)
        if has_ended:
            self.connection_lost(None)
            return
        loop = asyncio.get_running_loop()
        try:
            file = os.fdopen(self._pipes.input, "rb", buffering=0, closefd=False)
            self._transport, _protocol = await loop.connect_read_pipe(lambda: self, file)
        except (ValueError, OSError, NotImplementedError):
            # A file, or Windows: neither can be waited for.
            threading.Thread(target=self._pump, args=(loop,), daemon=True).start()
        await self._ended.wait()

    def data_received(self, data: bytes) -> None:
        """Take each complete line."""
        self._unread += data
        if b"\n" not in data:
            return
        *lines, rest = bytes(self._unread).split(b"\n")
        self._unread = bytearray(rest)
        for line in lines:
            self._take(line)

    def close(self) -> None:
        """Read no more."""
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take a last line without a line break, and record the end of input."""
        if self._unread and not self._ended.is_set():
            self.data_received(b"\n")
        self._ended.set()

    def _pump(self, loop: asyncio.AbstractEventLoop) -> None:
        while data := os.read(self._pipes.input, READ_BYTES):
            loop.call_soon_threadsafe(self.data_received, data)
        loop.call_soon_threadsafe(self.connection_lost, None)


class Output(asyncio.BaseProtocol):
    """Writes without blocking, so that input is read even while the client does not read."""

    def __init__(self, pipes: Pipes) -> None:
        self._pipes = pipes
        self._transport: asyncio.WriteTransport | None = None
        self._flushed = asyncio.Event()
        self._flushed.set()
        self._is_closed = False

    async def open(self) -> None:
        """Open the output; one that cannot be polled, such as a file, is written to directly."""
        try:
            file = os.fdopen(self._pipes.output, "wb", buffering=0, closefd=False)
            connected = await asyncio.get_running_loop().connect_write_pipe(lambda: self, file)
        except (ValueError, OSError, NotImplementedError):
            return
        self._transport = connected[0]
        self._transport.set_write_buffer_limits(0)

    def write(self, data: bytes) -> None:
        """Write a line."""
        if self._transport is None:
            self._pipes.write(data)
        else:
            self._transport.write(data)

    async def is_flushed(self) -> None:
        """Wait until everything is written."""
        await self._flushed.wait()

    def close(self) -> None:
        """Write no more."""
        self._is_closed = True
        if self._transport is not None:
            self._transport.close()

    def pause_writing(self) -> None:
        """Record that the client reads more slowly than we write."""
        self._flushed.clear()

    def resume_writing(self) -> None:
        """Record that everything is written."""
        self._flushed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Exit, because the client has disconnected, unless this side closed the output."""
        if not self._is_closed:
            end()

"""The loop that serves a client on stdio: the fast path where it can, the SDK for the rest."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..calls.open_requests import OpenRequests
from ..fastpath.connection import OPENING_ID, FastPathConnection
from ..fastpath.requests import Request
from ..garbage import collect_from_now_on
from ..json_rpc import INVALID_REQUEST, RequestId, error_line, id_in_use, read_line, request_id
from .pipes import Early, Pipes, end, fail, is_file
from .streams import Input, Output

if TYPE_CHECKING:
    from mcp.server import Server

DRAIN_TIMEOUT_S = 0.5
"""Seconds that open requests have to finish after the end of input, and the client to read on."""
FILE_DRAIN_TIMEOUT_S = 60.0
"""The same if the input is a file: its end does not mean that the client is gone."""
STARTED_AFTER_S = 1.0
"""Seconds after which imports are over, also those of a first call, and garbage is collected."""
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
        self._pipes = pipes
        self._input = Input(pipes, self._take)
        self._output = Output(pipes)
        self._fast_path = fast_path
        self._requests = OpenRequests()
        self._sdk = SdkBehind(build_server, fast_path, self._sdk_answered)

    async def run(self, early: Early) -> None:
        """Serve until input has ended and all requests are answered, or the time is up."""
        asyncio.get_running_loop().call_later(STARTED_AFTER_S, collect_from_now_on)
        self._output.open()
        self._output.write(early.unwritten)
        await self._input.read(early.unread, early.has_ended)
        await self._sdk.is_ready()
        timeout_s = FILE_DRAIN_TIMEOUT_S if is_file(self._pipes.input) else DRAIN_TIMEOUT_S
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._requests.all_closed()
        await self._sdk.stop()
        self._input.close()
        if not self._output.flush(timeout_s):
            fail("the client closed the input, and does not read the answers")
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
            loop = asyncio.get_running_loop()  # `ensure_future` takes four times as long
            self._requests.open(request.id, loop.create_task(self._call(request)))
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
        self._is_stopping = False

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
            self._is_stopping = True
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._serve()
        except Exception as error:
            if self._is_stopping:
                # The SDK was passing a message on when it was stopped: nobody waits for it.
                log.debug("the server was stopped", exc_info=error)
                return
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

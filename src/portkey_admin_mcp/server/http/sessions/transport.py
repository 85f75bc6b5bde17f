"""The transport of one session, which answers every request, and each once.

It refuses a request id that is still in use. The SDK sends an answer to the last request with its
id: of two open requests with the same id, the second would get the answer to the first, and the
first none. A request that is still open when the session or the service ends gets an error.

It also knows whether the session is in use, and since when it is not.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

import anyio
import pydantic_core
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, RequestId
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from ...calls.open_requests import OpenRequests
from ...fastpath.requests import client_of
from ...json_rpc import INVALID_REQUEST, error_object, id_in_use, request_id
from ...mcp.sdk_private import GET_STREAM_KEY, HttpTransport, Streams
from ..events.recorder import StreamRecorder
from ..events.unanswered import Reason, not_answered
from ..request import replay_body

END_TIMEOUT_S = 0.5
"""Seconds that errors for open requests may take to be sent to their clients."""

RECORD_TIMEOUT_S = 0.2
"""Seconds for which the event log may delay such an error."""


class SessionTransport(HttpTransport):
    """Serves the requests of one session; an id may be used again once it was answered."""

    def __init__(self, *, event_store: Any, **options: Any) -> None:
        super().__init__(event_store=event_store, **options)
        self._requests = OpenRequests()
        self._sdk_requests: dict[str, RequestId] = {}
        """The ids of the requests that the SDK answers, by their text."""
        self._responses = OpenRequests()
        """The HTTP responses of requests that are being sent, by a number."""
        self._numbers = itertools.count()
        self._output: Any = None
        if event_store is not None:
            event_store.on_answer = self._close
        self._posts_in_flight = 0
        self._is_opened = False
        self.client = ""
        """The client program that opened the session, as `name/version`."""
        self.last_used = time.monotonic()
        """When its last message arrived or was answered, in seconds of the monotonic clock."""

    @property
    def is_in_use(self) -> bool:
        """Whether it is being opened or has a call in flight; a notification stream is no call."""
        return not self._is_opened or self._posts_in_flight > 0 or len(self._requests) > 0

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Streams, None]:
        """The streams of the session."""
        async with super().connect() as (read, write):
            self._output = write
            yield read, write

    async def terminate(self) -> None:
        """End the session; its open requests are answered with an error."""
        await self._send_errors("session_ended")
        await super().terminate()
        await self._record_errors("session_ended")

    async def all_answered(self) -> None:
        """Wait until every request is answered."""
        await self._requests.all_closed()

    async def end_calls(self, reason: Reason) -> None:
        """Answer the requests that are still open with an error, which a resumed stream has too."""
        await self._send_errors(reason)
        await self._record_errors(reason)

    async def _send_errors(self, reason: Reason) -> None:
        """Send errors the way of all answers: they are recorded, and sent to connected clients."""
        if self._output is None or not self._sdk_requests:
            return
        if isinstance(self.events, StreamRecorder):
            self.events.timeout_s = RECORD_TIMEOUT_S
        with anyio.move_on_after(END_TIMEOUT_S):
            for id in list(self._sdk_requests.values()):
                await self._output.send(SessionMessage(_error(id, reason)))
            await self.all_answered()
            await self._responses.all_closed()

    async def _record_errors(self, reason: Reason) -> None:
        """Record errors that could not be sent, for clients that resume."""
        for key, id in list(self._sdk_requests.items()):
            if self.events is not None:
                await self.events.store_event(key, _error(id, reason))
            self._close(key)

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or answer -32600 if its id is in use."""
        if scope["method"] != "POST":
            await super().handle_request(scope, receive, send)
            return
        with ExitStack() as use:
            use.enter_context(self._used())
            # Not at the end of this function: the client may have sent its next request by then.
            await self._handle_post(scope, receive, _watch_end(send, use.close))

    @contextmanager
    def _used(self) -> Iterator[None]:
        """Count a message as in flight, and remember when the session was used."""
        self._posts_in_flight += 1
        self.last_used = time.monotonic()
        try:
            yield
        finally:
            self._posts_in_flight -= 1
            self._is_opened = True
            self.last_used = time.monotonic()

    async def _handle_post(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        message = _message(body)
        id = request_id(message) if message is not None else None
        if message is not None and message["method"] == "initialize":
            self.client = client_of(message)
        replayed = replay_body(body, receive)
        if id is None:
            await super().handle_request(scope, replayed, send)
        elif self._is_in_use(id):
            error = error_object(id, INVALID_REQUEST, id_in_use(id))
            await JSONResponse(error, 400)(scope, receive, send)
        else:
            self._open(id)
            # A request that is refused here never reaches the server, so no answer frees its id.
            send = _watch_refusal(send, lambda: self._refused(str(id)))
            number = next(self._numbers)
            self._responses.open(number)
            try:
                await super().handle_request(scope, replayed, send)
            finally:
                self._responses.close(number)

    @contextmanager
    def holding(self, id: RequestId, task: "asyncio.Task[Any] | None" = None) -> Iterator[bool]:
        """Hold the session open for a request of the fast path, which `task` answers.

        False if the id of the request is in use.
        """
        key = str(id)
        if self._is_in_use(id):
            yield False
            return
        self._requests.open(key, task)
        try:
            with self.held_open(), self._used():
                yield True
        finally:
            self._requests.close(key, task)

    def cancel(self, id: Any) -> None:
        """Cancel a request of the fast path; the SDK cancels its own."""
        self._requests.cancel_task(str(id))

    def on_answer(self, id: RequestId) -> None:
        """Free the id of a request that was answered."""
        # With an event store, the SDK stores an answer before it looks up the stream for it; the
        # store then frees the id.
        if self.events is None:
            self._close(str(id))

    def _is_in_use(self, id: RequestId) -> bool:
        # The SDK keeps the stream of notifications among those of requests, under its own name.
        return str(id) in self._requests or str(id) == GET_STREAM_KEY

    def _open(self, id: RequestId) -> None:
        self._requests.open(str(id))
        self._sdk_requests[str(id)] = id
        if isinstance(self.events, StreamRecorder):
            self.events.open(id)

    def _refused(self, key: str) -> None:
        self._close(key)
        if isinstance(self.events, StreamRecorder):
            self.events.discard(key)

    def _close(self, key: str) -> None:
        self._sdk_requests.pop(key, None)
        self._requests.close(key)


def _error(id: RequestId, reason: Reason) -> JSONRPCError:
    return JSONRPCError.model_validate(not_answered(id, reason))


def _watch_refusal(send: Send, on_refusal: Callable[[], None]) -> Send:
    """Send a response, and report if its status refuses the request."""

    async def watched(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            on_refusal()
        await send(message)

    return watched


def _watch_end(send: Send, on_end: Callable[[], None]) -> Send:
    """Send a response, and report when all of it was sent."""

    async def watched(message: Message) -> None:
        await send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            on_end()

    return watched


def _message(body: bytes) -> dict[str, Any] | None:
    """The request or notification in a body; None for an answer, or if the SDK will refuse it."""
    try:
        message = pydantic_core.from_json(body)
    except ValueError:
        return None
    return message if isinstance(message, dict) and "method" in message else None

"""The transport of one session, which refuses a request id that is still in use.

It also knows whether the session is in use, and since when it is not.

The SDK sends an answer to the last request with its id. Of two open requests with the same id, the
second would get the answer to the first, and the first none.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pydantic_core
from mcp_types import RequestId
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from ...calls.open_requests import OpenRequests
from ...json_rpc import INVALID_REQUEST, error_object, id_in_use, request_id
from ...mcp.sdk_private import GET_STREAM_KEY, HttpTransport
from ..request import replay_body


class SessionTransport(HttpTransport):
    """Serves the requests of one session; an id may be used again once it was answered."""

    def __init__(self, *, event_store: Any, **options: Any) -> None:
        super().__init__(event_store=event_store, **options)
        self._requests = OpenRequests()
        # The SDK keeps the stream of notifications among those of requests, under this name.
        self._requests.open(GET_STREAM_KEY)
        if event_store is not None:
            event_store.on_answer = self._requests.close
        self._posts_in_flight = 0
        self._is_opened = False
        self.last_used = time.monotonic()
        """When its last message arrived or was answered, in seconds of the monotonic clock."""

    @property
    def is_in_use(self) -> bool:
        """Whether it is being opened or has a call in flight; a notification stream is no call."""
        open_calls = len(self._requests) - 1  # one is GET_STREAM_KEY
        return not self._is_opened or self._posts_in_flight > 0 or open_calls > 0

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
        id = _request_id(body)
        replayed = replay_body(body, receive)
        if id is None:
            await super().handle_request(scope, replayed, send)
        elif str(id) in self._requests:
            error = error_object(id, INVALID_REQUEST, id_in_use(id))
            await JSONResponse(error, 400)(scope, receive, send)
        else:
            self._requests.open(str(id))
            # A request that is refused here never reaches the server, so no answer frees its id.
            send = _watch_refusal(send, lambda: self._requests.close(str(id)))
            await super().handle_request(scope, replayed, send)

    @contextmanager
    def holding(self, id: RequestId, task: "asyncio.Task[Any] | None" = None) -> Iterator[bool]:
        """Hold the session open for a request of the fast path, which `task` answers.

        False if the id of the request is in use.
        """
        key = str(id)
        if key in self._requests:
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
            self._requests.close(str(id))


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


def _request_id(body: bytes) -> RequestId | None:
    """The id of the request in a body; None for a notification, or if the SDK will refuse it."""
    try:
        message = pydantic_core.from_json(body)
    except ValueError:
        return None
    return request_id(message) if isinstance(message, dict) and "method" in message else None

"""The SDK's transport of one session, which refuses a request id that is still in use.

The SDK hands an answer to whoever asked last under its id, so a second request under the same id
would be told the answer to the first, and the first nothing.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import pydantic_core
from mcp.server.streamable_http import GET_STREAM_KEY, StreamableHTTPServerTransport
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp_types import RequestId
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from ...json_rpc import INVALID_REQUEST, error_object, id_in_use, request_id
from ...mcp.answer_watch import AnswerWatch
from ..request import replay_body


class SessionTransport(StreamableHTTPServerTransport):
    """Serves the requests of one session; an id may be used again once it was answered."""

    def __init__(self, *, event_store: Any, **given: Any) -> None:
        super().__init__(event_store=event_store, **given)
        self.fast_calls: dict[str, asyncio.Task[bytes]] = {}
        """Calls that the fast path makes in this session, by the id of their request."""
        # The SDK keeps the stream of notifications among those of requests, under this name.
        self._unanswered = {GET_STREAM_KEY}
        if event_store is not None:
            event_store.on_answer = self._unanswered.discard

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or answer -32600 if its id is in use."""
        if scope["method"] != "POST":
            await super().handle_request(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        found = _request_id(body)
        replayed = replay_body(body, receive)
        if found is None:
            await super().handle_request(scope, replayed, send)
        elif str(found) in self._unanswered:
            error = error_object(found, INVALID_REQUEST, id_in_use(found))
            await JSONResponse(error, 400)(scope, receive, send)
        else:
            self._unanswered.add(str(found))
            # What is refused before it reaches the server is not answered by it.
            refused = _RefusalWatch(send, lambda: self._unanswered.discard(str(found)))
            await super().handle_request(scope, replayed, refused)

    @property
    def is_ending(self) -> bool:
        """Whether it takes no more requests."""
        is_idle = self.idle_scope is not None and self.idle_scope.cancel_called
        return self.is_terminated or is_idle

    @contextmanager
    def holding(self, request_id: RequestId) -> Iterator[bool]:
        """Hold the session open for a request that is answered without it.

        False if the id of the request is in use.
        """
        key = str(request_id)
        if key in self._unanswered:
            yield False
            return
        self._unanswered.add(key)
        self._requests_in_flight += 1
        if self.idle_scope is not None:
            self.idle_scope.deadline = math.inf
        try:
            yield True
        finally:
            self._unanswered.discard(key)
            self._requests_in_flight -= 1
            if self.idle_scope is not None and not self._requests_in_flight:
                self.idle_scope.deadline = anyio.current_time() + (self._idle_timeout or math.inf)

    @asynccontextmanager
    async def connect(
        self,
    ) -> AsyncGenerator[
        tuple[ReadStream[SessionMessage | Exception], WriteStream[SessionMessage]], None
    ]:
        """The streams of the session, of which the one to the client is watched for answers."""
        async with super().connect() as (read, write):
            watched = AnswerWatch(write, self._sent)
            # The SDK itself answers there what was cancelled.
            self._write_stream = watched  # type: ignore[assignment]
            yield read, watched

    def _sent(self, answered: RequestId) -> None:
        # With an event store an answer goes through that first, and whose it is, is looked up
        # only then.
        if self._event_store is None:
            self._unanswered.discard(str(answered))


class _RefusalWatch:
    """Sends a response, and reports if its status refuses the request."""

    def __init__(self, send: Send, refused: Callable[[], None]) -> None:
        self._send = send
        self._refused = refused

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            self._refused()
        await self._send(message)


def _request_id(body: bytes) -> RequestId | None:
    """The id of the request in a body; None of a notification, and of what the SDK will refuse."""
    try:
        message = pydantic_core.from_json(body)
    except ValueError:
        return None
    return request_id(message) if isinstance(message, dict) and "method" in message else None

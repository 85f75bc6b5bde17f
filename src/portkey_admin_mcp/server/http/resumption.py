"""`GET /mcp` with Last-Event-ID: go on with a stream, whichever instance began it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from .event_log import Event, Events, Unavailable, Unknown, cursor_of
from .principal import principal_of

log = logging.getLogger(__name__)

SILENCE_S = 60.0
"""A stream on which nothing comes for so long is closed; the client may ask again."""

BEAT_S = 10.0
"""Between signs of life, so that no proxy takes the stream for dead."""

HEADERS = {
    "cache-control": "no-cache, no-transform",
    "content-type": "text/event-stream",
    "x-accel-buffering": "no",
}


class Resume:
    """Answers a client that comes back."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._over = asyncio.Event()

    def end(self) -> None:
        """Close all streams: the service stops."""
        self._over.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Replay what came after Last-Event-ID, then follow until the answer is complete."""
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if "text/event-stream" not in request.headers.get("accept", ""):
            return _refusal(406, "Accept must hold text/event-stream")
        who = principal_of(request.scope)
        try:
            cursor = cursor_of(who, request.headers.get("last-event-id", ""))
            told = self._events.follow(cursor)
            # The first step finds out whether there is such a stream.
            first = await anext(told)
        except Unknown:
            return _refusal(404, "There is no such event; begin anew")
        except Unavailable:
            return _refusal(503, "Replay is unavailable now; try again")
        return EventStream(self._lines(first, told))

    async def _lines(
        self, first: Event | None, told: AsyncIterator[Event | None]
    ) -> AsyncIterator[bytes]:
        heard = beat = time.monotonic()
        event: Event | None = first
        try:
            while not self._over.is_set():
                now = time.monotonic()
                if event is not None:
                    heard = beat = now
                    yield _written(event)
                    if event.last:
                        return
                elif now - heard > SILENCE_S:
                    return
                elif now - beat > BEAT_S:
                    beat = now
                    yield b": here\n\n"
                event = await anext(told)
        except (Unavailable, Unknown, StopAsyncIteration):
            log.warning("a resumed stream ended early: the event store is away")


class EventStream(Response):
    """A stream of events that ends when the client goes."""

    def __init__(self, lines: AsyncIterator[bytes]) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send each event at once."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        gone = asyncio.create_task(_gone(receive))
        try:
            async for line in self._lines:
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": line, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _written(event: Event) -> bytes:
    kind = "" if event.message is None else "event: message\n"
    return f"id: {event.id}\n{kind}data: {event.message or ''}\n\n".encode()


def _refusal(status: int, message: str) -> Response:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": message}}
    headers = {"retry-after": "5"} if status == 503 else {}
    return JSONResponse(error, status, headers=headers)

"""Stream resumption: `GET /mcp` with Last-Event-ID, at any instance."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ..access.principal import principal_of
from .event_log import Event, EventLog, EventLogUnavailable, UnknownEvent, cursor_of

log = logging.getLogger(__name__)

IDLE_TIMEOUT_S = 60.0
"""Seconds without an event after which a stream is closed; the client may resume it again."""

HEARTBEAT_INTERVAL_S = 10.0
"""Seconds between SSE comments that keep proxies from closing an idle stream."""

NOT_KEPT = (
    "The event in Last-Event-ID is not kept, or not any more, so there will be no answer here; "
    "the call may have taken effect. Look before you send it again."
)
RETRY_AFTER_S = 5
HEARTBEAT = b": here\n\n"
SSE_HEADERS = {
    "cache-control": "no-cache, no-transform",
    "content-type": "text/event-stream",
    "x-accel-buffering": "no",
}


class StreamResumption:
    """ASGI application that replays a stream after Last-Event-ID and follows it."""

    def __init__(self, events: EventLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._events = events
        self._clock = clock
        self._stopping = asyncio.Event()

    def close_streams(self) -> None:
        """Close all resumed streams, because the service is stopping."""
        self._stopping.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Replay the events after Last-Event-ID, then follow the stream to its last event."""
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if "text/event-stream" not in request.headers.get("accept", ""):
            return _error(406, "The Accept header must include text/event-stream")
        principal = principal_of(request.scope)
        try:
            cursor = cursor_of(principal, request.headers.get("last-event-id", ""))
            events = self._events.follow(cursor)
            # The first step raises if there is no such event.
            first = await anext(events, None)
        except UnknownEvent:
            return _error(404, NOT_KEPT)
        except EventLogUnavailable:
            return _error(503, "Events cannot be replayed now; try again later")
        return EventStream(self._chunks(first, events))

    async def _chunks(
        self, first: Event | None, events: AsyncIterator[Event | None]
    ) -> AsyncIterator[bytes]:
        """The body of the stream: the events, and heartbeats while there are none."""
        last_event_at = last_sent_at = self._clock()
        event: Event | None = first
        try:
            while not self._stopping.is_set():
                now = self._clock()
                if event is not None:
                    last_event_at = last_sent_at = now
                    yield _encode(event)
                    if event.last:
                        return
                elif now - last_event_at >= IDLE_TIMEOUT_S:
                    return
                elif now - last_sent_at >= HEARTBEAT_INTERVAL_S:
                    last_sent_at = now
                    yield HEARTBEAT
                event = await anext(events)
        except StopAsyncIteration:
            return
        except (EventLogUnavailable, UnknownEvent) as error:
            log.warning("a resumed stream ended early: %s", type(error).__name__)


class EventStream(Response):
    """A server-sent-events response that ends when the client disconnects."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        super().__init__(headers=SSE_HEADERS)
        del self.headers["content-length"]
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send each event as soon as it is available."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        disconnected = asyncio.create_task(_wait_for_disconnect(receive))
        try:
            async for chunk in self._chunks:
                if disconnected.done():
                    return
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            disconnected.cancel()


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _encode(event: Event) -> bytes:
    kind = "" if event.message is None else "event: message\n"
    return f"id: {event.id}\n{kind}data: {event.message or ''}\n\n".encode()


def _error(status: int, message: str) -> Response:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": message}}
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else {}
    return JSONResponse(error, status, headers=headers)

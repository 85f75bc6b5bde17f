"""A connection of the hosted service: how much and how long a client may send unauthenticated.

uvicorn's `h11_max_incomplete_event_size` is for h11 alone; httptools keeps whatever it is sent of
a header block. `limit_concurrency` looks at a connection only once its headers are complete.
"""

import asyncio
import json
import logging
from functools import partial
from http import HTTPStatus
from typing import Any

from uvicorn.loops.auto import auto_loop_factory
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger(__name__)

MAX_HEADER_BYTES = 32 * 1024
"""Bytes of a request line with its headers, or of what stands around the parts of a body."""

MAX_PIPELINED = 16
"""Requests that may wait on a connection for the answer to the one before them."""

HEADER_TIMEOUT_S = 10.0
"""Seconds from the opening of a connection, or the first byte of a further request, in which its
headers must be complete; also in which a body must end that was answered before."""

RETRY_AFTER_S = 5

ERRORS = {
    408: ("request_timeout", "The headers did not arrive in time."),
    431: ("headers_too_large", f"Request line and headers may have {MAX_HEADER_BYTES} bytes."),
    503: ("too_many_connections", "Too many connections are open; wait as Retry-After says."),
}


class GuardedConnection(HttpToolsProtocol):
    """An HTTP connection that is closed when its headers are too large or too slow.

    Made by uvicorn for each connection; see `guarded_connection`.
    """

    def __init__(
        self, *given: Any, max_connections: int, header_timeout_s: float, **named: Any
    ) -> None:
        super().__init__(*given, **named)
        self._max_connections = max_connections
        self._header_timeout_s = header_timeout_s
        self._header_timer: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._in_headers = True
        self._has_progress = False

    def connection_made(  # type: ignore[override]  # as uvicorn does
        self, transport: asyncio.Transport
    ) -> None:
        """Begin to wait for headers, or answer 503 where too many connections are open."""
        super().connection_made(transport)
        if len(self.connections) > self._max_connections:
            self._refuse(503)
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, in pieces, and refuse more than is allowed with 431."""
        while data and not self.transport.is_closing():
            room = MAX_HEADER_BYTES - self._header_bytes
            piece, data = data[:room], data[room:]
            self._has_progress = False
            super().data_received(piece)
            # What is not yet headers or body is kept by the parser, and grows.
            self._header_bytes = 0 if self._has_progress else self._header_bytes + len(piece)
            if self._header_bytes >= MAX_HEADER_BYTES:
                self._refuse(431)
            elif len(self.pipeline) > MAX_PIPELINED:
                self.transport.close()
        if self._header_timer is None and self._is_only_waiting():
            self._start_timer()

    def on_headers_complete(self) -> None:
        """Stop the timer: from here the application decides how long to wait."""
        self._stop_timer()
        self._in_headers = False
        self._has_progress = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take note that the parser handed something on."""
        self._has_progress = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the headers of another request; the timer starts at its first byte."""
        self._stop_timer()
        self._in_headers = True
        self._has_progress = True
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: an upgrade is ignored, as any server may, and the request is answered."""

    def _is_only_waiting(self) -> bool:
        """Whether nobody but this connection waits for what the client is sending."""
        if self._in_headers:
            return self._header_bytes > 0
        return self.cycle.response_complete

    def _start_timer(self) -> None:
        if not self.transport.is_closing():
            self._header_timer = self.loop.call_later(self._header_timeout_s, self._timed_out)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _timed_out(self) -> None:
        self._header_timer = None
        if self.flow.read_paused:
            # We are the slow ones: what the client sent is still to be read.
            self._start_timer()
        elif not self.transport.is_closing():
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Answer where an answer can stand, and close the connection."""
        error, message = ERRORS[status]
        log.info("a connection was closed: %s", error)
        if self.cycle is None or (self.cycle.response_complete and self._in_headers):
            self.transport.write(_answer(status, error, message))
        self.transport.close()


def guarded_connection(max_connections: int, header_timeout_s: float = HEADER_TIMEOUT_S) -> Any:
    """What to give as `http` to `uvicorn.Config`; it can be sent to a worker process."""
    return partial(
        GuardedConnection, max_connections=max_connections, header_timeout_s=header_timeout_s
    )


def new_event_loop(handshake_timeout_s: float = HEADER_TIMEOUT_S) -> asyncio.AbstractEventLoop:
    """The event loop that uvicorn would choose, whose TLS handshakes may not take a minute.

    Given as `loop` to `uvicorn.Config`, which cannot be told that time in another way.
    """
    loop = auto_loop_factory()()
    create_server = loop.create_server

    async def create_server_with_timeout(*given: Any, **named: Any) -> asyncio.Server:
        if named.get("ssl") is not None:
            named["ssl_handshake_timeout"] = handshake_timeout_s
        return await create_server(*given, **named)

    loop.create_server = create_server_with_timeout  # type: ignore[method-assign]
    return loop


def _answer(status: int, error: str, message: str) -> bytes:
    body = json.dumps({"error": error, "message": message}).encode()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
        *([f"Retry-After: {RETRY_AFTER_S}"] if status == 503 else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body

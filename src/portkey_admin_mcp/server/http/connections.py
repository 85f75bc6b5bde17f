"""Limits on connections: how much a client may send, and for how long, before it is authenticated.

uvicorn itself does not limit this: `h11_max_incomplete_event_size` applies to h11 only, httptools
buffers headers of any size, and `limit_concurrency` is checked only after the headers.
"""

import asyncio
import gc
import json
import logging
import re
import socket
import sys
from functools import partial
from http import HTTPStatus
from typing import Any

from httptools import HttpParserUpgrade, HttpRequestParser
from starlette.responses import JSONResponse
from uvicorn.loops.auto import auto_loop_factory
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ..garbage import collect_from_now_on

log = logging.getLogger(__name__)

MAX_HEADER_BYTES = 32 * 1024
"""Maximum bytes of a request line with its headers, or of the trailers of a chunked body."""

MAX_PIPELINED = 16
"""Requests that may wait on one connection for the response to an earlier one."""

RECEIVE_BUFFER_BYTES = 16 * 1024
"""Size of the kernel's receive buffer of a connection; Linux doubles it. A full one is read at
once, on every connection, before any of their requests can be refused."""

HEADER_TIMEOUT_S = 10.0
"""Seconds in which the headers of a request must arrive, from the opening of the connection or, for
a later request, from its first byte. Also the time to finish a body after its response was sent."""

RETRY_AFTER_S = 5

ABSOLUTE_FORM = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
"""A request target with a host, as clients send it to a proxy: the host, and the rest."""

ERRORS = {
    408: ("request_timeout", "The headers did not arrive in time."),
    431: (
        "headers_too_large",
        f"The request line and headers may have at most {MAX_HEADER_BYTES} bytes.",
    ),
    503: (
        "too_many_connections",
        "Too many connections are open; wait the number of seconds in Retry-After.",
    ),
}
STOPPING = ("service_stopping", "The service stops; send the request again in a moment.")


class GuardedConnection(HttpToolsProtocol):
    """An HTTP connection that is closed when its headers are too large or too slow.

    uvicorn creates one for each connection; see `guarded_connection`.
    """

    def __init__(
        self, *args: Any, max_connections: int, header_timeout_s: float, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._max_connections = max_connections
        self._header_timeout_s = header_timeout_s
        self._header_timer: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._in_headers = True
        self._has_parsed = False
        """Whether the parser completed headers or part of a body in the latest piece of data."""
        self._piece = b""
        """The latest piece of data."""
        self._plain_request = b""
        """What is to be parsed again: a request without its offer to upgrade the connection."""

    def connection_made(  # type: ignore[override]  # as uvicorn does
        self, transport: asyncio.Transport
    ) -> None:
        """Start the header timer, or send 503 if too many connections are open."""
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES
        )
        if len(self.connections) > self._max_connections:
            self._refuse(503)
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data in pieces no larger than the limit; send 431 when headers exceed it."""
        while data and not self.transport.is_closing():
            remaining = MAX_HEADER_BYTES - self._header_bytes
            piece, data = data[:remaining], data[remaining:]
            self._has_parsed = False
            self._piece = piece
            super().data_received(piece)
            if self._plain_request:
                data, self._plain_request = self._plain_request + data, b""
                self._header_bytes = 0
                continue
            # The parser buffers what is not yet complete.
            self._header_bytes = 0 if self._has_parsed else self._header_bytes + len(piece)
            if self._header_bytes >= MAX_HEADER_BYTES:
                self._refuse(431)
            elif len(self.pipeline) > MAX_PIPELINED:
                self.transport.close()
        if self._header_timer is None and self._is_client_late():
            self._start_timer()

    def on_headers_complete(self) -> None:
        """Stop the timer: from now on the application decides how long to wait.

        Raises ValueError for CONNECT and other targets of a proxy; uvicorn then answers 400.
        """
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise ValueError("this is no proxy")
            return  # the parser skips the body and calls `_unsupported_upgrade_warning`
        if not self.url.startswith(b"/"):
            self._to_origin_form()
        self._stop_timer()
        self._has_parsed = True
        super().on_headers_complete()
        self._in_headers = False

    def _to_origin_form(self) -> None:
        """Make `GET http://host/path` a request for /path; its host replaces the Host header.

        RFC 9112, 3.2.2. Whether this host is served is then decided as for any request.
        """
        if self.url == b"*":
            return
        match = ABSOLUTE_FORM.fullmatch(self.url)
        if match is None:
            raise ValueError("this is no target of HTTP")
        authority, target = match.groups()
        self.url = target if target.startswith(b"/") else b"/" + target
        self.headers[:] = [
            (name, authority if name == b"host" else value) for name, value in self.headers
        ]

    def on_body(self, body: bytes) -> None:
        """Record that the parser completed part of a body."""
        self._has_parsed = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the headers of the next request; the timer starts at its first byte."""
        if self.parser.should_upgrade():
            return
        self._stop_timer()
        self._in_headers = True
        self._has_parsed = True
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Ignore an offer to upgrade, which HTTP allows: parse the request again without it.

        uvicorn calls this while it handles HttpParserUpgrade, whose argument is the number of bytes
        that were parsed. The parser would drop the body, and Java's HttpClient offers h2c with
        every request over plain HTTP.
        """
        parsed = sys.exc_info()[1]
        assert isinstance(parsed, HttpParserUpgrade)
        version = self.parser.get_http_version().encode()
        lines = [
            b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version),
            *(b"%b:%b" % header for header in self.headers if header[0] != b"upgrade"),
        ]
        self._plain_request = b"\r\n".join([*lines, b"", self._piece[parsed.args[0] :]])
        # This one has ended if the request closes the connection.
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Start to answer a request, in the way that `_answer` does."""
        # It has the methods of a transport that uvicorn calls for a response.
        cycle.transport = ResponseTransport(self.transport, self.loop)  # type: ignore[assignment]
        super()._start_asgi_task(cycle, partial(_answer, app, cycle))

    def _is_client_late(self) -> bool:
        """Whether the client must send more, without the application waiting for it."""
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
            # The client is not slow: this side has stopped reading what the client sent.
            self._start_timer()
        elif not self.transport.is_closing():
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Send an error response if no other response is under way, and close the connection."""
        error, message = ERRORS[status]
        log.info("closed a connection: %s", error)
        if self.cycle is None or (self.cycle.response_complete and self._in_headers):
            self.transport.write(_response(status, error, message))
        self.transport.close()


class ResponseTransport:
    """The transport of one response: its head is sent together with a body that follows at once.

    uvicorn writes them apart, and uvloop then makes two system calls, each of which wakes the
    client. If nothing follows at once, as in a stream, the head is sent in the next iteration of
    the loop.
    """

    __slots__ = ("_head", "_loop", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write a part of the response; the first part waits for the second."""
        if self._head is None:
            self._head = data
            self._loop.call_soon(self._send_head)
        elif self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection after what was written."""
        self._send_head()
        self._transport.close()

    def _send_head(self) -> None:
        if self._head and not self.is_closing():
            head, self._head = self._head, b""
            self._transport.write(head)


async def _answer(
    app: Any, cycle: RequestResponseCycle, scope: Any, receive: Any, send: Any
) -> None:
    """Answer a request: to HTTP/1.0 not in chunks, and with 503 if the service stops meanwhile."""
    if scope["http_version"] == "1.0":
        send = _without_chunks(cycle, send)
    try:
        await app(scope, receive, send)
    except asyncio.CancelledError:
        # uvicorn cancels what is not answered in time after a signal, and would log a traceback.
        log.warning("a request was cancelled, because the service stops")
        if not cycle.response_started:
            error, message = STOPPING
            response = JSONResponse({"error": error, "message": message}, 503)
            await response(scope, receive, send)


def _without_chunks(cycle: RequestResponseCycle, send: Any) -> Any:
    """Send a response whose body ends with the connection, if it has no length."""
    has_length = True

    async def send_without_chunks(message: Any) -> None:
        nonlocal has_length
        if message["type"] == "http.response.start":
            # uvicorn closes the connection, and says so; some applications add `keep-alive`.
            headers = [each for each in message["headers"] if each[0].lower() != b"connection"]
            has_length = any(name.lower() == b"content-length" for name, _ in headers)
            if not has_length:
                cycle.chunked_encoding = False
            message = {**message, "headers": headers}
        elif not has_length:
            cycle.expected_content_length = len(message.get("body", b""))
        await send(message)

    return send_without_chunks


def guarded_connection(max_connections: int, header_timeout_s: float = HEADER_TIMEOUT_S) -> Any:
    """The `http` argument of `uvicorn.Config`. It can be pickled for a worker process."""
    return partial(
        GuardedConnection, max_connections=max_connections, header_timeout_s=header_timeout_s
    )


def new_event_loop(handshake_timeout_s: float = HEADER_TIMEOUT_S) -> asyncio.AbstractEventLoop:
    """The event loop that uvicorn would choose, with a timeout for TLS handshakes.

    The `loop` argument of `uvicorn.Config`, which has no setting for that timeout; asyncio's
    default is a minute. When the service starts to listen, everything is loaded, so the garbage
    collector is told to ignore it: a full collection would take 0.1 s, in the middle of a call.
    """
    loop = auto_loop_factory()()
    create_server = loop.create_server

    async def start_to_listen(*args: Any, **kwargs: Any) -> asyncio.Server:
        if kwargs.get("ssl") is not None:
            kwargs["ssl_handshake_timeout"] = handshake_timeout_s
        gc.collect()
        collect_from_now_on()
        return await create_server(*args, **kwargs)

    loop.create_server = start_to_listen  # type: ignore[method-assign]
    return loop


def _response(status: int, error: str, message: str) -> bytes:
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

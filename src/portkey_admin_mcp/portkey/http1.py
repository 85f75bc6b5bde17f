"""HTTP/1.1 over persistent connections, reduced to what the Admin API needs.

A request is written once, even if its connection fails: Portkey may have acted on it. No
redirects, no cookies, no proxies (`transport` uses aiohttp for proxies). httptools parses.
"""

import asyncio
import socket
import ssl
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import httptools
from aiohappyeyeballs import start_connection

MAX_CONNECTIONS = 64
"""Connections to each origin; further requests wait."""
ATTEMPT_DELAY_S = 0.25
"""Seconds until the next address of a host is tried in parallel (RFC 8305)."""
TOTAL_TIMEOUT_FACTOR = 2
"""Total timeout, as a multiple of the read timeout."""
TIMEOUT_CHECKS = 20
"""Check for timeouts this often within one read timeout."""
MAX_CHECK_INTERVAL_S = 0.5
"""Check for timeouts at least this often."""
DEFAULT_PORTS = {"http": 80, "https": 443}
WINDOW_BITS = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
"""zlib's window sizes for the content codings that are accepted."""
CONNECTION_BROKE = "the connection broke"

Answer = tuple[int, Mapping[str, str], bytes]


class NotConnected(ConnectionError):
    """No connection could be made, so nothing was sent; the cause says why."""


class Origin(NamedTuple):
    """The scheme, host and port that a request is sent to."""

    scheme: str
    host: str
    port: int


class Http1:
    """Sends requests over a pool of connections for each origin.

    `timeout_s` limits the time to connect and each wait for data, in seconds; `tls_context`
    returns the certificates to trust, at the first https connection.
    """

    def __init__(self, timeout_s: float, tls_context: Callable[[], ssl.SSLContext]) -> None:
        self._timeout_s = timeout_s
        self._tls_context = tls_context
        self._idle: dict[Origin, deque[_Connection]] = {}
        self._slots: dict[Origin, asyncio.Semaphore] = {}
        self._busy: set[_Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send a request to a URL that is already quoted.

        Raises NotConnected if nothing was sent, TimeoutError and ConnectionError otherwise.
        """
        origin, host, target = _split(url)
        message = _message(method, target, host, headers, body)
        slots = self._slots.get(origin)
        if slots is None:
            slots = self._slots[origin] = asyncio.Semaphore(MAX_CONNECTIONS)
        async with slots:
            connection = self._idle_connection(origin) or await self._connect(origin)
            self._watch(connection)
            try:
                return await connection.exchange(message)
            finally:
                self._busy.discard(connection)
                if connection.is_reusable:
                    self._idle.setdefault(origin, deque()).append(connection)
                else:
                    connection.abort()

    def close(self) -> None:
        """Close the idle connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.abort()
        self._idle.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self, connection: "_Connection") -> None:
        """Check a connection for timeouts until its answer is complete.

        One timer checks all connections: a timer for each request would cost more than the
        request.
        """
        self._busy.add(connection)
        if self._timer is None:
            interval_s = min(self._timeout_s / TIMEOUT_CHECKS, MAX_CHECK_INTERVAL_S)
            self._timer = asyncio.get_running_loop().call_later(interval_s, self._check_timeouts)

    def _check_timeouts(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for connection in list(self._busy):
            connection.fail_if_timed_out(now, self._timeout_s)
            self._watch(connection)

    def _idle_connection(self, origin: Origin) -> "_Connection | None":
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if not connection.is_closed:
                return connection
        return None

    async def _connect(self, origin: Origin) -> "_Connection":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                addresses = await loop.getaddrinfo(
                    origin.host, origin.port, type=socket.SOCK_STREAM
                )
                sock = await start_connection(addresses, happy_eyeballs_delay=ATTEMPT_DELAY_S)
                return await self._opened(sock, origin)
        except OSError as error:  # includes TimeoutError and ssl.SSLError
            raise NotConnected("no connection could be made") from error

    async def _opened(self, sock: socket.socket, origin: Origin) -> "_Connection":
        loop = asyncio.get_running_loop()
        try:
            _transport, connection = await loop.create_connection(
                _Connection, sock=sock, **self._tls(origin)
            )
        except BaseException:
            sock.close()
            raise
        return connection

    def _tls(self, origin: Origin) -> dict[str, Any]:
        if origin.scheme != "https":
            return {}
        return {"ssl": self._tls_context(), "server_hostname": origin.host}


class _Connection(asyncio.Protocol):
    """One connection, with one request on it at a time."""

    def __init__(self) -> None:
        self.is_closed = False
        self.is_reusable = False
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._parser: Any = None
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._has_all_headers = False
        self._started_at = self._last_data_at = 0.0

    async def exchange(self, message: bytes) -> Answer:
        """Write a request, and wait for its complete answer."""
        loop = asyncio.get_running_loop()
        assert self._transport is not None
        self.is_reusable = False
        self._parser = httptools.HttpResponseParser(self)
        self._headers, self._body, self._has_all_headers = {}, [], False
        self._waiter = loop.create_future()
        self._started_at = self._last_data_at = loop.time()
        self._transport.write(message)
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def fail_if_timed_out(self, now: float, timeout_s: float) -> None:
        """Fail if no data came for `timeout_s`, or the answer exceeds the total timeout."""
        total_s = TOTAL_TIMEOUT_FACTOR * timeout_s
        if now >= min(self._last_data_at + timeout_s, self._started_at + total_s):
            self._fail(TimeoutError("no answer in time"))

    def abort(self) -> None:
        """Close at once; the connection is not used again."""
        self.is_closed = True
        self.is_reusable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # Not an assertion of its class: uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse data; the connection is closed if data comes while no request is open."""
        if self._waiter is None:
            self.abort()
            return
        self._last_data_at = asyncio.get_running_loop().time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._break(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Complete an answer that ends when the connection closes, or fail."""
        self.is_closed = True
        self.is_reusable = False
        if self._waiter is None or self._waiter.done():
            return
        has_length = not self._headers.keys().isdisjoint(("content-length", "transfer-encoding"))
        if exc is None and self._has_all_headers and not has_length:
            self._answer()
        else:
            self._break(exc)

    def on_message_begin(self) -> None:
        """Begin an answer. If a request gets a second one, close the connection."""
        self._headers, self._body, self._has_all_headers = {}, [], False
        if self._waiter is not None and self._waiter.done():
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; the values of a repeated one are joined."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        previous = self._headers.get(key)
        self._headers[key] = text if previous is None else f"{previous}, {text}"

    def on_headers_complete(self) -> None:
        """Record that all headers of an answer have come, unless it is an interim one."""
        self._has_all_headers = self._parser.get_status_code() >= 200

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Complete the answer, unless it is an interim one (1xx), which another follows."""
        if self._parser.get_status_code() < 200:
            return
        self.is_reusable = self._parser.should_keep_alive() and not self.is_closed
        self._answer()

    def _answer(self) -> None:
        if self._waiter is None or self._waiter.done():
            return
        try:
            body = _decoded(b"".join(self._body), self._headers.get("content-encoding", ""))
        except zlib.error as error:
            self._break(error)
            return
        self._waiter.set_result((self._parser.get_status_code(), self._headers, body))

    def _break(self, cause: Exception | None) -> None:
        failure = ConnectionError(CONNECTION_BROKE)
        failure.__cause__ = cause
        self._fail(failure)

    def _fail(self, error: Exception) -> None:
        self.is_reusable = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


def _split(url: str) -> tuple[Origin, str, str]:
    """The origin of a URL, the Host header, and the target: path and query."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    name = f"[{host}]" if ":" in host else host
    host_header = name if port == DEFAULT_PORTS[parts.scheme] else f"{name}:{port}"
    return Origin(parts.scheme, host, port), host_header, target


def _message(
    method: str, target: str, host: str, headers: Mapping[str, str], body: bytes | None
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", "accept-encoding: gzip, deflate"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + (body or b"")


def _decoded(body: bytes, coding: str) -> bytes:
    window = WINDOW_BITS.get(coding.lower())
    return body if window is None or not body else zlib.decompress(body, window)

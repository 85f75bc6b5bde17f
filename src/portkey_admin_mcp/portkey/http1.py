"""HTTP/1.1 over connections that are kept, and no more of it than the Admin API needs.

A request is written once, whatever happens to its connection: Portkey may have acted on it. No
redirects, no cookies; proxies are aiohttp's (`network`). The parser is httptools'.
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

MOST_CONNECTIONS = 64
"""For each origin."""
ATTEMPT_DELAY_S = 0.25
"""Seconds until the next address of a host is tried beside the first (RFC 8305)."""
TOTAL_TIMEOUT_FACTOR = 2
"""How many times as long as one wait for data a whole answer may take."""
TIMEOUT_CHECKS = 20
LONGEST_INTERVAL_S = 0.5
"""How often silence is looked for: so many times in the time allowed, and every so many seconds."""
DEFAULT_PORTS = {"http": 80, "https": 443}
DECODED = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
BROKEN = "the connection broke"

Answer = tuple[int, Mapping[str, str], bytes]


class NotConnected(ConnectionError):
    """No connection could be made, so nothing was sent; the cause says why."""


class Origin(NamedTuple):
    """Where a request goes."""

    scheme: str
    host: str
    port: int


class Http1:
    """Keeps connections by origin; `seconds` is how long a connection and data may take."""

    def __init__(self, seconds: float, trust: Callable[[], ssl.SSLContext]) -> None:
        self._seconds = seconds
        self._trust = trust
        self._kept: dict[Origin, deque[_Connection]] = {}
        self._slots: dict[Origin, asyncio.Semaphore] = {}
        self._watched: set[_Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send a request to a URL that is quoted already.

        Raises NotConnected if nothing was sent, TimeoutError and ConnectionError otherwise.
        """
        origin, host, target = _split(url)
        message = _message(method, target, host, headers, body)
        slots = self._slots.get(origin)
        if slots is None:
            slots = self._slots[origin] = asyncio.Semaphore(MOST_CONNECTIONS)
        async with slots:
            connection = self._kept_connection(origin) or await self._connect(origin)
            self._watch(connection)
            try:
                return await connection.exchange(message)
            finally:
                self._watched.discard(connection)
                if connection.is_reusable:
                    self._kept.setdefault(origin, deque()).append(connection)
                else:
                    connection.abort()

    def close(self) -> None:
        """Close the connections that are kept."""
        for connections in self._kept.values():
            for connection in connections:
                connection.abort()
        self._kept.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self, connection: "_Connection") -> None:
        """Look at a connection now and then until its answer is there.

        One timer for all of them: a timer for each request costs more than the request.
        """
        self._watched.add(connection)
        if self._timer is None:
            interval = min(self._seconds / TIMEOUT_CHECKS, LONGEST_INTERVAL_S)
            self._timer = asyncio.get_running_loop().call_later(interval, self._look)

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for connection in list(self._watched):
            connection.give_up_if_silent(now, self._seconds)
            self._watch(connection)

    def _kept_connection(self, origin: Origin) -> "_Connection | None":
        kept = self._kept.get(origin)
        while kept:
            connection = kept.pop()
            if not connection.is_closed:
                return connection
        return None

    async def _connect(self, origin: Origin) -> "_Connection":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
                sock = await start_connection(found, happy_eyeballs_delay=ATTEMPT_DELAY_S)
                return await self._opened(sock, origin)
        except OSError as error:  # TimeoutError and ssl.SSLError are among them
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
        return {"ssl": self._trust(), "server_hostname": origin.host}


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
        self._began = self._heard = 0.0

    async def exchange(self, message: bytes) -> Answer:
        """Write a request, and wait for the whole answer to it."""
        loop = asyncio.get_running_loop()
        assert self._transport is not None
        self.is_reusable = False
        self._parser = httptools.HttpResponseParser(self)
        self._headers, self._body = {}, []
        self._waiter = loop.create_future()
        self._began = self._heard = loop.time()
        self._transport.write(message)
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def give_up_if_silent(self, now: float, seconds: float) -> None:
        """Fail if nothing was heard for so long, or if it takes too long in all."""
        if now >= min(self._heard + seconds, self._began + TOTAL_TIMEOUT_FACTOR * seconds):
            self._fail(TimeoutError("no answer in time"))

    def abort(self) -> None:
        """Close at once."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport."""
        # Not an assertion of its class: uvloop's transports are of none of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came; anything unasked for spoils the connection."""
        if self._waiter is None:
            self.abort()
            return
        self._heard = asyncio.get_running_loop().time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._break(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """End an answer that has no other end, or fail."""
        self.is_closed = True
        self.is_reusable = False
        if self._waiter is None or self._waiter.done():
            return
        is_open_ended = self._headers.keys().isdisjoint(("content-length", "transfer-encoding"))
        if exc is None and is_open_ended and self._parser.get_http_version() and self._headers:
            self._answer()
        else:
            self._break(exc)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; of one that is repeated, all values."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        kept = self._headers.get(key)
        self._headers[key] = text if kept is None else f"{kept}, {text}"

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer, unless this only says that an answer will come."""
        if self._parser.get_status_code() < 200:
            self._headers, self._body = {}, []
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
        failure = ConnectionError(BROKEN)
        failure.__cause__ = cause
        self._fail(failure)

    def _fail(self, error: Exception) -> None:
        self.is_reusable = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


def _split(url: str) -> tuple[Origin, str, str]:
    """The origin of a URL, its Host header, and what is asked for there."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    named = f"[{host}]" if ":" in host else host
    told = named if port == DEFAULT_PORTS[parts.scheme] else f"{named}:{port}"
    return Origin(parts.scheme, host, port), told, target


def _message(
    method: str, target: str, host: str, headers: Mapping[str, str], body: bytes | None
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", "accept-encoding: gzip, deflate"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + (body or b"")


def _decoded(body: bytes, coding: str) -> bytes:
    window = DECODED.get(coding.lower())
    return body if window is None or not body else zlib.decompress(body, window)

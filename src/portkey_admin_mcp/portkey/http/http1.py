"""HTTP/1.1 over persistent connections, reduced to what the Admin API needs.

A write is sent once, even if its connection fails: Portkey may have acted on it. No redirects, no
cookies, no proxies (`proxied` uses aiohttp for those).
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from aiohappyeyeballs import start_connection

from ..proxies import DEFAULT_PORTS
from .answer import Answer, part_size
from .connection import Connection
from .slots import CALLER, Slots

MAX_CONNECTIONS = 64
"""Connections to each origin; further requests wait."""
MAX_IDLE_S = 15
"""A connection that was idle for so many seconds is not used again, as in aiohttp."""
ATTEMPT_DELAY_S = 0.25
"""Seconds until the next address of a host is tried in parallel (RFC 8305)."""
TIMEOUT_CHECKS = 20
"""Check for timeouts this often within one read timeout."""
MAX_CHECK_INTERVAL_S = 0.5
"""Check for timeouts at least this often."""


class NotConnected(ConnectionRefusedError):
    """No connection could be made, so nothing was sent; the message says why."""


class Origin(NamedTuple):
    """The scheme, host and port that a request is sent to."""

    scheme: str
    host: str
    port: int


class _Pool:
    """The connections to one origin."""

    def __init__(self) -> None:
        self.slots = Slots(MAX_CONNECTIONS)
        self.idle: deque[Connection] = deque()


class Http1:
    """Sends requests over a pool of connections for each origin.

    `timeout_s` limits the time to get a connection and each wait for data, in seconds; an answer
    may have `max_bytes`, unpacked; `tls_context` returns the certificates to trust, at the first
    https connection.
    """

    def __init__(
        self, timeout_s: float, max_bytes: int, tls_context: Callable[[], ssl.SSLContext]
    ) -> None:
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._tls_context = tls_context
        self._pools: dict[Origin, _Pool] = {}
        self._busy: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_retired = False

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send a request to a URL that is already quoted.

        Of a file that is asked for with a `range`, no more than the range is read. Raises
        NotConnected if nothing was sent, UnusableAnswer, TimeoutError and ConnectionError.
        """
        origin, host, target = _split(url)
        message = _message(method, target, host, headers, body)
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = _Pool()
        if self._timer is None:
            self._start_timer()
        caller, time_left_s = CALLER.get(), self._timeout_s
        if not pool.slots.take(caller):
            time_left_s = await wait_for_slot(pool.slots, caller, self._timeout_s)
        try:
            idle = self._idle_connection(pool)
            connection = idle or await self._connect(origin, time_left_s)
            part_bytes = part_size(headers) if "range" in headers else None
            while True:
                self._busy.add(connection)
                try:
                    return await connection.exchange(message, part_bytes)
                except ConnectionError:
                    # A kept connection that the server had closed. A write may have arrived there.
                    if connection is not idle or connection.has_received or method != "GET":
                        raise
                finally:
                    self._busy.discard(connection)
                    if connection.is_reusable and not self._is_retired:
                        pool.idle.append(connection)
                    else:
                        connection.abort()
                connection = await self._connect(origin, time_left_s)
        finally:
            pool.slots.release(caller)

    def close(self) -> None:
        """Close the idle connections."""
        for pool in self._pools.values():
            while pool.idle:
                pool.idle.pop().abort()
        if self._timer is not None and not self._busy:  # those still need it
            self._timer.cancel()
            self._timer = None

    def retire(self) -> None:
        """Close the idle connections, and from now on each one after its request."""
        self._is_retired = True
        self.close()

    def _start_timer(self) -> None:
        """Check all connections from time to time, until none is left.

        One timer checks all of them: a timer for each request would cost more than the request.
        """
        interval_s = min(self._timeout_s / TIMEOUT_CHECKS, MAX_CHECK_INTERVAL_S)
        self._timer = asyncio.get_running_loop().call_later(interval_s, self._check_connections)

    def _check_connections(self) -> None:
        """End the exchanges that take too long, and close connections that are idle too long."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        for connection in list(self._busy):
            connection.fail_if_timed_out(now, self._timeout_s)
        for origin, pool in list(self._pools.items()):
            while pool.idle and (
                pool.idle[0].is_closed or now - pool.idle[0].last_data_at > MAX_IDLE_S
            ):
                pool.idle.popleft().abort()
            if not pool.idle and pool.slots.is_unused:
                del self._pools[origin]
        if self._pools:
            self._start_timer()

    def _idle_connection(self, pool: _Pool) -> Connection | None:
        while pool.idle:
            connection = pool.idle.pop()
            now = asyncio.get_running_loop().time()
            if not connection.is_closed and now - connection.last_data_at <= MAX_IDLE_S:
                return connection
            connection.abort()
        return None

    async def _connect(self, origin: Origin, time_left_s: float) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(time_left_s):
                addresses = await loop.getaddrinfo(
                    origin.host, origin.port, type=socket.SOCK_STREAM
                )
                sock = await start_connection(addresses, happy_eyeballs_delay=ATTEMPT_DELAY_S)
                return await self._opened(sock, origin)
        except OSError as error:  # includes TimeoutError and ssl.SSLError
            raise not_connected(error) from error

    async def _opened(self, sock: socket.socket, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            _transport, connection = await loop.create_connection(
                lambda: Connection(self._max_bytes), sock=sock, **self._tls(origin)
            )
        except BaseException:
            sock.close()
            raise
        return connection

    def _tls(self, origin: Origin) -> dict[str, Any]:
        if origin.scheme != "https":
            return {}
        return {"ssl": self._tls_context(), "server_hostname": origin.host}


async def wait_for_slot(slots: Slots, caller: str | None, timeout_s: float) -> float:
    """Wait until the caller may have a connection, and return how many seconds are left to make it.

    Raises NotConnected if none was free in `timeout_s` seconds.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    try:
        async with asyncio.timeout_at(deadline):
            await slots.wait(caller)
    except TimeoutError as error:
        raise NotConnected("all connections were in use until the time was over") from error
    return deadline - loop.time()


def not_connected(error: OSError) -> NotConnected:
    """The error of a connection that could not be made, without the address."""
    cause = getattr(error, "certificate_error", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return NotConnected(f"the certificate was not accepted: {cause.verify_message}")
    timed_out = isinstance(error, TimeoutError)
    return NotConnected("no connection in time" if timed_out else "no connection could be made")


def _split(url: str) -> tuple[Origin, str, str]:
    """The origin of a URL, the Host header, and the target: path and query."""
    scheme, _, rest = url.partition("://")
    # What follows the host is sent as it is, so no library for URLs may touch it.
    authority, slash, path = rest.partition("/")
    target = f"{slash}{path}"
    if "?" in authority:
        authority, _, query = rest.partition("?")
        target = f"/?{query}"
    origin, host_header = _origin(f"{scheme}://{authority}")
    return origin, host_header, target or "/"


@lru_cache(256)
def _origin(url: str) -> tuple[Origin, str]:
    """The origin of a URL without path, and its Host header."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    name = f"[{host}]" if ":" in host else host
    host_header = name if port == DEFAULT_PORTS[parts.scheme] else f"{name}:{port}"
    return Origin(parts.scheme, host, port), host_header


def _message(
    method: str, target: str, host: str, headers: Mapping[str, str], body: bytes | None
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}"]
    if "accept-encoding" not in headers:
        lines.append("accept-encoding: gzip, deflate")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + (body or b"")

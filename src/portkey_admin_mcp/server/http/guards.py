"""What every request passes before anybody asks who sent it."""

import asyncio
import ipaddress
import re
from collections.abc import Callable, Iterable
from itertools import accumulate
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...addresses import EVERYWHERE, LOCAL
from ...hosting import Hosting
from .rate_limiter import Limiter, limiter_for
from .request import Refused, is_page, values

__all__ = ["BodyLimit", "HostAndOrigin", "RateLimit", "address_of", "limiter_for", "origin_of"]

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
ORIGIN = re.compile(r"https?://[a-z0-9._\[\]:-]+", re.IGNORECASE | re.ASCII)
PORTS = {"http": 80, "https": 443}

PLAIN = re.compile(r"[\x21-\x7e]{1,200}")
PLAIN_HEADERS = ("mcp-protocol-version", "mcp-session-id", "last-event-id")
"""Headers that reach logs, answers and keys of Redis."""

DEEPEST = 100
BODY_SECONDS = 30
"""For a whole body to arrive; who sends a byte a second keeps nothing of ours for long."""

# A string that never ends reaches to the end, so that no byte is looked at twice.
STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
NOT_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))


class HostAndOrigin:
    """Answers what is addressed to this service, by no page but those that may.

    A page elsewhere can make a browser call a local address, or one that a DNS answer points at
    this machine. FastMCP's HostOriginGuardMiddleware would do less, even when strict: it reads
    the first of several Host headers, takes any port of loopback for the same origin, and
    believes the Host header to know its own address.
    """

    def __init__(self, app: ASGIApp, hosting: Hosting) -> None:
        self.app = app
        named = (*hosting.allowed_hosts, hosting.host, urlsplit(hosting.base_url).hostname or "")
        # What cannot be read as a host fits no request, and `any address` is nobody's name.
        self._hosts = {*LOCAL, *map(_plain_host, named)} - {*EVERYWHERE, None}
        self._origins = {origin_of(url) for url in (*hosting.allowed_origins, hosting.base_url)}
        self._local_scheme = "https" if hosting.tls_cert else "http"
        self._is_loopback = hosting.is_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 421 (host), 403 (origin) or 400 (headers)."""
        if scope["type"] == "websocket":
            # Nothing here speaks it, and the other guards do not know it.
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] == "http":
            try:
                self._require_host(scope)
                self._require_origin(scope)
                _require_plain_headers(scope)
            except Refused as refused:
                return await refused.answer()(scope, receive, send)
        return await self.app(scope, receive, send)

    def _require_host(self, scope: Scope) -> None:
        found = values(scope, "host")
        if len(found) != 1 or _plain_host(found[0]) not in self._hosts:
            raise Refused(
                421,
                "misdirected_request",
                "This service does not answer to the Host of the request; MCP_PUBLIC_BASE_URL and "
                "MCP_ALLOWED_HOSTS say to which it does.",
            )

    def _require_origin(self, scope: Scope) -> None:
        found = values(scope, "origin")
        if not found:
            return
        if len(found) > 1 or not self._is_welcome(found[0], scope):
            raise Refused(
                403,
                "forbidden_origin",
                "Pages of this origin may not call; ALLOWED_ORIGINS names those that may.",
            )

    def _is_welcome(self, origin: str, scope: Scope) -> bool:
        normal = origin_of(origin) if ORIGIN.fullmatch(origin) else None
        if normal is None:
            return False
        if normal in self._origins:
            return True
        port = (scope.get("server") or ("", None))[1]
        own = {origin_of(f"{self._local_scheme}://{host}:{port}") for host in _bracketed(LOCAL)}
        return self._is_loopback and normal in own


class BodyLimit:
    """Takes in the whole body, if it is not too large, too deep or too slow, and hands it on."""

    def __init__(self, app: ASGIApp, most: int, seconds: float = BODY_SECONDS) -> None:
        self.app = app
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 400, 408 or 413."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            _require_one_length(scope)
            async with asyncio.timeout(self._seconds):
                body = await self._read(scope, receive)
            if body is None:
                return None
            _require_shallow(scope, body)
        except TimeoutError:
            late = Refused(408, "request_timeout", "The body did not arrive in time.")
            return await late.answer(Connection="close")(scope, receive, send)
        except Refused as refused:
            # What is still on its way is not read, so the connection is of no more use.
            return await refused.answer(Connection="close")(scope, receive, send)
        return await self.app(scope, _replay(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body, or None from a client that left."""
        announced = values(scope, "content-length")
        self._require_small(int(announced[0]) if announced else 0)
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            self._require_small(len(body))
            if not message.get("more_body", False):
                return bytes(body)

    def _require_small(self, size: int) -> None:
        if size > self._most:
            raise Refused(
                413, "content_too_large", f"A request may have {self._most} bytes at most."
            )


class RateLimit:
    """Lets each key through so many times in a window; see `limiter.Limiter`."""

    def __init__(
        self,
        app: ASGIApp,
        limiter: Limiter,
        most: int,
        key: Callable[[Scope], str],
        exempt: frozenset[str] = frozenset(),
    ) -> None:
        self.app = app
        self._limiter = limiter
        self._most = most
        self._key = key
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 429, and say when to come back."""
        if scope["type"] != "http" or is_page(scope, self._exempt):
            return await self.app(scope, receive, send)
        wait = await self._limiter.wait(self._key(scope), self._most)
        if not wait:
            return await self.app(scope, receive, send)
        refused = Refused(429, "rate_limited", "Too many requests; wait as Retry-After says.")
        # The fields of the IETF's draft for rate limits, told only where somebody must wait: on
        # every answer they would cost a second look at Redis.
        answer = refused.answer(
            Retry_After=str(wait),
            RateLimit_Policy=f'"default";q={self._most};w={self._limiter.window_s}',
            RateLimit=f'"default";r=0;t={wait}',
        )
        return await answer(scope, receive, send)


def address_of(scope: Scope) -> str:
    """Where a request comes from, as a key: of IPv6 the network, since one person has it all."""
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        return "nowhere"
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False).network_address)


def origin_of(url: str) -> str | None:
    """The origin of an address as browsers write it, or None of what is not one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not HOST.fullmatch(parts.netloc):
        return None
    name = f"[{_plain_host(host)}]" if ":" in host else host
    ending = "" if port in (None, PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{name}{ending}"


def _plain_host(host: str) -> str | None:
    """A Host header without port and brackets, one spelling of an address only."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        found = HOST.fullmatch(host)
    if found is None:
        return None
    name = found[1].lower()
    if not name.startswith("["):
        return name
    try:
        return str(ipaddress.IPv6Address(name[1:-1]))
    except ValueError:
        return None


def _bracketed(hosts: Iterable[str]) -> set[str]:
    return {f"[{host}]" if ":" in host else host for host in hosts}


def _require_plain_headers(scope: Scope) -> None:
    for name in PLAIN_HEADERS:
        found = values(scope, name)
        if len(found) > 1 or not all(map(PLAIN.fullmatch, found)):
            raise Refused(
                400,
                "invalid_header",
                f"The header {name} must be sent once, as 1 to 200 visible ASCII characters.",
            )


def _require_one_length(scope: Scope) -> None:
    """Two ways to tell where a body ends let a proxy and this service see two requests."""
    lengths = values(scope, "content-length")
    coded = values(scope, "transfer-encoding")
    wrong = any(not (length.isascii() and length.isdigit()) for length in lengths)
    if wrong or any(len(length) > 18 for length in lengths) or len(lengths) + len(coded) > 1:
        raise Refused(
            400, "invalid_header", "Send one Content-Length, or one Transfer-Encoding, not both."
        )


def _require_shallow(scope: Scope, body: bytes) -> None:
    """Without parsing: a parser that recurses is what deep nesting is aimed at."""
    kinds = {kind.partition(";")[0].strip().lower() for kind in values(scope, "content-type")}
    if "application/json" not in kinds:
        return
    # No JSON in UTF-8 holds a NUL; in UTF-16 every bracket has one, and is not seen below.
    if b"\0" in body:
        raise Refused(400, "invalid_json", "The body is not JSON in UTF-8.")
    steps = STRINGS.sub(b"", body).translate(STEPS, NOT_BRACKETS)
    if max(accumulate(memoryview(steps).cast("b")), default=0) > DEEPEST:
        raise Refused(400, "invalid_json", f"The body is nested deeper than {DEEPEST} levels.")


def _replay(body: bytes, receive: Receive) -> Receive:
    kept: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return kept.pop() if kept else await receive()

    return replayed

"""Middleware before authentication: Host and Origin checks, body limits, rate limits."""

import asyncio
import ipaddress
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import accumulate
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from ....settings.addresses import LOOPBACK_HOSTS, WILDCARD_HOSTS
from ....settings.hosting import Hosting
from ..request import RequestRefused, header_values, is_page, replay_body
from .rate_limiter import RateLimiter, create_rate_limiter

__all__ = [
    "BodyLimit",
    "HostAndOrigin",
    "RateLimit",
    "client_address",
    "create_rate_limiter",
    "origin_of",
]

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
ORIGIN = re.compile(r"https?://[a-z0-9._\[\]:-]+", re.IGNORECASE | re.ASCII)
DEFAULT_PORTS = {"http": 80, "https": 443}

VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,200}")
CHECKED_HEADERS = ("mcp-protocol-version", "mcp-session-id", "last-event-id")
"""Headers that appear in logs, responses and Redis keys, so their characters are restricted."""

JSON_TYPE = re.compile(r"application/json\s*(;\s*charset=(utf-?8|\"utf-8\")\s*)?", re.IGNORECASE)
MAX_JSON_DEPTH = 100
BODY_TIMEOUT_S = 30
"""Seconds in which a whole body must arrive."""

# A string that never ends reaches to the end, so that no byte is looked at twice.
STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
DEPTH_CHANGES = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
NOT_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))


class HostAndOrigin:
    """Refuses requests with a foreign Host header, or from a browser page of a foreign origin.

    A page elsewhere can make a browser call a local address, or one that a DNS answer points at
    this machine. FastMCP's HostOriginGuardMiddleware would do less, even when strict: it reads
    the first of several Host headers, takes any port of loopback for the same origin, and
    believes the Host header to know its own address.
    """

    def __init__(self, app: ASGIApp, hosting: Hosting) -> None:
        self.app = app
        named = (*hosting.allowed_hosts, hosting.host, urlsplit(hosting.base_url).hostname or "")
        # What cannot be read as a host fits no request, and `any address` is nobody's name.
        self._hosts = {*LOOPBACK_HOSTS, *map(_normalized_host, named)} - {*WILDCARD_HOSTS, None}
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
                _require_visible_ascii(scope)
            except RequestRefused as refused:
                return await refused.response()(scope, receive, send)
        return await self.app(scope, receive, send)

    def _require_host(self, scope: Scope) -> None:
        found = header_values(scope, "host")
        if len(found) != 1 or _normalized_host(found[0]) not in self._hosts:
            raise RequestRefused(
                421,
                "misdirected_request",
                "This service does not answer to the Host of the request; MCP_PUBLIC_BASE_URL and "
                "MCP_ALLOWED_HOSTS say to which it does.",
            )

    def _require_origin(self, scope: Scope) -> None:
        found = header_values(scope, "origin")
        if not found:
            return
        if len(found) > 1 or not self._is_allowed_origin(found[0], scope):
            raise RequestRefused(
                403,
                "forbidden_origin",
                "Pages of this origin may not call; ALLOWED_ORIGINS names those that may.",
            )

    def _is_allowed_origin(self, origin: str, scope: Scope) -> bool:
        normal = origin_of(origin) if ORIGIN.fullmatch(origin) else None
        if normal is None:
            return False
        if normal in self._origins:
            return True
        port = (scope.get("server") or ("", None))[1]
        own_origins = {
            origin_of(f"{self._local_scheme}://{host}:{port}")
            for host in _bracketed(LOOPBACK_HOSTS)
        }
        return self._is_loopback and normal in own_origins


class BodyLimit:
    """Reads the whole body and refuses what is too large or too slow, no JSON, or too deep."""

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float = BODY_TIMEOUT_S) -> None:
        self.app = app
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 400, 408, 413 or 415."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            _require_one_length(scope)
            async with asyncio.timeout(self._seconds):
                body = await self._read(scope, receive)
            if body is None:
                return None
            if body:
                _require_json(scope)
            _require_shallow(body)
        except TimeoutError:
            timed_out = RequestRefused(408, "request_timeout", "The body did not arrive in time.")
            return await timed_out.response(Connection="close")(scope, receive, send)
        except RequestRefused as refused:
            # What is still on its way is not read, so the connection is of no more use.
            return await refused.response(Connection="close")(scope, receive, send)
        return await self.app(scope, replay_body(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body, or None from a client that left."""
        announced = header_values(scope, "content-length")
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
        if size > self._max_bytes:
            raise RequestRefused(
                413,
                "content_too_large",
                f"A request may have {self._max_bytes} bytes at max_bytes.",
            )


class RateLimit:
    """Allows each key so many requests in a window; see `rate_limiter.RateLimiter`."""

    def __init__(
        self,
        app: ASGIApp,
        limiter: RateLimiter,
        limit: int,
        key: Callable[[Scope], str],
        exempt: frozenset[str] = frozenset(),
    ) -> None:
        self.app = app
        self._limiter = limiter
        self._limit = limit
        self._key = key
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 429 and Retry-After."""
        if scope["type"] != "http" or is_page(scope, self._exempt):
            return await self.app(scope, receive, send)
        wait = await self._limiter.hit(self._key(scope), self._limit)
        if not wait:
            return await self.app(scope, receive, send)
        refused = RequestRefused(
            429, "rate_limited", "Too many requests; wait as Retry-After says."
        )
        # The fields of the IETF's draft for rate limits, told only where somebody must wait: on
        # every answer they would cost a second look at Redis.
        answer = refused.response(
            Retry_After=str(wait),
            RateLimit_Policy=f'"default";q={self._limit};w={self._limiter.window_s}',
            RateLimit=f'"default";r=0;t={wait}',
        )
        return await answer(scope, receive, send)


def client_address(scope: Scope) -> str:
    """The client's address for rate limiting; of IPv6 its /64 network, which one host controls."""
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
    if parts.scheme not in DEFAULT_PORTS or not HOST.fullmatch(parts.netloc):
        return None
    name = f"[{_normalized_host(host)}]" if ":" in host else host
    ending = "" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{name}{ending}"


@lru_cache(maxsize=256)
def _normalized_host(host: str) -> str | None:
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


def _require_visible_ascii(scope: Scope) -> None:
    for name in CHECKED_HEADERS:
        found = header_values(scope, name)
        if len(found) > 1 or not all(map(VISIBLE_ASCII.fullmatch, found)):
            raise RequestRefused(
                400,
                "invalid_header",
                f"The header {name} must be sent once, as 1 to 200 visible ASCII characters.",
            )


def _require_one_length(scope: Scope) -> None:
    """Refuse an ambiguous body length, against request smuggling; raises RequestRefused (400)."""
    lengths = header_values(scope, "content-length")
    coded = header_values(scope, "transfer-encoding")
    wrong = any(not (length.isascii() and length.isdigit()) for length in lengths)
    if wrong or any(len(length) > 18 for length in lengths) or len(lengths) + len(coded) > 1:
        raise RequestRefused(
            400, "invalid_header", "Send one Content-Length, or one Transfer-Encoding, not both."
        )


def _require_json(scope: Scope) -> None:
    """Refuse a body that says it is anything but JSON; raises RequestRefused (415).

    The SDK takes a list of types that holds JSON for JSON.
    """
    kinds = header_values(scope, "content-type")
    if len(kinds) != 1 or not JSON_TYPE.fullmatch(kinds[0]):
        raise RequestRefused(
            415, "unsupported_media_type", "Send the body as Content-Type: application/json."
        )


def _require_shallow(body: bytes) -> None:
    """Check the nesting depth of JSON without parsing, since deep nesting attacks the parser."""
    # No JSON in UTF-8 holds a NUL; in UTF-16 every bracket has one, and is not seen below.
    if b"\0" in body:
        raise RequestRefused(400, "invalid_json", "The body is not JSON in UTF-8.")
    steps = STRINGS.sub(b"", body).translate(DEPTH_CHANGES, NOT_BRACKETS)
    if max(accumulate(memoryview(steps).cast("b")), default=0) > MAX_JSON_DEPTH:
        raise RequestRefused(
            400, "invalid_json", f"The body is nested deeper than {MAX_JSON_DEPTH} levels."
        )

"""Middleware that checks Host, Origin and the headers that must not be ambiguous."""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from ....settings.addresses import APP_ORIGIN, HOST_HEADER, LOOPBACK_HOSTS, WILDCARD_HOSTS
from ....settings.hosting import Hosting
from ..pages.paths import DOCUMENTS, HEALTH_CHECKS
from ..request import RequestRefused, header_values, is_page, is_public_document

ORIGIN = re.compile(r"https?://[a-z0-9._\[\]:-]+", re.IGNORECASE | re.ASCII)
DEFAULT_PORTS = {"http": 80, "https": 443}

MAX_LENGTH_DIGITS = 18
VISIBLE_ASCII = re.compile(rb"[\x21-\x7e]{1,200}")
CHECKED_HEADERS = (b"mcp-protocol-version", b"mcp-session-id", b"last-event-id")
"""Headers that appear in logs, responses and Redis keys, so their characters are restricted."""


class HostAndOrigin:
    """Refuses requests with a foreign Host header, or from a browser page of a foreign origin.

    A page of a foreign origin can make a browser call a local address, or call this machine by a
    name whose DNS entry points here. The SDK's own check is weaker: it reads the first of several
    Host headers. Pages for health checks answer for every host, because load balancers send the
    address of an instance. Public documents are answered to pages of every origin.
    """

    def __init__(self, app: ASGIApp, hosting: Hosting) -> None:
        self.app = app
        names = (*hosting.allowed_hosts, hosting.host, urlsplit(hosting.base_url).hostname or "")
        # None is a name that cannot be read as a host; wildcard addresses name no host.
        self._hosts = {*LOOPBACK_HOSTS, *map(_normalized_host, names)} - {*WILDCARD_HOSTS, None}
        self._origins = {origin_of(url) for url in (*hosting.allowed_origins, hosting.base_url)}
        self._local_scheme = "https" if hosting.tls_cert else "http"
        self._is_loopback = hosting.is_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 421 (host), 403 (origin) or 400 (headers)."""
        if scope["type"] == "websocket":
            # The service has no WebSocket endpoint, and the other middleware does not check them.
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] == "http":
            try:
                _require_one_length(scope)
                if not is_page(scope, HEALTH_CHECKS):
                    self._require_host(scope)
                if not is_public_document(scope, DOCUMENTS):
                    self._require_origin(scope)
                _require_visible_ascii(scope)
            except RequestRefused as refused:
                return await refused.response()(scope, receive, send)
        return await self.app(scope, receive, send)

    def _require_host(self, scope: Scope) -> None:
        hosts = header_values(scope, "host")
        if len(hosts) != 1 or _normalized_host(hosts[0]) not in self._hosts:
            raise RequestRefused(
                421,
                "misdirected_request",
                "The Host header names a host that this service does not serve; add it to "
                "MCP_ALLOWED_HOSTS, or set MCP_PUBLIC_BASE_URL.",
            )

    def _require_origin(self, scope: Scope) -> None:
        origins = header_values(scope, "origin")
        if not origins:
            return
        if len(origins) > 1 or not self._is_allowed_origin(origins[0], scope):
            raise RequestRefused(
                403,
                "forbidden_origin",
                "Pages of this Origin may not call this service; add it to ALLOWED_ORIGINS.",
            )

    def _is_allowed_origin(self, origin: str, scope: Scope) -> bool:
        is_origin = ORIGIN.fullmatch(origin) or APP_ORIGIN.fullmatch(origin)
        normalized = origin_of(origin) if is_origin else None
        if normalized is None:
            return False
        if normalized in self._origins:
            return True
        port = (scope.get("server") or ("", None))[1]
        local_origins = {
            origin_of(f"{self._local_scheme}://{host}:{port}")
            for host in _bracketed(LOOPBACK_HOSTS)
        }
        return self._is_loopback and normalized in local_origins


def origin_of(url: str) -> str | None:
    """The origin of a URL as browsers write it, or None if it has none."""
    if APP_ORIGIN.fullmatch(url.rstrip("/")):
        return url.rstrip("/")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not HOST_HEADER.fullmatch(parts.netloc):
        return None
    name = f"[{_normalized_host(host)}]" if ":" in host else host
    suffix = "" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{name}{suffix}"


@lru_cache(maxsize=256)
def _normalized_host(host: str) -> str | None:
    """A Host header without port and brackets, in one spelling per address; None if invalid."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        match = HOST_HEADER.fullmatch(host)
    if match is None:
        return None
    name = match[1].lower()
    if not name.startswith("["):
        return name
    try:
        return str(ipaddress.IPv6Address(name[1:-1]))
    except ValueError:
        return None


def _bracketed(hosts: Iterable[str]) -> set[str]:
    """Hosts as they are written in a URL: IPv6 addresses in brackets."""
    return {f"[{host}]" if ":" in host else host for host in hosts}


def _require_one_length(scope: Scope) -> None:
    """Refuse an ambiguous body length, against request smuggling; raises RequestRefused (400)."""
    lengths = header_values(scope, "content-length")
    encodings = header_values(scope, "transfer-encoding")
    is_invalid = any(
        not (length.isascii() and length.isdigit()) or len(length) > MAX_LENGTH_DIGITS
        for length in lengths
    )
    if is_invalid or len(lengths) + len(encodings) > 1:
        raise RequestRefused(
            400,
            "invalid_header",
            "Send one Content-Length or one Transfer-Encoding, not both.",
            # Where the next request begins is not certain.
            {"Connection": "close"},
        )


def _require_visible_ascii(scope: Scope) -> None:
    checked = set()
    for name, value in scope["headers"]:
        if name not in CHECKED_HEADERS:
            continue
        if name in checked or not VISIBLE_ASCII.fullmatch(value):
            raise RequestRefused(
                400,
                "invalid_header",
                f"The header {name.decode()} must be sent once, as 1 to 200 visible ASCII "
                "characters.",
            )
        checked.add(name)

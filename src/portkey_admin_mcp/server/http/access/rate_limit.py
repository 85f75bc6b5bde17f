"""Middleware that limits how often one client may call."""

import ipaddress
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from ..request import RequestRefused, is_page
from .rate_limiter import RateLimiter


class RateLimit:
    """Allows `limit` requests per key in a window; see `rate_limiter.RateLimiter`."""

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
        wait_s = await self._limiter.hit(self._key(scope), self._limit)
        if not wait_s:
            return await self.app(scope, receive, send)
        refused = RequestRefused(
            429, "rate_limited", "Too many requests; wait the number of seconds in Retry-After."
        )
        # The fields of the IETF draft on rate limits. Only a refusal has them: on every response
        # they would cost another request to Redis.
        response = refused.response(
            Retry_After=str(wait_s),
            RateLimit_Policy=f'"default";q={self._limit};w={self._limiter.window_s}',
            RateLimit=f'"default";r=0;t={wait_s}',
        )
        return await response(scope, receive, send)


def client_address(scope: Scope) -> str:
    """The client's address for rate limiting; for IPv6 its /64 network, which one host controls."""
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

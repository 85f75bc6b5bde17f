"""The hosted service, assembled: guards, authentication, `/mcp`, pages."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.http import RequestContextMiddleware
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ... import __version__
from ...catalog import Tool
from ...hosting import Hosting
from .auth import Authentication, authenticator_for, challenge_url, metadata_route
from .event_log import Events, events_for
from .guards import BodyLimit, HostAndOrigin, RateLimit, address_of, origin_of
from .metrics import Metrics
from .pages import Facts, page_routes
from .paths import MCP, PAGES
from .principal import principal_of
from .rate_limiter import limiter_for
from .readiness import Check
from .resumption import Resume
from .sessions import Sessions
from .telemetry import start_telemetry
from .tool_call_metrics import Counted
from .toolset_filter import Narrow, Narrowed

UNCOUNTED = frozenset({"/health", "/ready"})
EXPOSED = ["mcp-session-id", "mcp-protocol-version", "www-authenticate", "retry-after"]


class Endpoint:
    """`/mcp`: a client that comes back is resumed, anything else goes to the sessions."""

    def __init__(self, sessions: Sessions, resume: Resume | None) -> None:
        self._sessions = sessions
        self._resume = resume

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        returning = any(name == b"last-event-id" for name, _ in scope["headers"])
        if scope["method"] != "GET" or not (returning or self._sessions.stateless):
            await self._sessions(scope, receive, send)
        elif returning and self._resume is not None:
            await self._resume(scope, receive, send)
        else:
            # Without sessions or without a store there is nothing to listen to.
            refused = PlainTextResponse("Method Not Allowed", 405, {"allow": "POST"})
            await refused(scope, receive, send)


class Service:
    """Everything of one running instance that must be started and stopped."""

    def __init__(self, server: FastMCP, hosting: Hosting) -> None:
        self.hosting = hosting
        self.events: Events | None = events_for(hosting)
        self.limiter = limiter_for(hosting)
        # A low-level server of the SDK will do too: the conformance suite brings one.
        self.sessions = Sessions(getattr(server, "_mcp_server", server), hosting, self.events)
        self.resume = None if self.events is None else Resume(self.events)
        self.telemetry = start_telemetry() if hosting.otlp_endpoint else None
        self.metrics = Metrics(lambda: self.sessions.open_sessions) if hosting.metrics else None

    async def stop_streams(self) -> None:
        """Close what would otherwise never end; calls in flight go on."""
        if self.resume is not None:
            self.resume.end()
        await self.sessions.end_streams()

    @asynccontextmanager
    async def running(self, _app: Any) -> AsyncIterator[None]:
        """Between start and stop of the application."""
        # It would cut the answers to calls in flight; we end what has no end, and only that.
        AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]  # not typed
        async with self.sessions.run():
            yield
            await self.stop_streams()
        if self.telemetry is not None:
            self.telemetry.close()
        await self.limiter.close()
        if self.events is not None:
            await self.events.close()


def build_http(
    server: FastMCP,
    tools: list[Tool],
    hosting: Hosting,
    *,
    sandbox: bool = False,
    portkey_reached: Callable[[], Awaitable[None]] | None = None,
) -> Starlette:
    """Serve this MCP server over HTTP; `portkey_reached` raises when Portkey is not."""
    service = Service(server, hosting)
    domains = dict(Counter(tool.domain for tool in tools))
    endpoint: ASGIApp = Endpoint(service.sessions, service.resume)
    if tools:
        server.add_middleware(Narrowed(tools))
        endpoint = Narrow(endpoint, list(domains))
    if service.metrics is not None and tools:
        server.add_middleware(Counted(service.metrics, {tool.name for tool in tools}))
    checks: dict[str, Check] = {}
    if service.events is not None:
        checks["event store"] = service.events.ping
    if portkey_reached is not None and hosting.ready_check == "portkey":
        checks["portkey"] = portkey_reached
    facts = Facts(
        version=__version__,
        sandbox=sandbox,
        domains=domains,
        sessions=lambda: service.sessions.open_sessions,
        started=time.time(),
        checks=checks,
    )
    app = Starlette(
        routes=[
            Route(MCP, endpoint=endpoint, methods=["GET", "POST", "DELETE"]),
            *metadata_route(hosting),
            *page_routes(hosting, facts, service.metrics),
        ],
        middleware=_guards(service),
        lifespan=service.running,
    )
    # `/mcp/` is not `/mcp`, and a redirect would carry a POST elsewhere.
    app.router.redirect_slashes = False
    app.state.service = service
    return app


def _guards(service: Service) -> list[Middleware]:
    """From the outermost in."""
    hosting = service.hosting
    guards = [
        Middleware(_Trimmed),
        Middleware(ProxyHeadersMiddleware, trusted_hosts=list(hosting.trust_proxy)),
        Middleware(HostAndOrigin, hosting=hosting),
        Middleware(
            CORSMiddleware,
            # As browsers write them: Starlette compares letter by letter.
            allow_origins=[origin_of(origin) or origin for origin in hosting.allowed_origins],
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
        ),
        *_counted(service, hosting.rate_per_address, _by_address, UNCOUNTED),
        Middleware(BodyLimit, most=hosting.max_body_bytes),
        Middleware(
            Authentication,
            authenticate=authenticator_for(hosting),
            challenge_url=challenge_url(hosting),
            public=PAGES,
        ),
        *_counted(service, hosting.rate_per_principal, _by_principal, PAGES),
        Middleware(RequestContextMiddleware),
    ]
    if service.metrics is not None:
        guards.insert(0, Middleware(_Measured, metrics=service.metrics))
    if service.telemetry is not None:
        guards.insert(0, service.telemetry.middleware)
    return guards


class _Trimmed:
    """Takes off the blanks after a header's value, which httptools leaves and which are no part."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its values as they are meant (RFC 9110, 5.5)."""
        if scope["type"] == "http":
            headers = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, send)


class _Measured:
    """Metrics as a middleware that Starlette can make."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._counted = metrics.middleware(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what is answered."""
        await self._counted(scope, receive, send)


def _counted(
    service: Service, most: int, key: Callable[[Scope], str], exempt: frozenset[str]
) -> list[Middleware]:
    if not service.hosting.rate_limit:
        return []
    return [Middleware(RateLimit, limiter=service.limiter, most=most, key=key, exempt=exempt)]


def _by_address(scope: Scope) -> str:
    return f"address:{address_of(scope)}"


def _by_principal(scope: Scope) -> str:
    return f"principal:{principal_of(scope).mark}"

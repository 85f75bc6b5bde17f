"""The ASGI application of the hosted service: middleware, `/mcp`, pages, lifespan."""

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcp.server import Server
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ... import __version__
from ...safety.secret_sink_page import SecretPages
from ...settings.hosting import Hosting
from ..calls.tool_calls import ToolCalls
from ..fastpath.answers import FastPath
from .access.auth import Authentication, challenge_url, create_authenticator, metadata_route
from .access.body_limit import BodyLimit, EarlyResponses
from .access.browser_cors import BrowserCors, HeaderWhitespace
from .access.caller_key import CallerKeys, CallerKeySelection
from .access.host_and_origin import HostAndOrigin, origin_of
from .access.principal import principal_of
from .access.rate_limit import RateLimit, client_address
from .access.rate_limiter import create_rate_limiter
from .events.event_log import EventLog
from .events.memory_log import MemoryEventLog
from .events.resumption import StreamResumption
from .fast_endpoint import FastPathEndpoint
from .pages.approvals import Approvals
from .pages.metrics import Metrics
from .pages.paths import HEALTH_CHECKS, MCP, PAGES
from .pages.readiness import Check
from .pages.routes import page_routes
from .pages.secret_page import secret_routes
from .pages.service_info import ServiceInfo
from .pages.tools_page import tools_routes
from .sdk_guard import SdkGuard
from .sessions.sessions import Sessions
from .telemetry import start_telemetry
from .toolset_selection import ToolsetSelection

MCP_METHODS = ["GET", "POST", "DELETE"]
LOSSES = {
    "event store": "Calls work; broken streams cannot be resumed.",
    "rate limits": "Calls work; they are not limited.",
}
"""What does not work while a part is unreachable that calls can do without."""

MAX_KEYS_FACTOR = 4
"""Requests that a principal may make with all its keys, as a multiple of those with one key."""
EXPOSED_HEADERS = ["mcp-session-id", "mcp-protocol-version", "www-authenticate", "retry-after"]


class Endpoint:
    """`/mcp`: a GET with Last-Event-ID resumes a stream, anything else goes to the sessions."""

    def __init__(self, sessions: Sessions, resumption: StreamResumption | None) -> None:
        self._sessions = sessions
        self._resumption = resumption

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_resumption = any(name == b"last-event-id" for name, _ in scope["headers"])
        if scope["method"] != "GET" or not (is_resumption or self._sessions.stateless):
            await self._sessions(scope, receive, send)
        elif is_resumption and self._resumption is not None:
            await self._resumption(scope, receive, send)
        else:
            # Without sessions or without an event store there is no stream to open.
            refused = PlainTextResponse("Method Not Allowed", 405, {"allow": "POST"})
            await refused(scope, receive, send)


class Service:
    """The parts of one running instance that are started and stopped with it."""

    def __init__(
        self,
        server: Server[Any],
        hosting: Hosting,
        keys: CallerKeys,
        approvals: Approvals | None = None,
        secret_pages: SecretPages | None = None,
    ) -> None:
        self.hosting = hosting
        self.keys = keys
        self.approvals = approvals
        self.secret_pages = secret_pages
        self.on_stop: Callable[[], None] = lambda: None
        """Called when all calls have ended."""
        self.events: EventLog | None = _event_log(hosting)
        self.limiter = create_rate_limiter(hosting)
        self.sessions = Sessions(server, hosting, self.events)
        self.resumption = None if self.events is None else StreamResumption(self.events)
        self.telemetry = start_telemetry() if hosting.otlp_endpoint else None
        self.metrics = Metrics(lambda: self.sessions.open_sessions) if hosting.metrics else None
        self._finishing: asyncio.Task[None] | None = None

    async def close_streams(self) -> None:
        """Close event streams, which would never end by themselves; running calls go on."""
        if self.resumption is not None:
            self.resumption.close_streams()
        await self.sessions.close_streams()

    def finish_calls(self, timeout_s: float) -> asyncio.Task[None]:
        """Wait this long for running calls, then answer the others with an error.

        Called again, it returns the same task.
        """
        if self._finishing is None:
            self._finishing = asyncio.create_task(self._finish_calls(timeout_s))
        return self._finishing

    async def _finish_calls(self, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.sessions.all_answered()
        await self.sessions.end_calls()

    @asynccontextmanager
    async def running(self, _app: Any) -> AsyncIterator[None]:
        """The ASGI lifespan: run the sessions, then close streams, limiter and event log."""
        # sse-starlette would also cut the answers to running calls; we end only endless streams.
        AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]  # not typed
        async with self.sessions.run():
            yield
            await self.close_streams()
            # Another ASGI server than ours has waited for its connections already.
            await self.finish_calls(0)
        if self.telemetry is not None:
            self.telemetry.close()
        if self.metrics is not None:
            self.metrics.close()
        self.on_stop()
        await self.limiter.close()
        if self.approvals is not None:
            await self.approvals.close()
        if self.secret_pages is not None:
            await self.secret_pages.close()
        if self.events is not None:
            await self.events.close()


def build_http(
    server: Server[Any],
    hosting: Hosting,
    *,
    calls: ToolCalls | None = None,
    fast_path: FastPath | None = None,
    sandbox: bool = False,
    check_portkey: Callable[[], Awaitable[None]] | None = None,
    approvals: Approvals | None = None,
    secret_pages: SecretPages | None = None,
    keys: CallerKeys | None = None,
    on_stop: Callable[[], None] | None = None,
) -> Starlette:
    """Serve this MCP server over HTTP.

    `calls` are the tool calls of the server, which are counted and limited to toolsets. With
    `fast_path`, it answers plain requests before the server. `check_portkey` raises if Portkey
    cannot be reached. `approvals` are those of the changes that its tools make, and `secret_pages`
    hold the secrets that `/secret` shows. `keys` chooses the Portkey key of each request. `on_stop`
    is called when the service stops and all calls have ended.
    """
    keys = keys or CallerKeys(hosting, os.urandom(32))
    service = Service(server, hosting, keys, approvals, secret_pages)
    if on_stop is not None:
        service.on_stop = on_stop
    tools = {} if calls is None else calls.offer.tools
    domains = dict(Counter(tool.domain for tool in tools.values()))
    endpoint: ASGIApp = SdkGuard(Endpoint(service.sessions, service.resumption))
    if fast_path is not None and service.telemetry is None:  # the SDK's server makes the traces
        endpoint = FastPathEndpoint(
            endpoint, fast_path, service.sessions, resumable=service.events is not None
        )
    if calls is not None:
        endpoint = ToolsetSelection(endpoint, list(domains))
        if service.metrics is not None:
            calls.observers.append(service.metrics.tool_called)
    endpoint = _with_caller_key(service, endpoint)
    checks: dict[str, Check] = {}
    if service.events is not None:
        checks["event store"] = service.events.ping
    if hosting.rate_limit and hosting.rate_store == "redis":
        checks["rate limits"] = service.limiter.ping
    if check_portkey is not None and hosting.ready_check == "portkey":
        checks["portkey"] = check_portkey
    info = ServiceInfo(
        version=__version__,
        sandbox=sandbox,
        domains=domains,
        digest=lambda: "" if calls is None else calls.offer.digest,
        sessions=lambda: service.sessions.open_sessions,
        started=time.time(),
        checks=checks,
        losses=LOSSES,
    )
    app = Starlette(
        routes=[
            *(Route(path, endpoint=endpoint, methods=MCP_METHODS) for path in (MCP, f"{MCP}/")),
            *metadata_route(hosting),
            *page_routes(hosting, info, service.metrics),
            *tools_routes(hosting, info, calls),
            *(() if approvals is None else approvals.routes()),
            *secret_routes(secret_pages),
        ],
        middleware=_middleware(service),
        lifespan=service.running,
    )
    # Not even another path is redirected: a POST would be sent again elsewhere.
    app.router.redirect_slashes = False
    app.state.service = service
    return app


def _event_log(hosting: Hosting) -> EventLog | None:
    """The event log that MCP_EVENT_STORE selects; None if it is off."""
    if hosting.event_store == "off":
        return None
    if hosting.event_store == "memory":
        return MemoryEventLog(hosting)
    from .events.redis_log import RedisEventLog  # imported here, since few need a client of Redis

    return RedisEventLog(hosting)


def _middleware(service: Service) -> list[Middleware]:
    """The middleware, outermost first."""
    hosting = service.hosting
    middleware = [
        Middleware(HeaderWhitespace),
        Middleware(ProxyHeadersMiddleware, trusted_hosts=list(hosting.trust_proxy)),
        Middleware(HostAndOrigin, hosting=hosting),
        Middleware(
            BrowserCors,
            # As browsers write them: Starlette compares letter by letter.
            allow_origins=[origin_of(origin) or origin for origin in hosting.allowed_origins],
            allow_methods=MCP_METHODS,
            allow_headers=["*"],
            expose_headers=EXPOSED_HEADERS,
        ),
        *_rate_limit(service, hosting.rate_per_address, _address_key, HEALTH_CHECKS),
        # Before the body is read: a client without a token must not make the service keep a body.
        Middleware(
            Authentication,
            authenticate=create_authenticator(hosting),
            challenge_url=challenge_url(hosting),
            public=PAGES,
            scopes=hosting.scopes,
        ),
        *_limit_of_principal(service),
        Middleware(BodyLimit, max_bytes=hosting.max_body_bytes),
    ]
    if service.metrics is not None:
        middleware.insert(0, Middleware(_RequestMetrics, metrics=service.metrics))
    middleware.insert(0, Middleware(EarlyResponses))
    if service.telemetry is not None:
        middleware.insert(0, service.telemetry.middleware)
    return middleware


class _RequestMetrics:
    """The request metrics as a middleware class, which Starlette instantiates."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = metrics.middleware(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the response and its duration."""
        await self._app(scope, receive, send)


def _rate_limit(
    service: Service, limit: int, key: Callable[[Scope], str], exempt: frozenset[str]
) -> list[Middleware]:
    if not service.hosting.rate_limit:
        return []
    return [Middleware(RateLimit, limiter=service.limiter, limit=limit, key=key, exempt=exempt)]


def _limit_of_principal(service: Service) -> list[Middleware]:
    """The limit by principal. Callers with several keys are counted for each key, after this.

    All keys of one principal together are limited before the key is looked at: a new key in each
    request would be no limit.
    """
    hosting = service.hosting
    factor = 1 if hosting.key_mode == "server" else MAX_KEYS_FACTOR
    return _rate_limit(service, factor * hosting.rate_per_principal, _principal_key, PAGES)


def _with_caller_key(service: Service, endpoint: ASGIApp) -> ASGIApp:
    """The endpoint with the choice of the key before it, and with the limit by key."""
    hosting = service.hosting
    if hosting.rate_limit and hosting.key_mode != "server":  # else each principal has one key
        limit = hosting.rate_per_principal
        endpoint = RateLimit(endpoint, service.limiter, limit, _caller_key)
    return CallerKeySelection(endpoint, service.keys)


def _address_key(scope: Scope) -> str:
    return f"address:{client_address(scope)}"


def _principal_key(scope: Scope) -> str:
    return f"principal:{principal_of(scope).fingerprint}"


def _caller_key(scope: Scope) -> str:
    principal = principal_of(scope)
    return f"caller:{principal.fingerprint}:{principal.key}"

"""The routes of all public pages, and those that answer JSON: `/health`, `/ready`, `/auth/info`."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....settings.hosting import Hosting
from ..access.auth import challenge_url
from ..access.caller_key import HEADER_NAME
from .metrics import Metrics
from .paths import MCP
from .readiness import Readiness
from .service_info import ServiceInfo
from .status_page import NO_STORE, status_page

SIGN_IN_INSTRUCTIONS = {
    "none": "No token is needed.",
    "bearer": "Send your token in the Authorization header, after the word Bearer.",
    "clerk": "Send a token that Clerk issued in the Authorization header, after the word Bearer; "
    "clients that support OAuth get one by themselves from the resource metadata.",
}

KEY_INSTRUCTIONS = {
    "server": "Requests use this service's Portkey key, or the one that is configured for you; do "
    "not send one.",
    "caller": "Send your own Portkey API key with every request, unless one is configured for you.",
    "either": "Send your own Portkey API key with every request, or none to use this service's.",
}

Page = Callable[[Request], Awaitable[Response]]


def page_routes(hosting: Hosting, info: ServiceInfo, metrics: Metrics | None = None) -> list[Route]:
    """The routes of the pages; with `metrics`, `/metrics` is one of them."""
    routes = [
        Route("/", status_page(hosting, info)),
        Route("/health", _health(info)),
        Route("/ready", _ready(hosting, info)),
        Route("/auth/info", _auth_info(hosting)),
    ]
    if metrics is not None:
        routes.append(Route("/metrics", metrics.page))
    return routes


def _health(info: ServiceInfo) -> Page:
    async def health(_request: Request) -> Response:
        return _json_response({"status": "ok", "version": info.version})

    return health


def _ready(hosting: Hosting, info: ServiceInfo) -> Page:
    readiness = Readiness(info.checks)

    async def ready(_request: Request) -> Response:
        results = await readiness.run_checks()
        is_ready = all(result.ok for result in results.values())
        content = {
            "status": "ready" if is_ready else "not ready",
            "sessions": _sessions(hosting, info),
            "event_store": hosting.event_store,
            "checks": {
                name: {"status": "ok" if result.ok else "unreachable", "ms": result.ms}
                for name, result in results.items()
            },
        }
        return _json_response(content, 200 if is_ready else 503)

    return ready


def _sessions(hosting: Hosting, info: ServiceInfo) -> dict[str, Any]:
    if hosting.session_mode == "stateless":
        return {"mode": "stateless"}
    return {"mode": "stateful", "open": info.sessions(), "max": hosting.max_sessions}


def _auth_info(hosting: Hosting) -> Page:
    content: dict[str, Any] = {
        "mode": hosting.auth_mode,
        "endpoint": f"{hosting.base_url}{MCP}",
        "how": SIGN_IN_INSTRUCTIONS[hosting.auth_mode],
    }
    content["portkey_key"] = {
        "mode": hosting.key_mode,
        "how": KEY_INSTRUCTIONS[hosting.key_mode],
        **({} if hosting.key_mode == "server" else {"header": f"{HEADER_NAME}: KEY"}),
    }
    if hosting.auth_mode != "none":
        content["header"] = "Authorization: Bearer TOKEN"
    if hosting.auth_mode == "clerk":
        content["issuer"] = hosting.clerk_issuer or ""
        content["resource_metadata"] = challenge_url(hosting) or ""

    async def auth_info(_request: Request) -> Response:
        return _json_response(content)

    return auth_info


def _json_response(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, headers=NO_STORE)

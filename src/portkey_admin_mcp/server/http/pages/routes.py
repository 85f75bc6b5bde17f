"""The routes of all public pages, and those that answer JSON: `/health`, `/ready`, `/auth/info`."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....clients.servers import KEY_HEADER
from ....settings.hosting import Hosting
from ..access.auth import challenge_url
from .approvals_page import approvals_page
from .headers import NO_STORE
from .metrics import Metrics
from .paths import APPROVALS, MCP
from .readiness import CheckResult, Readiness
from .server_card import card_routes
from .service_info import ServiceInfo
from .status_page import status_page

SIGN_IN_INSTRUCTIONS = {
    "none": "No token is needed.",
    "bearer": "Send your token in the Authorization header, after the word Bearer.",
    "clerk": "Send a token that Clerk issued in the Authorization header, after the word Bearer; "
    "clients that support OAuth get one by themselves from the resource metadata.",
    "oidc": "Send an access token of the issuer in the Authorization header, after the word "
    "Bearer; clients that support OAuth get one by themselves from the resource metadata.",
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
        Route("/auth/info", _auth_info(hosting, info)),
        Route(APPROVALS, approvals_page(hosting, info)),
        *card_routes(hosting, info.version),
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
        failed = {name for name, result in results.items() if not result.ok}
        can_serve = failed <= info.losses.keys()
        content = {
            "status": ("degraded" if failed else "ready") if can_serve else "not ready",
            "sessions": _sessions(hosting, info),
            "event_store": hosting.event_store,
            "checks": {
                name: _check_content(result, info.losses.get(name))
                for name, result in results.items()
            },
        }
        return _json_response(content, 200 if can_serve else 503)

    return ready


def _check_content(result: CheckResult, loss: str | None) -> dict[str, Any]:
    content = {"status": "ok" if result.ok else "unreachable", "ms": result.ms}
    return content if result.ok or loss is None else {**content, "loss": loss}


def _sessions(hosting: Hosting, info: ServiceInfo) -> dict[str, Any]:
    if hosting.session_mode == "stateless":
        return {"mode": "stateless"}
    return {"mode": "stateful", "open": info.sessions(), "max": hosting.max_sessions}


def _auth_info(hosting: Hosting, info: ServiceInfo) -> Page:
    content: dict[str, Any] = {
        "mode": hosting.auth_mode,
        "endpoint": f"{hosting.base_url}{MCP}",
        "how": SIGN_IN_INSTRUCTIONS[hosting.auth_mode],
    }
    content["portkey_key"] = {
        "mode": hosting.key_mode,
        "how": KEY_INSTRUCTIONS[hosting.key_mode],
        **({} if hosting.key_mode == "server" else {"header": f"{KEY_HEADER}: KEY"}),
    }
    if hosting.auth_mode != "none":
        content["header"] = "Authorization: Bearer TOKEN"
    if hosting.issuer is not None:
        content["issuer"] = hosting.issuer
        content["resource_metadata"] = challenge_url(hosting) or ""

    async def auth_info(_request: Request) -> Response:
        return _json_response({**content, "tools_digest": info.digest()})

    return auth_info


def _json_response(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, headers=NO_STORE)

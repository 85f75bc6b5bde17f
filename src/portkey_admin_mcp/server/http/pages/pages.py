"""The public pages: `/health`, `/ready`, `/auth/info` and the status page at `/`."""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from ....settings.hosting import Hosting
from ..access.auth import challenge_url
from .client_configs import TOKEN_VARIABLE, client_configs
from .metrics import Metrics
from .paths import MCP
from .readiness import Check, Readiness

NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

SIGN_IN_INSTRUCTIONS = {
    "none": "No token is needed.",
    "bearer": "Send the token you were given in the header Authorization, after the word Bearer.",
    "clerk": "Send a token that Clerk issued in the header Authorization, after the word Bearer; "
    "clients that know OAuth find the rest in the metadata.",
}

Page = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class ServiceInfo:
    """What the pages show of the running service, besides its settings."""

    version: str
    sandbox: bool
    domains: dict[str, int]
    """How many tools each has."""
    sessions: Callable[[], int]
    """How many are open."""
    started: float
    """In seconds since 1970."""
    checks: dict[str, Check] = field(default_factory=dict)
    """What `/ready` looks at besides this process, like `redis`."""


def page_routes(hosting: Hosting, info: ServiceInfo, metrics: Metrics | None = None) -> list[Route]:
    """The pages; `/metrics` is one if there are metrics."""
    routes = [
        Route("/", _status(hosting, info)),
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
        found = await readiness.run_checks()
        is_ready = all(check.ok for check in found.values())
        answer = {
            "status": "ready" if is_ready else "not ready",
            "sessions": _sessions(hosting, info),
            "event_store": hosting.event_store,
            "checks": {
                name: {"status": "ok" if check.ok else "unreachable", "ms": check.ms}
                for name, check in found.items()
            },
        }
        return _json_response(answer, 200 if is_ready else 503)

    return ready


def _sessions(hosting: Hosting, info: ServiceInfo) -> dict[str, Any]:
    if hosting.session_mode == "stateless":
        return {"mode": "stateless"}
    return {"mode": "stateful", "open": info.sessions(), "max": hosting.max_sessions}


def _auth_info(hosting: Hosting) -> Page:
    answer = {
        "mode": hosting.auth_mode,
        "endpoint": _endpoint(hosting),
        "how": SIGN_IN_INSTRUCTIONS[hosting.auth_mode],
    }
    if hosting.auth_mode != "none":
        answer["header"] = "Authorization: Bearer TOKEN"
    if hosting.auth_mode == "clerk":
        answer["issuer"] = hosting.clerk_issuer or ""
        answer["resource_metadata"] = challenge_url(hosting) or ""

    async def auth_info(_request: Request) -> Response:
        return _json_response(answer)

    return auth_info


def _status(hosting: Hosting, info: ServiceInfo) -> Page:
    assets = _assets()
    headers = {
        **NO_STORE,
        "Content-Security-Policy": assets.policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
    }
    endpoint = _endpoint(hosting)
    text = assets.page.render(
        style=assets.style,
        script=assets.script,
        hosting=hosting,
        info=info,
        endpoint=endpoint,
        metadata=challenge_url(hosting),
        domains=sorted(info.domains.items()),
        clients=client_configs(endpoint, with_token=hosting.auth_mode == "bearer"),
        token_variable=TOKEN_VARIABLE,
        started=datetime.fromtimestamp(info.started, UTC),
    )

    async def status(_request: Request) -> Response:
        return HTMLResponse(text, headers=headers)

    return status


class _Assets(NamedTuple):
    page: Any
    style: Markup
    script: Markup
    policy: str


@cache
def _assets() -> _Assets:
    """The status page's template, style and script, and the Content-Security-Policy for them."""
    environment = Environment(
        loader=PackageLoader(__package__, "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = _duration
    source = environment.loader.get_source  # type: ignore[union-attr]  # given just above
    style, script = (source(environment, name)[0] for name in ("status.css", "status.js"))
    policy = (
        "default-src 'none'",
        f"style-src '{_hash(style)}'",
        f"script-src '{_hash(script)}'",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
    return _Assets(
        environment.get_template("status.html"),
        Markup(style),  # noqa: S704  # our own file
        Markup(script),  # noqa: S704  # our own file
        "; ".join(policy),
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _duration(seconds: float) -> str:
    """Seconds in the largest whole unit: 90 as `90 seconds`, 3600 as `1 hour`."""
    for name, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds:g} seconds"


def _endpoint(hosting: Hosting) -> str:
    return f"{hosting.base_url}{MCP}"


def _json_response(answer: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(answer, status, headers=NO_STORE)

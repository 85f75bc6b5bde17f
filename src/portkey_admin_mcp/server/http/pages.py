"""The pages that anybody may read: health, readiness, how to sign in, and one for people."""

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

from ...hosting import Hosting
from .auth import challenge_url
from .client_configs import TOKEN_VARIABLE, clients
from .metrics import Metrics
from .paths import MCP
from .readiness import Check, Readiness

NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

HOW_TO_SIGN_IN = {
    "none": "No token is needed.",
    "bearer": "Send the token you were given in the header Authorization, after the word Bearer.",
    "clerk": "Send a token that Clerk issued in the header Authorization, after the word Bearer; "
    "clients that know OAuth find the rest in the metadata.",
}

Page = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Facts:
    """What the pages say of the running service, besides its settings."""

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


def page_routes(hosting: Hosting, facts: Facts, metrics: Metrics | None = None) -> list[Route]:
    """The pages; `/metrics` is one if there are metrics."""
    routes = [
        Route("/", _status(hosting, facts)),
        Route("/health", _health(facts)),
        Route("/ready", _ready(hosting, facts)),
        Route("/auth/info", _auth_info(hosting)),
    ]
    if metrics is not None:
        routes.append(Route("/metrics", metrics.page))
    return routes


def _health(facts: Facts) -> Page:
    async def health(_request: Request) -> Response:
        return _told({"status": "ok", "version": facts.version})

    return health


def _ready(hosting: Hosting, facts: Facts) -> Page:
    readiness = Readiness(facts.checks)

    async def ready(_request: Request) -> Response:
        found = await readiness.look()
        fine = all(check.ok for check in found.values())
        answer = {
            "status": "ready" if fine else "not ready",
            "sessions": _sessions(hosting, facts),
            "event_store": hosting.event_store,
            "checks": {
                name: {"status": "ok" if check.ok else "unreachable", "ms": check.ms}
                for name, check in found.items()
            },
        }
        return _told(answer, 200 if fine else 503)

    return ready


def _sessions(hosting: Hosting, facts: Facts) -> dict[str, Any]:
    if hosting.session_mode == "stateless":
        return {"mode": "stateless"}
    return {"mode": "stateful", "open": facts.sessions(), "max": hosting.max_sessions}


def _auth_info(hosting: Hosting) -> Page:
    answer = {
        "mode": hosting.auth_mode,
        "endpoint": _endpoint(hosting),
        "how": HOW_TO_SIGN_IN[hosting.auth_mode],
    }
    if hosting.auth_mode != "none":
        answer["header"] = "Authorization: Bearer TOKEN"
    if hosting.auth_mode == "clerk":
        answer["issuer"] = hosting.clerk_issuer or ""
        answer["resource_metadata"] = challenge_url(hosting) or ""

    async def auth_info(_request: Request) -> Response:
        return _told(answer)

    return auth_info


def _status(hosting: Hosting, facts: Facts) -> Page:
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
        facts=facts,
        endpoint=endpoint,
        metadata=challenge_url(hosting),
        domains=sorted(facts.domains.items()),
        clients=clients(endpoint, with_token=hosting.auth_mode == "bearer"),
        token_variable=TOKEN_VARIABLE,
        started=datetime.fromtimestamp(facts.started, UTC),
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
    """The parts of the status page, and the policy that lets run these parts and no others."""
    environment = Environment(
        loader=PackageLoader(__package__, "pages_assets"),
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
    """`90` as people say it."""
    for name, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds:g} seconds"


def _endpoint(hosting: Hosting) -> str:
    return f"{hosting.base_url}{MCP}"


def _told(answer: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(answer, status, headers=NO_STORE)

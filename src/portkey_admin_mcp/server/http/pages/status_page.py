"""The status page at `/`, rendered once from its template, and its Content-Security-Policy."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ....clients.servers import TOKEN_VARIABLE
from ....settings.hosting import Hosting
from ..access.auth import challenge_url
from .client_configs import client_configs
from .headers import page_headers
from .paths import MCP
from .service_info import ServiceInfo

DURATION_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60))


def status_page(hosting: Hosting, info: ServiceInfo) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of the status page, which answers the same HTML to every request."""
    assets = page_assets("status")
    endpoint = f"{hosting.base_url}{MCP}"
    html = assets.template.render(
        style=assets.style,
        script=assets.script,
        hosting=hosting,
        info=info,
        endpoint=endpoint,
        metadata=challenge_url(hosting),
        domains=sorted(info.domains.items()),
        clients=client_configs(
            endpoint,
            with_token=hosting.auth_mode == "bearer",
            with_key=hosting.key_mode == "caller",
        ),
        token_variable=TOKEN_VARIABLE,
        started=datetime.fromtimestamp(info.started, UTC),
    )

    async def status(_request: Request) -> Response:
        return HTMLResponse(html, headers=assets.headers)

    return status


ASSETS = Path(__file__).with_name("assets")


class PageAssets(NamedTuple):
    """What a page is rendered from, and the headers with which it is sent."""

    template: Any
    style: Markup
    script: Markup
    headers: dict[str, str]


@cache
def page_assets(name: str) -> PageAssets:
    """A page's template and script, the style of all pages, and the headers for them."""
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = _duration
    source = environment.loader.get_source  # type: ignore[union-attr]  # the loader set above
    style, script = (source(environment, file)[0] for file in ("status.css", f"{name}.js"))
    return PageAssets(
        environment.get_template(f"{name}.html"),
        Markup(style),  # noqa: S704  # our own file
        Markup(script),  # noqa: S704  # our own file
        page_headers(style, script, has_images=True),
    )


def _duration(seconds: float) -> str:
    """Seconds in the largest unit that fits exactly: 90 as `90 seconds`, 3600 as `1 hour`."""
    for name, size in DURATION_UNITS:
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds:g} seconds"

"""What a page is rendered from: its template, style and script, and the headers that allow these.

Each page has `NAME.html`, which fills the blocks of `page.html`, and may have `NAME.css` and
`NAME.js`, which follow `page.css` and `page.js`.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from .headers import page_headers

ASSETS = Path(__file__).with_name("assets")
DURATION_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60))


class PageAssets(NamedTuple):
    """A page's template, and the headers with which it is sent."""

    template: Any
    headers: dict[str, str]


def page_endpoint(
    name: str, content: Callable[[], Mapping[str, Any]] = dict
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a page that is the same for everybody: rendered when it is first requested.

    `content` returns the variables of its template.
    """

    @cache
    def html() -> str:
        return str(page_assets(name).template.render(**content()))

    async def page(_request: Request) -> Response:
        return HTMLResponse(html(), headers=page_assets(name).headers)

    return page


@cache
def page_assets(name: str) -> PageAssets:
    """The assets of a page."""
    style, script = (_text(name, kind) for kind in ("css", "js"))
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = _duration
    environment.globals["style"] = Markup(style)  # noqa: S704  # our own files
    environment.globals["script"] = Markup(script)  # noqa: S704  # our own files
    template = environment.get_template(f"{name}.html")
    return PageAssets(template, page_headers(style, script))


def _text(name: str, kind: str) -> str:
    """The files of a kind for a page: that of all pages, then its own."""
    files = [ASSETS / f"page.{kind}", ASSETS / f"{name}.{kind}"]
    return "".join(file.read_text(encoding="utf-8") for file in files if file.exists())


def _duration(seconds: float) -> str:
    """Seconds in the largest unit that fits exactly: 90 as `90 seconds`, 3600 as `1 hour`."""
    for name, size in DURATION_UNITS:
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds:g} seconds"

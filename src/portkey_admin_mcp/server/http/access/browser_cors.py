"""What comes before all other middleware: the headers of a request, and CORS for browsers."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ..request import header_values


class BrowserCors(CORSMiddleware):
    """Starlette's CORS, except for a POST without Origin, which it would not change in effect.

    It adds `Vary: Origin` to other responses, and caches keep no response to a POST.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight request, or add the headers of CORS to the response."""
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        if is_post and not header_values(scope, "origin"):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class HeaderWhitespace:
    """Strips the whitespace around header values, which httptools leaves in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with stripped header values (RFC 9110, 5.5)."""
        if scope["type"] == "http":
            headers = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, send)

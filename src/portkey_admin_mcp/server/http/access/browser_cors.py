"""What comes before all other middleware: the headers of a request, and CORS for browsers."""

from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..pages.headers import ANY_ORIGIN
from ..pages.paths import DOCUMENTS
from ..request import HEADER_NAMES, header_values, is_public_document

PREFLIGHT = Response(status_code=204, headers=ANY_ORIGIN)


class BrowserCors(CORSMiddleware):
    """Starlette's CORS, except for a POST without Origin, which it would not change in effect.

    It adds `Vary: Origin` to other responses, and caches keep no response to a POST. Pages of every
    origin may read public documents; those have their headers of CORS already.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight request, or add the headers of CORS to the response."""
        if scope["type"] == "http" and is_public_document(scope, DOCUMENTS):
            answer = PREFLIGHT if scope["method"] == "OPTIONS" else self.app
            await answer(scope, receive, send)
            return
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
            names = {name for name, _ in headers}
            scope = {**scope, "headers": headers, HEADER_NAMES: names}
        await self._app(scope, receive, send)

"""Call an ASGI app in this process, without a socket; and an app that echoes bodies."""

from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

BASE_URL = "http://127.0.0.1:3000"


def client_of(app: Any, address: str = "127.0.0.1") -> httpx2.AsyncClient:
    """A client of the app, which sees this address as the client's."""
    transport = httpx2.ASGITransport(app, client=(address, 5000))
    return httpx2.AsyncClient(transport=transport, base_url=BASE_URL)


def echo_app() -> Starlette:
    """An app that answers with the body of the request, at /mcp and /health."""

    async def echo(request: Request) -> Response:
        return PlainTextResponse(await request.body())

    paths = ("/mcp", "/health")
    return Starlette(routes=[Route(path, echo, methods=["GET", "POST"]) for path in paths])


class Clock:
    """A clock that only a test moves, in seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

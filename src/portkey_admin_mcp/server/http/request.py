"""Reading and refusing raw ASGI requests: shared by the middleware in `access` and `/mcp`."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive


class RequestRefused(Exception):
    """Refuses a request with a status, an error code and a message.

    The message never repeats anything from the request.
    """

    def __init__(
        self, status: int, error: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.headers = headers or {}

    def response(self, **headers: str) -> Response:
        """The HTTP response, with these additional headers (`_` is written as `-`)."""
        additional = {name.replace("_", "-"): value for name, value in headers.items()}
        return JSONResponse(
            {"error": self.error, "message": self.message},
            self.status,
            {"Cache-Control": "no-store", **self.headers, **additional},
        )


HEADER_NAMES = "header_names"
"""Where the names of all headers are in a scope, if the first middleware has put them there."""


def header_values(scope: Any, name: str) -> list[str]:
    """All values of a header, in order. `name` must be in lower case."""
    # ASGI servers send header names in lower case.
    encoded = name.encode()
    if HEADER_NAMES in scope and encoded not in scope[HEADER_NAMES]:
        return []  # most that are looked for are not there
    return [value.decode("latin-1") for key, value in scope["headers"] if key == encoded]


def replay_body(body: bytes, receive: Receive) -> Receive:
    """A `receive` that returns a body that was already read, then what the real one returns."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return pending.pop() if pending else await receive()

    return receive_again


def is_page(scope: Any, pages: frozenset[str]) -> bool:
    """Whether this is a GET or HEAD of one of these pages, by its exact path.

    The path is compared as it was received: many encoded paths have the same decoded path.
    """
    if scope["method"] not in ("GET", "HEAD"):
        return False
    raw: bytes | None = scope.get("raw_path")
    path = scope["path"] if raw is None else raw.decode("latin-1")
    return path in pages


def is_public_document(scope: Any, documents: frozenset[str]) -> bool:
    """Whether this reads one of these documents, or asks whether a page of any origin may."""
    is_preflight = scope["method"] == "OPTIONS"
    return is_page({**scope, "method": "GET"} if is_preflight else scope, documents)


def bearer_token(authorization: str | None) -> str:
    """The token in an Authorization header; raises RequestRefused (401) if there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise RequestRefused(401, "unauthorized", "Send a token: Authorization: Bearer TOKEN.")
    return token.strip()

"""What the guards share: how a request is read before it is trusted, and how it is refused."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response


class Refused(Exception):
    """A request that goes no further, and what its sender is told.

    The words are ours alone: nothing of the request is repeated in them.
    """

    def __init__(
        self, status: int, error: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.headers = headers or {}

    def answer(self, **headers: str) -> Response:
        """Say so over HTTP, with these headers too (`_` stands for `-`)."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return JSONResponse(
            {"error": self.error, "message": self.message},
            self.status,
            {"Cache-Control": "no-store", **self.headers, **more},
        )


def values(scope: Any, name: str) -> list[str]:
    """Every value that the request has for a header, as it came."""
    wanted = name.lower().encode()
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == wanted]


def is_page(scope: Any, pages: frozenset[str]) -> bool:
    """Whether this asks to read one of these pages, spelled exactly so.

    The path as it was received is compared, since the decoded one has many spellings.
    """
    raw: bytes | None = scope.get("raw_path")
    path = scope["path"] if raw is None else raw.decode("latin-1")
    return scope["method"] in ("GET", "HEAD") and path in pages


def bearer_token(authorization: str | None) -> str:
    """The token in an Authorization header; raises Refused where there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(401, "unauthorized", "Send a token: Authorization: Bearer TOKEN.")
    return token.strip()

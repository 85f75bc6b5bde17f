"""In front of the SDK on `/mcp`: requests that it would misread are made plain, or refused."""

import pydantic_core
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..json_rpc import wrong_id_error
from .request import header_values, replay_body


class SdkGuard:
    """Passes requests to the SDK, which reads only the first of several Accept headers.

    The SDK also takes a request with an invalid id for a notification, so that its client would
    wait for an answer: such a request is answered with -32600.
    """

    def __init__(self, sdk: ASGIApp) -> None:
        self._sdk = sdk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request with an invalid id, or pass it on with one Accept header."""
        accepted = header_values(scope, "accept")
        if len(accepted) > 1:
            others = [(name, value) for name, value in scope["headers"] if name != b"accept"]
            merged = (b"accept", ", ".join(accepted).encode("latin-1"))
            scope = {**scope, "headers": [*others, merged]}
        if scope["method"] == "POST":
            body = await Request(scope, receive).body()
            error = _wrong_id_error(body)
            if error is not None:
                await Response(error, 400, media_type="application/json")(scope, receive, send)
                return
            receive = replay_body(body, receive)
        await self._sdk(scope, receive, send)


def _wrong_id_error(body: bytes) -> bytes | None:
    try:
        return wrong_id_error(pydantic_core.from_json(body))
    except ValueError:
        return None  # the SDK says what is wrong with it

"""The page that shows a secret once, to the caller who created it; see `safety.secret_sink_page`.

The page is the same for everybody. Its script sends the caller's token in a header, and the id in
the fragment of its address, which browsers send to nobody, in the body.
"""

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....safety.caller import current_caller
from ....safety.secret_sink_page import SecretPages, SecretPagesUnavailable
from .headers import NO_STORE
from .page_assets import page_endpoint
from .paths import ONE_TIME

MAX_ID_LENGTH = 100
ANSWER_HEADERS = {**NO_STORE, "Referrer-Policy": "no-referrer"}
GONE = (
    "There is no such secret for this token: it was shown already, is older than ten minutes, or "
    "belongs to another caller. A key can be rotated, which gives a new secret."
)

Page = Callable[[Request], Awaitable[Response]]


def secret_routes(pages: SecretPages | None) -> list[Route]:
    """The page, and the request by which it takes a secret; none without secrets."""
    if pages is None:
        return []
    return [
        Route(ONE_TIME, page_endpoint("secret"), methods=["GET"]),
        Route(ONE_TIME, _take(pages), methods=["POST"]),
    ]


def _take(pages: SecretPages) -> Page:
    async def take(request: Request) -> Response:
        """Answer with the secret that the body names by `id`, if it belongs to the caller."""
        id = _id_in(await request.body())
        if not id:
            return _refusal(400, "invalid_request", 'Send {"id": "…"} as JSON.')
        try:
            content = await pages.take(id, current_caller.get().principal)
        except SecretPagesUnavailable:
            return _refusal(
                503, "unavailable", "Redis cannot be reached. The secret is kept; try again."
            )
        if content is None:
            return _refusal(404, "not_found", GONE)
        return Response(content, media_type="application/json", headers=ANSWER_HEADERS)

    return take


def _id_in(body: bytes) -> str:
    """The id in a body; empty if it has none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    id = content.get("id") if isinstance(content, dict) else None
    return id if isinstance(id, str) and len(id) <= MAX_ID_LENGTH else ""


def _refusal(status: int, error: str, message: str) -> Response:
    return JSONResponse({"error": error, "message": message}, status, headers=ANSWER_HEADERS)

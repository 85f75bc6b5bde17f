"""Middleware that reads the request body, and limits its size, time, type and nesting depth."""

import asyncio
import re
from contextlib import nullcontext
from itertools import accumulate

from starlette.types import ASGIApp, Receive, Scope, Send

from ..request import RequestRefused, header_values, replay_body

JSON_TYPE = re.compile(r"application/json\s*(;\s*charset=(utf-?8|\"utf-8\")\s*)?", re.IGNORECASE)
MAX_JSON_DEPTH = 100
MAX_LENGTH_DIGITS = 18
BODY_TIMEOUT_S = 30
"""Seconds in which the complete body must arrive."""

# An unterminated string matches to the end of the body, so that no byte is scanned twice.
STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
DEPTH_CHANGES = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
NOT_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))


class BodyLimit:
    """Reads the complete body; refuses one that is too large, too slow, not JSON or too deep."""

    def __init__(self, app: ASGIApp, max_bytes: int, timeout_s: float = BODY_TIMEOUT_S) -> None:
        self.app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 400, 408, 413 or 415."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            _require_one_length(scope)
            # Setting a timer takes longer than reading a body that has arrived.
            async with nullcontext() if _has_arrived(receive) else asyncio.timeout(self._timeout_s):
                body = await self._read(scope, receive)
            if body is None:
                return None
            if body:
                _require_json(scope)
            _require_shallow(body)
        except TimeoutError:
            timed_out = RequestRefused(408, "request_timeout", "The body did not arrive in time.")
            return await timed_out.response(Connection="close")(scope, receive, send)
        except RequestRefused as refused:
            # The rest of the body is not read, so the connection cannot be used again.
            return await refused.response(Connection="close")(scope, receive, send)
        return await self.app(scope, replay_body(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body, or None if the client disconnects."""
        lengths = header_values(scope, "content-length")
        self._require_small(int(lengths[0]) if lengths else 0)
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            self._require_small(len(body))
            if not message.get("more_body", False):
                return bytes(body)

    def _require_small(self, size: int) -> None:
        if size > self._max_bytes:
            raise RequestRefused(
                413,
                "content_too_large",
                f"The body of a request may have at most {self._max_bytes} bytes.",
            )


def _has_arrived(receive: Receive) -> bool:
    """Whether uvicorn has the complete body; false if that cannot be known."""
    return getattr(getattr(receive, "__self__", None), "more_body", True) is False


def _require_one_length(scope: Scope) -> None:
    """Refuse an ambiguous body length, against request smuggling; raises RequestRefused (400)."""
    lengths = header_values(scope, "content-length")
    encodings = header_values(scope, "transfer-encoding")
    is_invalid = any(
        not (length.isascii() and length.isdigit()) or len(length) > MAX_LENGTH_DIGITS
        for length in lengths
    )
    if is_invalid or len(lengths) + len(encodings) > 1:
        raise RequestRefused(
            400, "invalid_header", "Send one Content-Length or one Transfer-Encoding, not both."
        )


def _require_json(scope: Scope) -> None:
    """Refuse a body whose Content-Type is not exactly JSON; raises RequestRefused (415).

    The SDK would also accept a list of types that includes JSON.
    """
    types = header_values(scope, "content-type")
    if len(types) != 1 or not JSON_TYPE.fullmatch(types[0]):
        raise RequestRefused(
            415, "unsupported_media_type", "Send the body as Content-Type: application/json."
        )


def _require_shallow(body: bytes) -> None:
    """Check the nesting depth of JSON without parsing, since deep nesting can crash a parser."""
    # JSON in UTF-8 contains no NUL. In UTF-16 each bracket has one, and would not be counted below.
    if b"\0" in body:
        raise RequestRefused(400, "invalid_json", "The body is not JSON in UTF-8.")
    if body.count(b"{") + body.count(b"[") <= MAX_JSON_DEPTH:
        return
    steps = STRINGS.sub(b"", body).translate(DEPTH_CHANGES, NOT_BRACKETS)
    if max(accumulate(memoryview(steps).cast("b")), default=0) > MAX_JSON_DEPTH:
        raise RequestRefused(
            400, "invalid_json", f"The body is nested deeper than {MAX_JSON_DEPTH} levels."
        )

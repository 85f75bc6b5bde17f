"""Middleware that reads the request body, and limits its size, time, type and nesting depth."""

import asyncio
import re
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import accumulate

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ....safety.caller import ANONYMOUS
from ..request import RequestRefused, header_values, replay_body
from .principal import principal_of
from .rate_limit import client_address

JSON_TYPE = re.compile(r"application/json\s*(;\s*charset=(utf-?8|\"utf-8\")\s*)?", re.IGNORECASE)
MAX_JSON_DEPTH = 100
BODY_TIMEOUT_S = 30
"""Seconds in which the complete body must arrive."""

MAX_UNFINISHED_BYTES = 8 * 1024 * 1024
"""Bytes of all bodies that are still arriving, or four of the largest bodies if that is more.
benchmarks/unfinished_bodies.py measures how much memory that is."""

RETRY_AFTER_S = 5
MAX_DISCARDED_BYTES = 16 * 1024
DISCARD_TIMEOUT_S = 1.0
"""How much of a body is discarded, and for how many seconds, after a response that came before its
end. A connection that is closed with unread data is reset, and a client may miss the response."""

# An unterminated string matches to the end of the body, so that no byte is scanned twice.
STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
DEPTH_CHANGES = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
NOT_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))


class EarlyResponses:
    """Closes the connection after a response that was sent before the end of the request's body.

    What the server has read of that body would otherwise stay in memory until the body ends.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; if it is answered early, discard some of the rest, and close."""
        if scope["type"] != "http" or not _is_arriving(receive):
            return await self._app(scope, receive, send)
        last: Message | None = None

        async def send_early(message: Message) -> None:
            nonlocal last
            if message["type"] == "http.response.start" and _is_arriving(receive):
                message = {**message, "headers": _with_close(message["headers"])}
            elif not message.get("more_body", False) and _is_arriving(receive):
                # The client gets the complete response now; the connection is closed later.
                last = {**message, "body": b""}
                message = {**message, "more_body": True}
            await send(message)

        await self._app(scope, receive, send_early)
        if last is not None:
            await _discard(receive)
            await send(last)
        return None


@dataclass(eq=False)
class ArrivingBody:
    """A body of which more is expected; `deadline` ends the wait for it."""

    owner: Hashable
    deadline: asyncio.Timeout
    data: bytearray = field(default_factory=bytearray)
    is_dropped: bool = False


class UnfinishedBodies:
    """The bodies that are still arriving on all connections of this process, with a limit.

    Above the limit, the owner whose bodies take the most memory loses the one that began first. So
    clients that never finish a body take little memory, and do not keep others from sending.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._by_owner: dict[Hashable, dict[ArrivingBody, None]] = {}
        self._bytes: Counter[Hashable] = Counter()

    @property
    def total_bytes(self) -> int:
        """The bytes of all unfinished bodies."""
        return self._bytes.total()

    @contextmanager
    def arriving(self, owner: Hashable, deadline: asyncio.Timeout) -> Iterator[ArrivingBody]:
        """Keep a new body of this owner until it has arrived."""
        body = ArrivingBody(owner, deadline)
        self._by_owner.setdefault(owner, {})[body] = None
        try:
            yield body
        finally:
            self._remove(body)

    def append(self, body: ArrivingBody, chunk: bytes) -> None:
        """Add what has arrived to a body; drops other bodies, or this one, above the limit."""
        body.data += chunk
        self._bytes[body.owner] += len(chunk)
        while self.total_bytes > self._max_bytes:
            owner = max(self._bytes, key=self._bytes.__getitem__)
            self._drop(next(iter(self._by_owner[owner])))

    def _drop(self, body: ArrivingBody) -> None:
        self._remove(body)
        body.is_dropped = True
        body.data = bytearray()
        if not body.deadline.expired():
            body.deadline.reschedule(asyncio.get_running_loop().time())

    def _remove(self, body: ArrivingBody) -> None:
        bodies = self._by_owner.get(body.owner, {})
        if body not in bodies:
            return
        del bodies[body]
        self._bytes[body.owner] -= len(body.data)
        if not bodies:
            del self._by_owner[body.owner], self._bytes[body.owner]


class BodyLimit:
    """Reads the complete body; refuses one that is too large, too slow, not JSON or too deep.

    `HostAndOrigin` has checked that the request has at most one length.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_bytes: int,
        timeout_s: float = BODY_TIMEOUT_S,
        max_unfinished_bytes: int = MAX_UNFINISHED_BYTES,
    ) -> None:
        self.app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self.max_unfinished_bytes = max(max_unfinished_bytes, 4 * max_bytes)
        self.unfinished = UnfinishedBodies(self.max_unfinished_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 400, 408, 413, 415 or 503."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            body = await self._read(scope, receive)
            if body is None:
                return None
            if body:
                _require_json(scope)
            _require_shallow(body)
        except RequestRefused as refused:
            # The rest of the body is not read, so the connection cannot be used again.
            return await refused.response(Connection="close")(scope, receive, send)
        return await self.app(scope, replay_body(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body, or None if the client disconnects."""
        lengths = header_values(scope, "content-length")
        self._require_small(int(lengths[0]) if lengths else 0)
        if _has_arrived(receive):
            # Setting a timer takes longer than reading a body that has arrived.
            message = await receive()
            body = message.get("body", b"") if message["type"] == "http.request" else None
        else:
            body = await self._read_arriving(scope, receive)
        self._require_small(len(body or b""))
        return body

    async def _read_arriving(self, scope: Scope, receive: Receive) -> bytes | None:
        arriving: ArrivingBody | None = None
        try:
            async with asyncio.timeout(self._timeout_s) as deadline:
                with self.unfinished.arriving(_owner(scope), deadline) as arriving:
                    return await self._read_into(arriving, receive)
        except TimeoutError:
            if arriving is not None and arriving.is_dropped:
                raise RequestRefused(
                    503,
                    "too_many_bodies",
                    "Too many bodies are arriving at once; wait the number of seconds in "
                    "Retry-After.",
                    {"Retry-After": str(RETRY_AFTER_S)},
                ) from None
            raise RequestRefused(
                408, "request_timeout", "The body did not arrive in time."
            ) from None

    async def _read_into(self, body: ArrivingBody, receive: Receive) -> bytes | None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            self.unfinished.append(body, message.get("body", b""))
            self._require_small(len(body.data))
            if not message.get("more_body", False):
                return bytes(body.data)

    def _require_small(self, size: int) -> None:
        if size > self._max_bytes:
            raise RequestRefused(
                413,
                "content_too_large",
                f"The body of a request may have at most {self._max_bytes} bytes.",
            )


def _owner(scope: Scope) -> Hashable:
    """Whose body it is: the principal's or, without authentication, the address's."""
    principal = principal_of(scope)
    return client_address(scope) if principal == ANONYMOUS else principal


def _has_arrived(receive: Receive) -> bool:
    """Whether uvicorn has the complete body; false if that cannot be known."""
    return getattr(getattr(receive, "__self__", None), "more_body", True) is False


def _is_arriving(receive: Receive) -> bool:
    """Whether uvicorn does not have the complete body yet; false if that cannot be known."""
    return getattr(getattr(receive, "__self__", None), "more_body", False) is True


def _with_close(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    others = [header for header in headers if header[0].lower() != b"connection"]
    return [*others, (b"connection", b"close")]


async def _discard(receive: Receive) -> None:
    """Discard the rest of a body, until it ends or a limit is reached."""
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_TIMEOUT_S):
            while _is_arriving(receive) and size <= MAX_DISCARDED_BYTES:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                size += len(message.get("body", b""))


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

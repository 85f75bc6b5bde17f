"""The fast path on `/mcp`: it answers plain requests with JSON, and passes all others to the SDK.

It runs after the guards, the authentication and the rate limits, as the SDK does.
"""

import asyncio
from functools import lru_cache
from typing import Any, NamedTuple

import pydantic_core
from starlette.types import ASGIApp, Receive, Scope, Send

from ..calls.open_requests import CANCELLED_BY_CLIENT
from ..fastpath.answers import FastPath
from ..fastpath.requests import LEGACY_VERSIONS, MODERN_VERSION, Request, recognised
from ..json_rpc import error_line
from ..mcp.sdk_private import REQUEST_CANCELLED
from .request import replay_body
from .sessions.sessions import Sessions
from .sessions.transport import SessionTransport

JSON = b"application/json"
STREAM = b"text/event-stream"


class Headers(NamedTuple):
    """The headers that decide how a message is read; a missing one is empty."""

    version: bytes
    session: bytes
    method: bytes
    name: bytes


class FastPathEndpoint:
    """`/mcp` with the fast path in front of the SDK."""

    def __init__(
        self,
        sdk: ASGIApp,
        fast_path: FastPath,
        sessions: Sessions,
        *,
        resumable: bool,
    ) -> None:
        self._sdk = sdk
        self._sessions = sessions
        self._takes_legacy = not resumable
        """Answers that can be resumed are streams of events, which the SDK numbers."""
        self._fast_path = fast_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is plain and valid, or pass it on unchanged."""
        headers = _plain_headers(scope) if scope["method"] == "POST" else None
        if headers is None:
            return await self._sdk(scope, receive, send)
        first = await receive()
        body = first.get("body", b"")
        if first["type"] != "http.request" or first.get("more_body", False):
            raise RuntimeError("the guards must have read the complete body")
        message = _message(body)
        self._cancel(scope, headers, message)
        request = _request(headers, message)
        if request is None or not await self._answer(scope, headers, request, send):
            await self._sdk(scope, replay_body(body, receive), send)
        return None

    async def _answer(self, scope: Scope, headers: Headers, request: Request, send: Send) -> bool:
        """Whether the fast path answered."""
        is_legacy = request.generation == "legacy"
        if not self._fast_path.takes(request) or (is_legacy and not self._takes_legacy):
            return False
        if is_legacy and not self._sessions.stateless:
            return await self._answer_in_session(scope, headers, request, send)
        if headers.session:
            return False
        await _send_json(send, await self._fast_path.answer(request))
        return True

    async def _answer_in_session(
        self, scope: Scope, headers: Headers, request: Request, send: Send
    ) -> bool:
        session = self._session(scope, headers)
        if session is None or request.method == "initialize":
            return False
        if request.method == "tools/call":
            answer = await self._call_in_session(session, request)
        else:
            answer = await self._static_in_session(session, request)
        if answer is None:
            return False
        await _send_json(send, answer, (b"mcp-session-id", headers.session))
        return True

    async def _static_in_session(self, session: SessionTransport, request: Request) -> bytes | None:
        with session.holding(request.id) as is_free:
            return self._fast_path.static_answer(request) if is_free else None

    async def _call_in_session(self, session: SessionTransport, request: Request) -> bytes | None:
        """The answer, or the SDK's error for a cancelled call; None if the id is in use."""
        task = asyncio.current_task()
        try:
            with session.holding(request.id, task) as is_free:
                return await self._fast_path.call(request, session.client) if is_free else None
        except asyncio.CancelledError as error:
            if task is None or error.args != (CANCELLED_BY_CLIENT,):
                raise
            task.uncancel()
            return error_line(request.id, REQUEST_CANCELLED, "Request cancelled")

    def _session(self, scope: Scope, headers: Headers) -> SessionTransport | None:
        return self._sessions.session_of(scope, headers.session.decode("latin-1"))

    def _cancel(self, scope: Scope, headers: Headers, message: Any) -> None:
        """Cancel a call of the fast path, if the message says so; the SDK gets it too."""
        if not isinstance(message, dict) or message.get("method") != "notifications/cancelled":
            return
        session, params = self._session(scope, headers), message.get("params")
        if session is not None and isinstance(params, dict):
            session.cancel(params.get("requestId"))


def _plain_headers(scope: Scope) -> Headers | None:
    """The headers of a request that the fast path may answer; None if any is unusual."""
    values: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in (b"content-type", b"accept") or name.startswith(b"mcp-"):
            if name == b"accept":
                values[name] = values[name] + b"," + value if name in values else value
            elif name in values or name.startswith(b"mcp-param-"):
                return None
            else:
                values[name] = value
    if not _are_plain_types(values.get(b"content-type", b""), values.get(b"accept", b"")):
        return None
    parts = (b"mcp-protocol-version", b"mcp-session-id", b"mcp-method", b"mcp-name")
    return Headers(*(values.get(name, b"") for name in parts))


@lru_cache(maxsize=64)
def _are_plain_types(content_type: bytes, accept: bytes) -> bool:
    """Whether the body is JSON, and the client accepts both kinds of answer."""
    accepted = {part.partition(b";")[0].strip() for part in accept.split(b",")}
    return content_type.partition(b";")[0].strip() == JSON and {JSON, STREAM} <= accepted


def _message(body: bytes) -> Any:
    try:
        return pydantic_core.from_json(body)
    except ValueError:
        return None


def _request(headers: Headers, message: Any) -> Request | None:
    """The request in a message, if its headers match it."""
    request = recognised(message)
    if request is None:
        return None
    version = headers.version.decode("latin-1")
    if request.generation == "legacy":
        return request if version in ("", *LEGACY_VERSIONS) else None
    name: Any = request.params.get("name", "")
    is_match = headers.method == request.method.encode() and headers.name == name.encode()
    return request if version == MODERN_VERSION and is_match else None


async def _send_json(send: Send, body: bytes, *more: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    headers = [(b"content-type", JSON), length, *more]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""The SDK's session manager, with owners, a session limit and resumable streams.

A session ends by DELETE (the SDK), after a time without requests (`HttpTransport` in
`mcp/sdk_private.py` sets the deadline), when a new session needs its place, or when the service
stops.
"""

import asyncio
import contextlib
import logging
import math
from contextvars import ContextVar
from functools import lru_cache
from typing import Any
from uuid import uuid4

import anyio
from mcp.server import Server
from mcp.server.auth.middleware.bearer_auth import (
    AuthenticatedUser,
    AuthorizationContext,
    authorization_context,
)
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http import EventStore, StreamableHTTPServerTransport
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from ....safety.caller import ANONYMOUS, Caller
from ....settings.hosting import Hosting
from ...json_rpc import INVALID_REQUEST, error_object
from ...mcp.sdk_private import SessionManager
from ..access.principal import principal_of
from ..events.event_log import CALL_TIMEOUT_S, EventLog
from ..events.recorder import StreamRecorder
from .transport import SessionTransport

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
RETRY_INTERVAL_MS = 1000
"""Milliseconds a client waits before it resumes a broken stream (the SSE `retry` field)."""

_current_principal: ContextVar[Caller] = ContextVar("caller", default=ANONYMOUS)


class ShareExceeded(Exception):
    """A principal already has the maximum number of sessions for one principal, all in use."""


class Sessions(SessionManager):
    """Serves `/mcp`, for revisions of the protocol with and without sessions."""

    def __init__(self, server: Server[Any], hosting: Hosting, events: EventLog | None) -> None:
        self._events = events
        self._share = hosting.session_share
        self._without_session: set[SessionTransport] = set()
        """The transports of single requests, in stateless mode."""
        super().__init__(
            app=server,
            stateless=hosting.session_mode == "stateless",
            # `HostAndOrigin` checks Host and Origin for all paths.
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            session_idle_timeout=hosting.session_timeout_ms / 1000,
            max_request_body_size=hosting.max_body_bytes,
            max_sessions=hosting.max_sessions,
            retry_interval=RETRY_INTERVAL_MS,
        )

    @property
    def event_store(self) -> EventStore | None:
        """A new recorder at each reading: the SDK reads this once for each transport."""
        return (
            None if self._events is None else StreamRecorder(self._events, _current_principal.get())
        )

    @event_store.setter
    def event_store(self, _: EventStore | None) -> None:
        """Ignore the value that the SDK's constructor sets."""

    @property
    def open_sessions(self) -> int:
        """The number of open sessions."""
        return len(self.transports)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request on behalf of its principal."""
        principal = principal_of(scope)
        token = _current_principal.set(principal)
        try:
            served = {**scope, "user": _user(principal)}
            await self.handle_request(served, receive, _with_retry_after(send))
        except ShareExceeded:
            await self._share_exceeded()(scope, receive, send)
        finally:
            _current_principal.reset(token)

    def session_of(self, scope: Scope, session_id: str) -> SessionTransport | None:
        """The open session with this id, if it belongs to the principal of the request."""
        transport = self.transport_of(session_id)
        if not isinstance(transport, SessionTransport) or transport.is_ending:
            return None
        caller = authorization_context(_user(principal_of(scope)))
        return transport if self.owner_of(session_id) == caller else None

    async def close_streams(self) -> None:
        """Close the notification streams, so that a stopping service does not wait for them."""
        for transport in self.transports:
            transport.close_standalone_sse_stream()

    async def all_answered(self) -> None:
        """Wait until every request is answered, also those whose clients have disconnected."""
        for transport in self._session_transports():
            await transport.all_answered()

    async def end_calls(self) -> None:
        """Answer every open request with an error, because the service is stopping."""
        transports = self._session_transports()
        await asyncio.gather(*(each.end_calls("server_stopped") for each in transports))

    def _session_transports(self) -> list[SessionTransport]:
        sessions = [each for each in self.transports if isinstance(each, SessionTransport)]
        return [*sessions, *self._without_session]

    def new_transport(self, owner: AuthorizationContext | None) -> SessionTransport | None:
        """A transport of our own.

        At a limit, the session that was not used for longest ends: one of the owner's at the limit
        for each principal, and any at that of all. If all are in use, raises ShareExceeded at the
        first limit, and returns None at the second.
        """
        limit = self.max_sessions or math.inf
        own = self.transports_of(owner)
        if self._share < limit and len(own) >= self._share and not self._end_least_used(own):
            raise ShareExceeded
        if self.open_sessions >= limit and not self._end_least_used(self.transports):
            return None
        return SessionTransport(
            mcp_session_id=uuid4().hex,
            event_store=self.event_store,
            security_settings=self.security_settings,
            retry_interval=self.retry_interval,
            idle_timeout=self.session_idle_timeout,
        )

    def _end_least_used(self, transports: list[StreamableHTTPServerTransport]) -> bool:
        """End the session that was not used for longest; false if all of these are in use."""
        unused = [
            transport
            for transport in transports
            if isinstance(transport, SessionTransport) and not transport.is_in_use
        ]
        if not unused:
            return False
        oldest = min(unused, key=lambda transport: transport.last_used)
        log.info("ended a session without requests, because a new one needed its place")
        self.forget(oldest.mcp_session_id or "")
        oldest.end_soon()
        return True

    def _share_exceeded(self) -> JSONResponse:
        message = (
            f"You have {self._share} open sessions, the maximum for one principal "
            "(MCP_MAX_SESSIONS_PER_PRINCIPAL), and all have calls in flight; wait for one of them."
        )
        error = error_object(None, INVALID_REQUEST, message)
        return JSONResponse(error, 429, {"retry-after": str(RETRY_AFTER_S)})

    async def handle_without_session(
        self, version: str | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """As in the SDK, but with a recorder: the answer can be fetched from any instance."""
        recorder = self.event_store
        if not isinstance(recorder, StreamRecorder):
            await super().handle_without_session(version, scope, receive, send)
            return
        transport = SessionTransport(
            mcp_session_id=None,
            event_store=recorder,
            security_settings=self.security_settings,
            retry_interval=self.retry_interval,
        )
        self._without_session.add(transport)
        guarded_send = _SendIgnoringDisconnect(send)
        try:
            await self.start_serving(transport, version)
            await transport.handle_request(scope, receive, guarded_send)
            if guarded_send.streams:
                # Even if the client has disconnected, its answer is stored, to be fetched later.
                with anyio.move_on_after(CALL_TIMEOUT_S):
                    await recorder.idle.wait()
                await transport.end_calls("timed_out")
        finally:
            with anyio.CancelScope(shield=True):
                await transport.terminate()
            self._without_session.discard(transport)


class _SendIgnoringDisconnect:
    """Sends until the client disconnects, and records whether the response is a stream."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.streams = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kinds = [v for k, v in message["headers"] if k.lower() == b"content-type"]
            self.streams = any(kind.startswith(b"text/event-stream") for kind in kinds)
        with contextlib.suppress(OSError):
            await self._send(message)


def _with_retry_after(send: Send) -> Send:
    """Add Retry-After to 503, the response when the session limit is reached."""

    async def send_with_retry_after(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 503:
            headers = [*message["headers"], (b"retry-after", str(RETRY_AFTER_S).encode())]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_retry_after


@lru_cache(maxsize=1024)
def _user(principal: Caller) -> AuthenticatedUser:
    """A principal with its key, in the form that the SDK uses to compare owners of sessions."""
    owner = AccessToken(token="", client_id=principal.principal, subject=principal.key, scopes=[])
    return AuthenticatedUser(owner)

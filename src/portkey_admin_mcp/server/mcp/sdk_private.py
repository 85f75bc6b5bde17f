"""Every private name of the SDK that this server needs.

No other module uses one. `mcp` is pinned to its minor version, and
tests/server/mcp/test_sdk_private.py fails for each name that an upgrade removes.
"""

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any

import anyio
from mcp.server.auth.middleware.bearer_auth import AuthorizationContext
from mcp.server.connection import Connection
from mcp.server.runner import serve_connection
from mcp.server.streamable_http import (
    GET_STREAM_KEY,
    REQUEST_CANCELLED,
    EventStore,
    StreamableHTTPServerTransport,
)
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.message import SessionMessage
from mcp.shared.transport_context import TransportContext
from mcp_types import DEFAULT_NEGOTIATED_VERSION, JSONRPCError, JSONRPCResponse, RequestId
from starlette.types import Receive, Scope, Send

__all__ = ["GET_STREAM_KEY", "REQUEST_CANCELLED", "HttpTransport", "SessionManager"]

Streams = tuple[ReadStream[SessionMessage | Exception], WriteStream[SessionMessage]]


class HttpTransport(StreamableHTTPServerTransport):
    """The SDK's transport of one session, with access to the state of its requests."""

    @property
    def events(self) -> EventStore | None:
        """The store of its events."""
        return self._event_store

    @property
    def is_ending(self) -> bool:
        """Whether it accepts no more requests."""
        is_idle = self.idle_scope is not None and self.idle_scope.cancel_called
        return self.is_terminated or is_idle

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Keep the session from timing out while a request is served."""
        self._requests_in_flight += 1
        if self.idle_scope is not None:
            self.idle_scope.deadline = math.inf
        try:
            yield
        finally:
            self._requests_in_flight -= 1
            if self.idle_scope is not None and not self._requests_in_flight:
                timeout_s = self._idle_timeout or math.inf
                self.idle_scope.deadline = anyio.current_time() + timeout_s

    def end_soon(self) -> None:
        """End the session as if it had been idle for too long."""
        if self.idle_scope is not None:
            self.idle_scope.cancel()

    def on_answer(self, id: RequestId) -> None:
        """Called with the id of each request that was answered."""

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Streams, None]:
        """The streams of the session; `on_answer` is called for each answer to the client."""
        async with super().connect() as (read, write):
            observed = _ObservedStream(write, self.on_answer)
            # The SDK writes its answers to cancelled requests to this stream.
            self._write_stream = observed  # type: ignore[assignment]  # typed as anyio's own
            yield read, observed


class _ObservedStream:
    """Sends messages to the client, and reports the id of each answered request."""

    def __init__(
        self, stream: WriteStream[SessionMessage], on_answer: Callable[[RequestId], None]
    ) -> None:
        self._stream = stream
        self._on_answer = on_answer

    async def send(self, item: SessionMessage, /) -> None:
        """Send a message; even if that fails, its request counts as answered."""
        try:
            await self._stream.send(item)
        finally:
            message = item.message
            if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
                self._on_answer(message.id)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    async def __aenter__(self) -> "_ObservedStream":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.aclose()


class SessionManager(StreamableHTTPSessionManager):
    """The SDK's session manager, with access to its sessions and their owners."""

    def transport_of(self, session_id: str) -> StreamableHTTPServerTransport | None:
        """The transport of a session, or None if there is no such session."""
        return self._server_instances.get(session_id)

    def owner_of(self, session_id: str) -> AuthorizationContext | None:
        """The owner of a session, which opened it."""
        return self._session_owners.get(session_id)

    def transports_of(
        self, owner: AuthorizationContext | None
    ) -> list[StreamableHTTPServerTransport]:
        """The transports of the open sessions of an owner, whichever key of Portkey they use.

        Together, because a limit that each key had for itself would be no limit.
        """
        client = None if owner is None else owner["client_id"]
        owners = self._session_owners
        return [
            each
            for id, each in self._server_instances.items()
            if id in owners and owners[id]["client_id"] == client
        ]

    def forget(self, session_id: str) -> None:
        """Answer 404 to this session from now on; its transport must be ended."""
        self._server_instances.pop(session_id, None)
        self._session_owners.pop(session_id, None)

    @property
    def transports(self) -> list[StreamableHTTPServerTransport]:
        """The transports of all open sessions."""
        return list(self._server_instances.values())

    def new_transport(self, owner: AuthorizationContext | None) -> HttpTransport | None:
        """A transport for a new session, or None at the limit of sessions."""
        raise NotImplementedError

    def _admit_session(
        self, requestor: AuthorizationContext | None
    ) -> StreamableHTTPServerTransport | None:
        transport = self.new_transport(requestor)
        if transport is None:
            return None
        session_id = transport.mcp_session_id
        assert session_id is not None  # every session has one
        if requestor is not None:
            self._session_owners[session_id] = requestor
        self._server_instances[session_id] = transport
        return transport

    async def handle_without_session(
        self, version: str | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve one request in stateless mode."""
        await super()._handle_stateless_request(version, scope, receive, send)

    async def _handle_stateless_request(
        self, protocol_version_hint: str | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        await self.handle_without_session(protocol_version_hint, scope, receive, send)

    async def start_serving(
        self, transport: StreamableHTTPServerTransport, version: str | None
    ) -> None:
        """Start serving the one request of a transport without a session."""
        assert self._task_group is not None  # run() has been entered
        serve: Callable[..., Awaitable[None]] = self._serve
        await self._task_group.start(serve, transport, version)

    async def _serve(
        self,
        transport: StreamableHTTPServerTransport,
        version: str | None,
        *,
        task_status: Any = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        async with transport.connect() as (read, write):
            task_status.started()
            dispatcher: JSONRPCDispatcher[TransportContext] = JSONRPCDispatcher(
                read,
                write,
                inline_methods=frozenset({"initialize"}),
                transport_builder=lambda _: TransportContext(
                    kind="streamable-http", can_send_request=False
                ),
            )
            connection = Connection.from_envelope(version or DEFAULT_NEGOTIATED_VERSION, None, None)
            await serve_connection(
                self.app, dispatcher, connection=connection, lifespan_state=self._lifespan_state
            )

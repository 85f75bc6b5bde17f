"""A stream to the client that reports which requests were answered on it."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from mcp.shared._stream_protocols import WriteStream
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCResponse, RequestId


class AnswerWatch:
    """Passes messages on, and calls `answered` with the id of each request that was answered."""

    def __init__(
        self, stream: WriteStream[SessionMessage], answered: Callable[[RequestId], None]
    ) -> None:
        self._stream = stream
        self._answered = answered

    async def send(self, item: SessionMessage, /) -> None:
        """Send a message; whatever comes of it, its request is over."""
        try:
            await self._stream.send(item)
        finally:
            message = item.message
            if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
                self._answered(message.id)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.aclose()

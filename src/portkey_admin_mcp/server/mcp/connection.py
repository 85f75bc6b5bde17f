"""One connection to the server of the SDK, as lines: behind the fast path, and for checks."""

import json
import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
import mcp_types
from mcp.shared._context_streams import create_context_streams
from mcp.shared.message import SessionMessage

if TYPE_CHECKING:
    from fastmcp import FastMCP

log = logging.getLogger(__name__)


class SdkConnection:
    """Takes decoded messages and gives back answers, in the order in which they come."""

    def __init__(self, server: "FastMCP", answered: Callable[[dict[str, Any]], None]) -> None:
        self._server = server
        self._answered = answered
        self._send, self._receive = create_context_streams[SessionMessage | Exception](math.inf)

    async def take(self, message: dict[str, Any]) -> None:
        """Hand over a message."""
        text = json.dumps(message)
        try:
            read = mcp_types.jsonrpc_message_adapter.validate_json(text, by_name=False)
        except ValueError as error:
            await self._send.send(error)
        else:
            await self._send.send(SessionMessage(read))

    async def run(self) -> None:
        """Serve until cancelled."""
        from fastmcp.server.context import reset_transport, set_transport

        token = set_transport("stdio")
        low = self._server._mcp_server
        answers_in, answers_out = create_context_streams[SessionMessage](0)
        try:
            async with (
                self._server._lifespan_manager(),
                self._send,
                self._receive,
                answers_in,
                answers_out,
                anyio.create_task_group() as group,
            ):
                group.start_soon(self._relay, answers_out)
                await low.run(self._receive, answers_in, low.create_initialization_options())
        finally:
            reset_transport(token)

    async def _relay(self, answers: Any) -> None:
        async for sent in answers:
            text = sent.message.model_dump_json(by_alias=True, exclude_unset=True)
            self._answered(json.loads(text))

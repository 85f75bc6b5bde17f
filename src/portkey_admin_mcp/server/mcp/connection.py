"""One connection to the SDK's server, as decoded messages in memory."""

import json
import math
from collections.abc import Callable
from typing import Any

import anyio
import mcp_types
from mcp.server import Server
from mcp.shared.message import SessionMessage


class SdkConnection:
    """Passes decoded messages to the server, and its answers to `on_answer`, in order."""

    def __init__(self, server: Server[Any], on_answer: Callable[[dict[str, Any]], None]) -> None:
        self._server = server
        self._on_answer = on_answer
        self._send, self._receive = anyio.create_memory_object_stream[SessionMessage | Exception](
            math.inf
        )

    async def take(self, message: dict[str, Any]) -> None:
        """Pass a message to the server."""
        text = json.dumps(message)
        try:
            parsed = mcp_types.jsonrpc_message_adapter.validate_json(text, by_name=False)
        except ValueError as error:
            await self._send.send(error)
        else:
            await self._send.send(SessionMessage(parsed))

    async def run(self) -> None:
        """Serve until cancelled."""
        send, receive = anyio.create_memory_object_stream[SessionMessage](0)
        async with (
            self._send,
            self._receive,
            send,
            receive,
            anyio.create_task_group() as group,
        ):
            group.start_soon(self._relay, receive)
            options = self._server.create_initialization_options()
            await self._server.run(self._receive, send, options)

    async def _relay(self, answers: Any) -> None:
        async for answer in answers:
            text = answer.message.model_dump_json(by_alias=True, exclude_unset=True)
            self._on_answer(json.loads(text))

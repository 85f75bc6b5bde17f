"""A client of the server's loop for stdio, in this process: over pipes, with the fast path."""

import asyncio
import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp_types
from mcp.shared.message import SessionMessage

from portkey_admin_mcp.server.calls.tool_calls import ToolCalls
from portkey_admin_mcp.server.fastpath.answers import FastPath
from portkey_admin_mcp.server.fastpath.connection import FastPathConnection
from portkey_admin_mcp.server.mcp.app import AdminServer
from portkey_admin_mcp.server.stdio.loop import StdioLoop
from portkey_admin_mcp.server.stdio.pipes import Early, Pipes

MAX_LINE_BYTES = 4_000_000


@asynccontextmanager
async def stdio_in_process(calls: ToolCalls, fast_path: FastPath | None) -> AsyncIterator[Any]:
    """A transport for the official client: `Client(stdio_in_process(calls, fast_path))`."""
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()
    loop = StdioLoop(
        Pipes(read_in, write_out), FastPathConnection(fast_path), lambda: AdminServer(calls)
    )
    serving = asyncio.ensure_future(loop.run(Early(b"", False, b"")))
    lines = asyncio.StreamReader(MAX_LINE_BYTES)
    output, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(read_out, "rb", 0)
    )
    to_client, received = anyio.create_memory_object_stream[SessionMessage | Exception](math.inf)
    sent, from_client = anyio.create_memory_object_stream[SessionMessage](math.inf)

    async def read_answers() -> None:
        async for line in lines:
            message = mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False)
            await to_client.send(SessionMessage(message))

    async def write_messages() -> None:
        async for each in from_client:
            text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
            os.write(write_in, text.encode() + b"\n")

    tasks = [asyncio.ensure_future(read_answers()), asyncio.ensure_future(write_messages())]
    try:
        yield received, sent
    finally:
        os.close(write_in)  # the end of input, after which the loop ends by itself
        await serving
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        output.close()
        os.close(read_in)
        os.close(write_out)
        for stream in (to_client, received, sent, from_client):
            stream.close()

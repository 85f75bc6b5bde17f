"""The fields that the SDK adds to results since revision 2026-07-28; the fast path repeats them."""

from typing import Any

import anyio
from mcp.server import Server

from ..fastpath.requests import CAPABILITIES_KEY, MODERN_VERSION, VERSION_KEY
from .connection import SdkConnection

META = {VERSION_KEY: MODERN_VERSION, CAPABILITIES_KEY: {}}
ANNOUNCED = {"supportedVersions", "capabilities", "instructions", "serverInfo"}


async def record_modern_fields(server: Server[Any]) -> dict[str, dict[str, Any]]:
    """The added fields, by kind of result: discover, list, call."""
    discovered, listed = await _results(server, "server/discover", "tools/list")
    return {
        "discover": {k: v for k, v in discovered.items() if k not in ANNOUNCED},
        "list": {k: v for k, v in listed.items() if k != "tools"},
        "call": {name: listed[name] for name in ("_meta", "resultType")},
    }


async def _results(server: Server[Any], *methods: str) -> list[dict[str, Any]]:
    send, receive = anyio.create_memory_object_stream[dict[str, Any]](1)
    connection = SdkConnection(server, send.send_nowait)
    results = []
    async with anyio.create_task_group() as group, send, receive:
        group.start_soon(connection.run)
        for number, method in enumerate(methods):
            request = {"jsonrpc": "2.0", "id": number, "method": method}
            await connection.take({**request, "params": {"_meta": META}})
            results.append((await receive.receive())["result"])
        group.cancel_scope.cancel()
    return results

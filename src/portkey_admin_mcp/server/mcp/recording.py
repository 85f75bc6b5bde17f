"""What the SDK says of a server, in both protocol generations: what the fast path repeats."""

from typing import Any, NamedTuple

import anyio
from fastmcp import FastMCP

from ..fastpath.manifest import LISTS
from ..fastpath.requests import CAPABILITIES_KEY, LEGACY_VERSIONS, MODERN_VERSION, VERSION_KEY
from .connection import SdkConnection

Definitions = list[dict[str, Any]]
META = {VERSION_KEY: MODERN_VERSION, CAPABILITIES_KEY: {}}
ANNOUNCED = ("capabilities", "instructions", "serverInfo")


class Recording(NamedTuple):
    """The head of a manifest, as far as the SDK tells it, and each list by its field."""

    head: dict[str, Any]
    lists: dict[str, Definitions]


async def record(server: FastMCP) -> Recording:
    """Ask a server for what it is and for its lists."""
    client = {"name": "manifest", "version": "1"}
    params = {"protocolVersion": LEGACY_VERSIONS[-1], "capabilities": {}, "clientInfo": client}
    opening = {"method": "initialize", "params": params}
    announced, *lists = await _results(server, [opening, *({"method": m} for m in LISTS)])
    asked = [{"method": m, "params": {"_meta": META}} for m in ("server/discover", "tools/list")]
    discovered, listed = await _results(server, asked)
    head = {
        **{name: announced.get(name, "") for name in ANNOUNCED},
        "modern": {
            "discover": _without(discovered, "supportedVersions", *ANNOUNCED),
            "list": _without(listed, "tools"),
            "call": {name: listed[name] for name in ("_meta", "resultType")},
        },
    }
    fields = zip(LISTS.values(), lists, strict=True)
    return Recording(head, {field: result[field] for field, result in fields})


async def _results(server: FastMCP, messages: list[dict[str, Any]]) -> Definitions:
    """The results of requests, one after the other."""
    send, receive = anyio.create_memory_object_stream[dict[str, Any]](1)
    connection = SdkConnection(server, send.send_nowait)
    async with anyio.create_task_group() as group, send, receive:
        group.start_soon(connection.run)
        results = []
        for number, message in enumerate(messages):
            await connection.take({"jsonrpc": "2.0", "id": number, **message})
            results.append((await receive.receive())["result"])
        group.cancel_scope.cancel()
    return results


def _without(result: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in names}

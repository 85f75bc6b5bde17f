"""Servers for tests, in this process: of the SDK, and over HTTP.

The fast path is on, as by default, unless MCP_FAST_PATH=off is in the environment of the tests.
"""

import os
from collections.abc import Awaitable, Callable, Iterable
from functools import cache

from starlette.applications import Starlette

from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.catalog import Tool
from portkey_admin_mcp.safety.door import Door
from portkey_admin_mcp.safety.policy_guard import PolicyGuard
from portkey_admin_mcp.server.calls.executor import MAX_RESULT_CHARS
from portkey_admin_mcp.server.calls.tool_calls import ToolCalls
from portkey_admin_mcp.server.fastpath.answers import FastPath
from portkey_admin_mcp.server.http.app import build_http
from portkey_admin_mcp.server.loading import load_offer
from portkey_admin_mcp.server.mcp.app import AdminServer
from portkey_admin_mcp.server.offer.offer import Offer, ToolMode
from portkey_admin_mcp.settings.hosting import Hosting

IS_OFF = os.environ.get("MCP_FAST_PATH") == "off"
SETTING = {
    "PORTKEY_CONFIRM": "never",
    "PORTKEY_JOURNAL": "off",
    **({"MCP_FAST_PATH": "off"} if IS_OFF else {}),
}
"""For the environment of a server that is started as a process. Only the tests of the door ask a
person before a change of high risk, and keep a journal, in a file of their own."""

CLIENTS: list[Portkey] = []
"""The client that the shared server calls, last."""


@cache
def offer(mode: ToolMode = "full") -> Offer:
    """Everything there is; read once."""
    return load_offer(mode)


def build_calls(
    portkey: Callable[[], Portkey],
    max_result_chars: int = MAX_RESULT_CHARS,
    offered: Iterable[Tool] | None = None,
    *,
    mode: ToolMode = "full",
    door: Door | None = None,
    policy: PolicyGuard | None = None,
) -> ToolCalls:
    """Calls of all tools, or of those offered; changes pass the door if there is one."""
    tools = offer(mode)
    if offered is not None:
        tools = tools.limited_to({tool.name for tool in offered})
    return ToolCalls(tools, portkey, max_result_chars, door and (lambda: door), policy)


def build_server(*arguments, **options) -> AdminServer:
    """The SDK's server; arguments as for `build_calls`."""
    return AdminServer(build_calls(*arguments, **options))


@cache
def shared_server() -> AdminServer:
    """One server for all tests, whose validators are built once; it calls the last of CLIENTS."""
    return build_server(lambda: CLIENTS[-1])


def hosted(
    portkey: Callable[[], Portkey],
    hosting: Hosting,
    *,
    fast_path: bool = not IS_OFF,
    mode: ToolMode = "full",
    check_portkey: Callable[[], Awaitable[None]] | None = None,
    policy: PolicyGuard | None = None,
) -> Starlette:
    """The hosted service on this client."""
    calls = build_calls(portkey, mode=mode, policy=policy)
    return build_http(
        AdminServer(calls),
        hosting,
        calls=calls,
        fast_path=FastPath(calls.offer, calls) if fast_path else None,
        check_portkey=check_portkey,
    )

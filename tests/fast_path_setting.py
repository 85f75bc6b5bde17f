"""The fast path in tests: on, as by default, unless MCP_FAST_PATH=off is in their environment."""

import os
from collections.abc import Callable

from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.calls.executor import MAX_RESULT_CHARS
from portkey_admin_mcp.server.fastpath.manifest import Manifest
from portkey_admin_mcp.server.fastpath.tool_calls import Calls
from portkey_admin_mcp.server.http.fast_endpoint import FastPathParts

IS_OFF = os.environ.get("MCP_FAST_PATH") == "off"
SETTING = {"MCP_FAST_PATH": "off"} if IS_OFF else {}
"""For the environment of a server that is started as a process."""


def fast_path_on(portkey: Callable[[], Portkey]) -> FastPathParts | None:
    """the fast path for `build_http`, or None where it is off."""
    manifest = Manifest.load()
    calls = Calls(manifest, portkey, MAX_RESULT_CHARS)
    return None if IS_OFF else FastPathParts(manifest, calls)

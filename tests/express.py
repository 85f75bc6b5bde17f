"""The express lane in tests: on, as by default, unless MCP_EXPRESS=off is in their environment."""

import os
from collections.abc import Callable
from typing import Any

from portkey_admin_mcp.api import Portkey
from portkey_admin_mcp.server.executor import MAX_RESULT_CHARS
from portkey_admin_mcp.server.express.calls import Calls
from portkey_admin_mcp.server.express.manifest import Manifest

IS_OFF = os.environ.get("MCP_EXPRESS") == "off"
SETTING = {"MCP_EXPRESS": "off"} if IS_OFF else {}
"""For the environment of a server that is started as a process."""


def lane_calls(portkey: Callable[[], Portkey]) -> Any:
    """The calls of the lane for `build_http`, or None where the lane is off."""
    return None if IS_OFF else Calls(Manifest.load(), portkey, MAX_RESULT_CHARS)

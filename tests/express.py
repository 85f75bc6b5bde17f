"""The express lane in tests: on, as by default, unless MCP_EXPRESS=off is in their environment."""

import os
from collections.abc import Callable

from portkey_admin_mcp.api import Portkey
from portkey_admin_mcp.server.executor import MAX_RESULT_CHARS
from portkey_admin_mcp.server.express.calls import Calls
from portkey_admin_mcp.server.express.manifest import Manifest
from portkey_admin_mcp.server.http.express import Express

IS_OFF = os.environ.get("MCP_EXPRESS") == "off"
SETTING = {"MCP_EXPRESS": "off"} if IS_OFF else {}
"""For the environment of a server that is started as a process."""


def express_on(portkey: Callable[[], Portkey]) -> Express | None:
    """The lane for `build_http`, or None where it is off."""
    manifest = Manifest.load()
    calls = Calls(manifest, portkey, MAX_RESULT_CHARS)
    return None if IS_OFF else Express(manifest, calls)

"""Imported before FastMCP: what a user's FASTMCP_ variables or `.env` say is not about us.

FastMCP reads its own settings from the environment and from `./.env` at import, prints a
banner, asks the network for updates and installs log handlers. None of that belongs in a
process whose stdout is the protocol and whose secrets are in its environment.
"""

import os

OURS = {
    "FASTMCP_ENV_FILE": os.devnull,
    "FASTMCP_LOG_ENABLED": "false",
    "FASTMCP_SHOW_SERVER_BANNER": "false",
    "FASTMCP_CHECK_FOR_UPDATES": "off",
    "FASTMCP_TELEMETRY_MODE": "off",
}


def isolate_fastmcp() -> None:
    """Replace every FASTMCP_ variable of this process by ours."""
    environment = os.environ  # noqa: TID251  # FastMCP offers no other way to be configured
    for name in [name for name in environment if name.upper().startswith("FASTMCP_")]:
        del environment[name]
    environment.update(OURS)

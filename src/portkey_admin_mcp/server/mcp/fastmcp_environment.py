"""Keep FastMCP from reading the user's FASTMCP_ variables and `.env`; called before its import.

FastMCP reads its own settings from the environment and from `./.env` at import, prints a
banner, asks the network for updates and installs log handlers. None of that belongs in a
process whose stdout is the protocol and whose secrets are in its environment.
"""

import os

FASTMCP_SETTINGS = {
    "FASTMCP_ENV_FILE": os.devnull,
    "FASTMCP_LOG_ENABLED": "false",
    "FASTMCP_SHOW_SERVER_BANNER": "false",
    "FASTMCP_CHECK_FOR_UPDATES": "off",
    "FASTMCP_TELEMETRY_MODE": "off",
}


def isolate_fastmcp() -> None:
    """Remove every FASTMCP_ variable of this process, and set those of FASTMCP_SETTINGS."""
    environment = os.environ  # noqa: TID251  # FastMCP offers no other way to be configured
    for name in [name for name in environment if name.upper().startswith("FASTMCP_")]:
        del environment[name]
    environment.update(FASTMCP_SETTINGS)

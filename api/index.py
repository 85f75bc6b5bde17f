"""The entry point for Vercel: the ASGI application `app`, with settings from the environment."""

import os
import sys
from pathlib import Path

# Vercel installs the packages in the lock and uploads the repository, but does not install it.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from portkey_admin_mcp.assembly import create_app

# Set here and not among Vercel's settings, because neither is a choice: any instance may receive
# any request, and everybody can reach them. With the default host, which is loopback,
# MCP_ALLOW_UNAUTHENTICATED_HTTP would turn authentication off.
settings = os.environ  # noqa: TID251  # create_app reads it
settings.update(MCP_SESSION_MODE="stateless", MCP_HOST="0.0.0.0")  # noqa: S104

app = create_app()

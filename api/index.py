"""Vercel's way in: the ASGI application `app`, stateless, its settings from the environment."""

import os
import sys
from pathlib import Path

# Vercel installs what the lock lists and ships the repository, but does not install the package.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from portkey_admin_mcp.assembly import create_app

# Said here and not among Vercel's settings, because neither is a choice: every request may meet
# another instance, and the world reaches all of them. On the default address, which is loopback,
# MCP_ALLOW_UNAUTHENTICATED_HTTP would count.
settings = os.environ  # noqa: TID251  # create_app reads it
settings.update(MCP_SESSION_MODE="stateless", MCP_HOST="0.0.0.0")  # noqa: S104

app = create_app()

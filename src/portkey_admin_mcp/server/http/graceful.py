"""The uvicorn server of one process, which stops gracefully."""

from typing import Any

import uvicorn
from starlette.applications import Starlette

END_TIMEOUT_S = 1
"""Seconds after MCP_SHUTDOWN_TIMEOUT_MS for sending errors to the clients of unfinished calls."""


class Server(uvicorn.Server):
    """A uvicorn server that closes event streams before it waits for open connections."""

    async def shutdown(self, sockets: Any = None) -> None:
        """Close event streams, wait for running calls, answer the others, then shut down."""
        app = self.config.loaded_app
        if not isinstance(app, Starlette):
            await super().shutdown(sockets)
            return
        service = app.state.service
        await service.close_streams()
        finishing = service.finish_calls(service.hosting.shutdown_timeout_ms / 1000)
        try:
            await super().shutdown(sockets)
        finally:
            finishing.cancel()

"""The uvicorn server of one process, which stops gracefully."""

import asyncio
from typing import Any

import uvicorn
from starlette.applications import Starlette

END_TIMEOUT_S = 1
"""Seconds after MCP_SHUTDOWN_TIMEOUT_MS for sending errors to the clients of unfinished calls."""

CANCEL_TIMEOUT_S = 2.0
"""Seconds that cancelled calls have to end."""


class Server(uvicorn.Server):
    """A uvicorn server that closes event streams before it waits for open connections."""

    async def shutdown(self, sockets: Any = None) -> None:
        """Close event streams, wait for running calls, answer the others, then shut down.

        uvicorn cancels the calls that take too long, but does not wait for them: their processes
        would outlive the event loop.
        """
        app = self.config.loaded_app
        if not isinstance(app, Starlette):
            await self._shut_down(sockets)
            return
        service = app.state.service
        await service.close_streams()
        finishing = service.finish_calls(service.hosting.shutdown_timeout_ms / 1000)
        try:
            await self._shut_down(sockets)
        finally:
            finishing.cancel()

    async def _shut_down(self, sockets: Any) -> None:
        await super().shutdown(sockets)
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=CANCEL_TIMEOUT_S)

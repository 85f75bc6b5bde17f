"""Serve an ASGI app with uvicorn on a loopback port, in a thread."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import uvicorn
from starlette.types import ASGIApp

TIMEOUT_S = 20


class ThreadServer(uvicorn.Server):
    """Uvicorn in a thread; it starts and stops at once, where uvicorn looks ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_running = threading.Event()

    async def main_loop(self) -> None:
        """Serve until `stop` is called."""
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await self.on_tick(0)
        self.is_running.set()
        await self._stopping.wait()

    def stop(self) -> None:
        """Stop from another thread; without an effect if the server has stopped."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopping.set)


@contextlib.contextmanager
def serve_app(create: Callable[[int], ASGIApp]) -> Iterator[str]:
    """Serve the app that `create` returns for a port; yields the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    config = uvicorn.Config(create(port), log_config=None, timeout_graceful_shutdown=1)
    server = ThreadServer(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        assert server.is_running.wait(TIMEOUT_S), "the app did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        if server.is_running.is_set():
            server.stop()
        thread.join(TIMEOUT_S)
        listening.close()


def plain_client(**options: Any) -> httpx2.AsyncClient:
    """A client for addresses without TLS: to load certificates takes longer than a request."""
    return httpx2.AsyncClient(verify=False, **options)

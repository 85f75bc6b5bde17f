"""Serve an ASGI app with uvicorn on a loopback port, in a thread."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

TIMEOUT_S = 20


@contextlib.contextmanager
def serve_app(create: Callable[[int], ASGIApp]) -> Iterator[str]:
    """Serve the app that `create` returns for a port; yields the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    config = uvicorn.Config(create(port), log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while not server.started:
            assert time.monotonic() < deadline, "the app did not start"
            assert thread.is_alive(), "the server stopped before it was ready"
            time.sleep(0.005)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(TIMEOUT_S)
        listening.close()

"""Serves an emulator over HTTP from a thread of this process."""

import logging
import socket
import threading

import uvicorn

from ..emulator.core.app import Emulator
from ..emulator.core.asgi import asgi

STOP_TIMEOUT_S = 10


class ServerThread:
    """An HTTP server on a free port of the loopback address.

    It changes neither the logging nor the signal handlers of the process, and connections are
    accepted from the moment it exists.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self._server = uvicorn.Server(_config(emulator))
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="portkey-emulator", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The address, without a path: `http://127.0.0.1:43211`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def _port(self) -> int:
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Stop the server, and close its connections. It returns within a second."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(STOP_TIMEOUT_S)
        self._socket.close()


def _config(emulator: Emulator) -> uvicorn.Config:
    """The server's configuration, made without a lasting change of the process's logging."""
    access_log = logging.getLogger("uvicorn.access")
    before = access_log.handlers, access_log.propagate
    config = uvicorn.Config(
        asgi(emulator),
        log_config=None,
        access_log=False,  # this switches the logger off, also for other servers of the process
        lifespan="off",
        loop="asyncio",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    access_log.handlers, access_log.propagate = before
    return config

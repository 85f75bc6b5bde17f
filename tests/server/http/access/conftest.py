"""The checks of Host, Origin and body in a real server; and an issuer of tokens."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import uvicorn

from asgi_client import echo_app
from portkey_admin_mcp.server.http.access.body_limit import BodyLimit
from portkey_admin_mcp.server.http.access.host_and_origin import HostAndOrigin
from portkey_admin_mcp.settings.hosting import Hosting
from token_issuer import Issuer

TIMEOUT_S = 20
MAX_BYTES = 1000


class Reply(NamedTuple):
    """What a server sent on a connection until it closed it."""

    status: int
    text: str


@pytest.fixture(scope="package")
def exchange() -> Iterator[Callable[[str], Reply]]:
    """Send text to a real server with both checks, which must then close the connection."""
    app = HostAndOrigin(BodyLimit(echo_app(), MAX_BYTES), Hosting())
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()

    def send(text: str) -> Reply:
        with socket.create_connection(listening.getsockname(), TIMEOUT_S) as connection:
            connection.sendall(text.encode("latin-1"))
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        reply = received.decode("latin-1")
        return Reply(int(reply.split(" ", 2)[1]), reply)

    yield send
    server.should_exit = True
    thread.join(TIMEOUT_S)
    listening.close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.stop()

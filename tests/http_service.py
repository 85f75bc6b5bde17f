"""`portkey-admin-mcp http` as a process, served as it will be."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, TextIO

PATIENCE_S = 30
TOKEN = "a-token-of-the-tests"
HEADERS = {
    "accept": "application/json, text/event-stream",
    "authorization": f"Bearer {TOKEN}",
    "mcp-protocol-version": "2025-11-25",
}


class Served(NamedTuple):
    """A running service, and what it says on stderr."""

    process: "subprocess.Popen[bytes]"
    log: TextIO

    @property
    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()


@contextmanager
def serving(port: int, *options: str, **environment: str) -> "Iterator[Served]":
    """The service with one bearer token, and whatever else is asked for."""
    given = {
        "PATH": os.environ["PATH"],
        "MCP_PORT": str(port),
        "MCP_AUTH_MODE": "bearer",
        "MCP_AUTH_TOKEN": TOKEN,
        "PORTKEY_API_KEY": "a-key",
        **environment,
    }
    command = [sys.executable, "-m", "portkey_admin_mcp", "http", *options]
    # Not a pipe: a service that says much would wait for somebody to read it.
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, env=given, stderr=log)
        try:
            yield Served(process, log)
        finally:
            process.kill()
            process.wait()


def listening(port: int) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("nobody listens")

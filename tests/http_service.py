"""Run `portkey-admin-mcp http` as a subprocess."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TextIO

from programs import tree_environment
from servers import SETTING

TIMEOUT_S = 30
TOKEN = "a-token-of-the-tests"
HEADERS = {
    "accept": "application/json, text/event-stream",
    "authorization": f"Bearer {TOKEN}",
    "mcp-protocol-version": "2025-11-25",
}


class HttpService(NamedTuple):
    """A running service process, and its stderr."""

    process: "subprocess.Popen[bytes]"
    log: TextIO

    @property
    def stderr(self) -> str:
        self.log.seek(0)
        return self.log.read()


@contextmanager
def running_service(
    port: int,
    *options: str,
    program: Sequence[str] = ("-m", "portkey_admin_mcp"),
    **environment: str,
) -> "Iterator[HttpService]":
    """The service with one bearer token, and these options and variables."""
    variables = {
        **tree_environment(),
        "PATH": os.environ["PATH"],
        "MCP_PORT": str(port),
        "MCP_AUTH_MODE": "bearer",
        "MCP_AUTH_TOKEN": TOKEN,
        "PORTKEY_API_KEY": "a-key",
        **SETTING,
        **environment,
    }
    command = [sys.executable, *program, "http", *options]
    # Not a pipe: a full pipe would block the service until somebody reads it.
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, env=variables, stderr=log, start_new_session=True)
        try:
            yield HttpService(process, log)
        finally:
            # With its workers, which would outlive it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def memory_of(process: "subprocess.Popen[bytes]") -> int:
    """Resident memory in kB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+)", status)
    assert match is not None
    return int(match[1])


def wait_for_port(port: int) -> None:
    """Wait until the port accepts connections."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")

"""The memory that clients take which send all of a request but its last byte (Linux).

    python benchmarks/unfinished_bodies.py [--connections N] [--auth none|stranger|token] [--burst]

Starts the service in the sandbox, and opens the connections one after the other; each sends a body
of the maximum size less one byte. With --burst, all are opened before the first sends. Prints the
resident memory of the service before, at its peak and at the end. `stranger` sends a wrong token,
`token` the right one, and `none` needs no token.
"""

import argparse
import os
import resource
import selectors
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import NamedTuple

from processes import resident_mb, started

BODY_BYTES = 1_048_576
TOKEN = "the-token-of-the-benchmark"
START_TIMEOUT_S = 60
WATCHED_S = 5.0
"""Seconds that memory is watched after the last connection sent its body."""
CASES = ("none", "stranger", "token")


class Memory(NamedTuple):
    """Resident memory in MB, and how many connections were still open at the end."""

    before: float
    peak: float
    after: float
    connections_open: int


def measured(auth: str, connections: int, *, is_burst: bool) -> Memory:
    """Start a service, let all connections withhold the last byte, and watch its memory."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "MCP_PORT": str(port),
        "RATE_LIMIT_ENABLED": "false",
        "LOG_LEVEL": "error",
        "MCP_MAX_CONNECTIONS": str(connections + 10),
    }
    if auth == "none":
        environment["MCP_ALLOW_UNAUTHENTICATED_HTTP"] = "true"
    else:
        environment |= {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKEN": TOKEN}
    command = [sys.executable, "-m", "portkey_admin_mcp", "http", "--sandbox"]
    with tempfile.TemporaryFile() as log, started(command, environment, log) as process:
        wait_for(port)
        before = resident_mb(process.pid)
        with ExitStack() as opened:
            request = _request(port, auth)
            peak, open_now = _withhold(opened, port, process.pid, request, connections, is_burst)
            return Memory(before, peak, resident_mb(process.pid), open_now)


def _withhold(
    opened: ExitStack, port: int, pid: int, request: bytes, connections: int, is_burst: bool
) -> tuple[float, int]:
    """Send the request on each connection; returns the peak of memory, and connections open."""
    peak = 0.0
    with selectors.DefaultSelector() as selector:
        for number in range(connections):
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_WRITE, memoryview(request))
            if is_burst:
                continue
            _send(selector, timeout_s=0)
            if number % 20 == 0:
                peak = max(peak, resident_mb(pid))
        end = time.monotonic() + WATCHED_S
        while time.monotonic() < end:
            _send(selector, timeout_s=0.02)
            peak = max(peak, resident_mb(pid))
        return peak, len(selector.get_map())


def _send(selector: selectors.BaseSelector, timeout_s: float) -> None:
    """Send on each connection what it accepts now; forget those that the service has closed."""
    ready = selector.select(timeout_s)
    if not ready:
        time.sleep(timeout_s)
    for key, events in ready:
        connection = key.fileobj
        assert isinstance(connection, socket.socket)
        try:
            if events & selectors.EVENT_READ and not connection.recv(65536):
                raise ConnectionResetError
            if events & selectors.EVENT_WRITE:
                unsent = key.data[connection.send(key.data) :]
                is_sent = not len(unsent)
                wanted = selectors.EVENT_READ | (0 if is_sent else selectors.EVENT_WRITE)
                selector.modify(connection, wanted, unsent)
        except BlockingIOError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            selector.unregister(connection)


def _request(port: int, auth: str) -> bytes:
    token = {"stranger": "not-the-token-of-anybody", "token": TOKEN}.get(auth)
    lines = [
        "POST /mcp HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        f"Content-Length: {BODY_BYTES}",
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + b'"' + b"x" * (BODY_BYTES - 2)


def free_port() -> int:
    """A free port of 127.0.0.1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until the service answers."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/health")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise ChildProcessError("the service did not start")


def main() -> None:
    """Measure all cases, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=800)
    parser.add_argument("--auth", choices=CASES)
    parser.add_argument("--burst", action="store_true")
    arguments = parser.parse_args()
    # The service inherits the limit of open files.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print("| auth | before, MB | peak, MB | after, MB | connections open at the end |")
    print("|---|---|---|---|---|")
    for auth in [arguments.auth] if arguments.auth else CASES:
        memory = measured(auth, arguments.connections, is_burst=arguments.burst)
        print(
            f"| {auth} | {memory.before:.0f} | {memory.peak:.0f} | {memory.after:.0f} "
            f"| {memory.connections_open} |",
            flush=True,
        )


if __name__ == "__main__":
    main()

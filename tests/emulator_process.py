"""The emulator as a process of its own, for clients that speak HTTP."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from programs import tree_environment

TIMEOUT_S = 30
_DIRECT = build_opener(ProxyHandler({}))
"""Opens addresses of this machine, whatever proxy the environment names."""


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def command(*options: str) -> list[str]:
    """The command that serves the emulator."""
    return [sys.executable, "-m", "portkey_admin_mcp", "emulator", *options]


def control(url: str, endpoint: str) -> Any:
    """Send a control request."""
    method, path = endpoint.split()
    request = Request(f"{url}/emulator/{path}", method=method)
    with _DIRECT.open(request, timeout=TIMEOUT_S) as answer:
        return json.load(answer)


@contextlib.contextmanager
def emulator(directory: Path, *options: str) -> Iterator[str]:
    """An emulator in its own process; gives its URL."""
    port = free_port()
    with (directory / f"{port}.log").open("w+") as log:
        process = subprocess.Popen(
            command("--port", str(port), *options), stderr=log, stdout=log, env=tree_environment()
        )
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + TIMEOUT_S
            while not _answers(url):
                assert process.poll() is None and time.monotonic() < deadline, log.read()
                time.sleep(0.02)
            yield url
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)


def _answers(url: str) -> bool:
    try:
        return bool(control(url, "GET keys"))
    except URLError:
        return False

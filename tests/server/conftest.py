"""A real stdio server process, driven by JSON-RPC lines over pipes; and a client in code mode."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from mcp import Client

from fake_portkey import FakePortkey
from initialization import INITIALIZE_PARAMS
from mcp_texts import report, texts
from programs import tree_environment
from servers import SETTING, build_server

TIMEOUT_S = 20
"""Seconds to wait for an answer, even on a loaded machine."""

EXIT_TIMEOUT_S = 1
"""Seconds in which a requested exit must happen."""

LATEST_PROTOCOL = "2026-07-28"


class StdioServer:
    """One server process. Its environment holds only the variables that a test sets."""

    def __init__(self, arguments: tuple[str, ...], env: dict[str, str], folder: Path) -> None:
        self.said = b""
        self._read = 0
        self._asked = 0
        self._meta: dict[str, Any] = {}
        self._log = folder / "stderr"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "portkey_admin_mcp", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                cwd=folder,
                env=tree_environment({"HOME": str(folder), **SETTING, **env}),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self.close_input()
        self.close_output()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stderr(self) -> str:
        return self._log.read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of its stdout; fails if one of them is not JSON."""
        return [json.loads(line) for line in self.said.splitlines()]

    def open(self, version: str = "2025-11-25") -> dict[str, Any]:
        """Start a session at this revision, and return the answer to initialize."""
        if version == LATEST_PROTOCOL:
            prefix = "io.modelcontextprotocol/"
            self._meta = {
                f"{prefix}protocolVersion": version,
                f"{prefix}clientInfo": INITIALIZE_PARAMS["clientInfo"],
                f"{prefix}clientCapabilities": {},
            }
            return self.ask("server/discover")
        greeting = self.ask("initialize", **INITIALIZE_PARAMS | {"protocolVersion": version})
        self.tell("notifications/initialized")
        return greeting

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its result, which may be an error."""
        return self.ask("tools/call", name=tool, arguments=arguments)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request and return its result, which must be in the next line."""
        number = self.request(method, **params)
        answer = self.next_line()
        assert answer.get("id") == number, answer
        assert "result" in answer, answer
        return answer["result"]

    def request(self, method: str, **params: Any) -> int:
        """Send a request without waiting for its answer."""
        self._asked += 1
        meta = {"_meta": self._meta} if self._meta else {}
        self._write(id=self._asked, method=method, params={**params, **meta})
        return self._asked

    def tell(self, method: str, **params: Any) -> None:
        """Send a notification."""
        self._write(method=method, params=params)

    def write(self, line: bytes) -> None:
        """Send a line as it is."""
        self.write_bytes(line + b"\n")

    def write_bytes(self, data: bytes) -> None:
        """Send bytes that need not be a complete line."""
        self._process.stdin.write(data)

    def answer(self, number: int) -> dict[str, Any]:
        """Read lines until the answer to this request, and return it."""
        while (line := self.next_line()).get("id") != number:
            pass
        return line

    def next_line(self) -> dict[str, Any]:
        """Read the next line of its stdout."""
        deadline = time.monotonic() + TIMEOUT_S
        while b"\n" not in self.said[self._read :]:
            left = max(0, deadline - time.monotonic())
            if not select.select([self._process.stdout], [], [], left)[0]:
                raise TimeoutError(f"no line was written; stderr: {self.stderr}")
            data = os.read(self._process.stdout.fileno(), 65536)
            if not data:
                raise EOFError(f"the server has ended; stderr: {self.stderr}")
            self.said += data
        line = self.said[self._read :].partition(b"\n")[0]
        self._read += len(line) + 1
        return json.loads(line)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def close_input(self) -> None:
        self._process.stdin.close()

    def close_output(self) -> None:
        self._process.stdout.close()

    def wait_for_exit(self, within_s: float = EXIT_TIMEOUT_S) -> int:
        """Wait until the server ends, and return the exit code."""
        code = self._process.wait(within_s)
        if not self._process.stdout.closed:
            self.said += self._process.stdout.read()
        return code

    def stops(self) -> int:
        """Wait until a server that cannot start ends, and return the exit code."""
        return self.wait_for_exit(TIMEOUT_S)

    def _write(self, **message: Any) -> None:
        self.write(json.dumps({"jsonrpc": "2.0", **message}).encode())


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., StdioServer]:
    """Start a server in an empty folder, or in `folder`."""

    def with_arguments(
        *arguments: str, env: dict[str, str] | None = None, folder: Path | None = None
    ) -> StdioServer:
        return StdioServer(arguments, env or {}, folder or tmp_path_factory.mktemp("home"))

    return with_arguments


@pytest.fixture
def fake() -> Iterator[FakePortkey]:
    """A scripted Portkey on loopback."""
    with FakePortkey() as fake:
        yield fake


@pytest.fixture
def portkey_env(fake: FakePortkey) -> dict[str, str]:
    """The environment of a server that sends its requests to the fake."""
    return {**fake.settings, "PORTKEY_API_KEY": "a-key-of-the-tests"}


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Wait until a condition is true."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline, "the condition did not become true"
            time.sleep(0.01)

    return wait


@pytest.fixture
def coding(api):
    """Connect a client to a server in code mode."""

    def connect(*limits, portkey=api, **more):
        return Client(build_server(lambda: portkey, *limits, mode="code", **more))

    return connect


@pytest.fixture
def execute(coding):
    """Run code, check that the server answers at once afterwards, and return the result."""

    async def run(code, *limits, **more):
        async with coding(*limits, **more) as client:
            result = await client.call_tool("execute", {"code": code})
            started = time.monotonic()
            after = await client.call_tool("list_workspaces", {})
            assert not after.is_error
            assert time.monotonic() - started < 2
        return result

    return run


@pytest.fixture
def returned(execute):
    """Run code that succeeds, and return its value."""

    async def run(code, **more):
        result = await execute(code, **more)
        assert not result.is_error, texts(result)
        return json.loads(report(result)[0])

    return run


@pytest.fixture
def stopped(execute):
    """Run code that fails, and return the error message."""

    async def run(code, **more):
        result = await execute(code, **more)
        assert result.is_error, texts(result)
        return texts(result)[0]

    return run

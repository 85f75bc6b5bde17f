"""`api/index.py`, which Vercel loads, under uvicorn in a process of its own."""

import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from initialization import INITIALIZE
from programs import tree_environment

TOKEN = "0123456789abcdef0123456789abcdef"
BEARER = {
    "PORTKEY_SANDBOX": "true",
    "MCP_AUTH_MODE": "bearer",
    "MCP_AUTH_TOKEN": TOKEN,
    "MCP_SESSION_MODE": "stateful",
}


def serve(root: Path, port: int, settings: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--app-dir", "api", "index:app", f"--port={port}"],
        cwd=root,
        env=tree_environment(settings),
        stderr=subprocess.PIPE,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
async def client(root, wait_until) -> AsyncIterator[ClientSession]:
    port = free_port()
    process = serve(root, port, BEARER)
    session = ClientSession(f"http://127.0.0.1:{port}")

    async def answers() -> bool:
        assert process.poll() is None, process.stderr.read()
        with suppress(ClientError):
            async with session.get("/health"):
                return True
        return False

    try:
        await wait_until(answers)
        yield session
    finally:
        await session.close()
        process.terminate()
        process.communicate(timeout=10)


async def test_the_entry_serves_pages_and_mcp_without_sessions(client):
    accept = {"Accept": "application/json, text/event-stream"}
    async with client.get("/health") as health:
        pass
    async with client.post("/mcp", json=INITIALIZE, headers=accept) as unauthenticated:
        pass
    bearer = accept | {"Authorization": f"Bearer {TOKEN}"}
    async with client.post("/mcp", json=INITIALIZE, headers=bearer) as authenticated:
        answer = await authenticated.text()

    assert (health.status, unauthenticated.status, authenticated.status) == (200, 401, 200)
    assert "serverInfo" in answer
    assert "mcp-session-id" not in authenticated.headers


def test_the_entry_requires_authentication(root):
    settings = {"PORTKEY_SANDBOX": "true", "MCP_ALLOW_UNAUTHENTICATED_HTTP": "true"}

    process = serve(root, free_port(), settings)
    try:
        _, stderr = process.communicate(timeout=20)
    finally:
        process.kill()

    assert process.returncode != 0
    assert b"MCP_AUTH_MODE is none" in stderr


def test_the_entry_is_what_the_runtime_of_vercel_takes_for_asgi(root, tmp_path):
    # It imports the file by its path, with nothing of the project on sys.path, and takes an
    # asynchronous callable with three arguments for ASGI.
    script = f"""
import importlib.util, inspect, sys
spec = importlib.util.spec_from_file_location("api.index", {str(root / "api/index.py")!r})
module = sys.modules["api.index"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
call = module.app.__call__
print(inspect.iscoroutinefunction(call), len(inspect.signature(call).parameters))
"""
    environment = tree_environment(BEARER)
    del environment["PYTHONPATH"]

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (0, "True 3\n"), done.stderr

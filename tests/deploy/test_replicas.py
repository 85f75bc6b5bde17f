"""Two instances behind nginx with deploy/nginx.conf: the SDK's client loses one during a call."""

import asyncio
import base64
import socket
import subprocess
from contextlib import ExitStack

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from fake_portkey import Answer, FakePortkey
from http_service import running_service, wait_for_port
from programs import require_program
from short_leases import SHORT_LEASES

TIMEOUT_S = 30
KEY = base64.b64encode(bytes(range(32))).decode()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@pytest.fixture
def fake():
    with FakePortkey() as fake:
        yield fake


@pytest.fixture
def running():
    """Processes that end with the test."""
    with ExitStack() as running:

        def start(*command):
            process = running.enter_context(
                subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
            running.callback(process.kill)

        running.start = start
        yield running


@pytest.fixture
def replicas(running, fake):
    """Two instances with one Redis: their processes and ports, and the port for nginx."""
    ports, redis, front = [free_port(), free_port()], free_port(), free_port()
    running.start(require_program("redis-server"), "--port", str(redis), "--save", "")
    environment = {
        **fake.settings,
        "MCP_AUTH_MODE": "none",
        "MCP_ALLOW_UNAUTHENTICATED_HTTP": "true",
        "MCP_SESSION_MODE": "stateless",
        "MCP_EVENT_STORE": "redis",
        "MCP_REDIS_URL": f"redis://127.0.0.1:{redis}/0",
        "MCP_EVENT_ENCRYPTION_KEY": KEY,
        "MCP_PUBLIC_BASE_URL": f"http://127.0.0.1:{front}",
        "LOG_LEVEL": "warning",
    }
    services = [
        running.enter_context(
            # By its key, a test sees which instance made a request.
            running_service(port, program=SHORT_LEASES, PORTKEY_API_KEY=f"key-{n}", **environment)
        )
        for n, port in enumerate(ports)
    ]
    for port in (redis, *ports):
        wait_for_port(port)
    return [service.process for service in services], ports, front


@pytest.fixture
def url(replicas, running, nginx, root, tmp_path):
    """The address of nginx, which sends requests to the instances in turn."""
    _, ports, front = replicas
    conf = (root / "deploy/nginx.conf").read_text()
    for old, new in {
        "listen 8080;": f"listen 127.0.0.1:{front};",
        "server mcp-1:3000 ": f"server 127.0.0.1:{ports[0]} ",
        "server mcp-2:3000 ": f"server 127.0.0.1:{ports[1]} ",
        " /tmp/": f" {tmp_path}/",
    }.items():
        assert old in conf
        conf = conf.replace(old, new)
    (tmp_path / "nginx.conf").write_text(conf)
    running.start(nginx, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"),
                  "-g", "daemon off; master_process off;")  # fmt: skip
    wait_for_port(front)
    return f"http://127.0.0.1:{front}/mcp"


async def test_a_client_whose_instance_is_killed_is_told_that_the_outcome_is_unknown(
    url, replicas, fake
):
    processes, _, _ = replicas
    async with Client(url, mode="legacy") as client, asyncio.timeout(TIMEOUT_S):
        fake.script(["silence"])
        call = asyncio.create_task(client.call_tool("list_workspaces", {}))
        await asyncio.to_thread(fake.wait_for, 1)

        caller = fake.requests[0].headers["x-portkey-api-key"]
        processes[int(caller.removeprefix("key-"))].kill()

        with pytest.raises(MCPError) as raised:
            await call
        fake.script([Answer(body={"total": 7})])
        answer = await client.call_tool("list_workspaces", {})

    assert raised.value.error.code == -32010
    assert raised.value.error.data == {"reason": "server_stopped", "outcome": "unknown"}
    assert answer.structured_content == {"total": 7}

"""`portkey-admin-mcp http` as a process: TLS, workers, and graceful shutdown."""

import asyncio
import os
import signal
import socket
import ssl
import sys
import time
from contextlib import ExitStack

import aiohttp
import pytest

from certificates import Authority
from fake_portkey import Answer, FakePortkey
from http_service import HEADERS, TIMEOUT_S, running_service, wait_for_port
from initialization import INITIALIZE
from processes import connections, tree
from redis_process import free_port

CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "list_workspaces", "arguments": {}},
}


@pytest.fixture
def fake():
    with FakePortkey() as fake:
        yield fake


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
async def test_on_a_signal_a_call_in_flight_is_finished_and_a_stream_is_closed(port, fake, ending):
    number = port()
    fake.script([Answer(body={"total": 7}, after_s=0.3)])
    url = f"http://127.0.0.1:{number}/mcp"
    with running_service(number, **fake.settings) as served:
        wait_for_port(number)
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            async with session.post(url, json=INITIALIZE) as opened:
                own = {"mcp-session-id": opened.headers["mcp-session-id"]}
            async with session.get(url, headers=own) as stream:
                calling = asyncio.create_task(call(session, url, own))
                await asyncio.to_thread(fake.wait_for, 1)

                served.process.send_signal(ending)

                async with asyncio.timeout(TIMEOUT_S):
                    assert await stream.content.read() == b""
                assert '"total":7' in await calling
        assert await asyncio.to_thread(served.process.wait, TIMEOUT_S) == 0
        assert "Aborted" not in served.stderr


async def call(session, url, more):
    async with session.post(url, json=CALL, headers=more) as response:
        return await response.text()


async def test_on_a_signal_a_call_is_waited_for_only_up_to_the_timeout(port, fake):
    number = port()
    fake.script(["silence"])
    environment = {"MCP_SHUTDOWN_TIMEOUT_MS": "1000", "MCP_SESSION_MODE": "stateless"}
    with running_service(number, **fake.settings, **environment) as served:
        wait_for_port(number)
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            calling = asyncio.create_task(call(session, f"http://127.0.0.1:{number}/mcp", {}))
            await asyncio.to_thread(fake.wait_for, 1)

            served.process.send_signal(signal.SIGTERM)

            started = time.monotonic()
            assert await asyncio.to_thread(served.process.wait, TIMEOUT_S) == 0
            # The call itself would never end.
            assert time.monotonic() - started < TIMEOUT_S
            assert "service_stopping" in await calling
        assert "Traceback" not in served.stderr


@pytest.fixture(scope="module")
def two_workers():
    """A service with two workers, and its port."""
    number = free_port()
    with FakePortkey() as fake:
        fake.script([Answer(body={"total": 7})])
        environment = {"MCP_SESSION_MODE": "stateless", "RATE_LIMIT_ENABLED": "false"}
        with running_service(number, "--workers", "2", **environment, **fake.settings) as served:
            wait_for_workers(served.process.pid, number)
            yield served, number


async def test_workers_share_a_port_in_stateless_mode(two_workers):
    _served, number = two_workers
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        url = f"http://127.0.0.1:{number}/mcp"
        answers = await asyncio.gather(*(call(session, url, {}) for _ in range(20)))

    assert all('"total":7' in answer for answer in answers)


@pytest.mark.skipif(sys.platform != "linux", reason="counts connections in /proc")
async def test_connections_are_spread_over_the_workers_and_survive_the_end_of_one(two_workers):
    served, number = two_workers
    await asyncio.to_thread(wait_for_workers, served.process.pid, number)
    with ExitStack() as opened:
        for _ in range(128):
            opened.enter_context(socket.create_connection(("127.0.0.1", number)))
        counts = await asyncio.to_thread(connections_when, served.process.pid, number, 128)
        # By chance, more than 90 of 128 come to one worker once in 200,000 times.
        assert max(counts.values()) <= 90, counts

    os.kill(next(iter(counts)), signal.SIGKILL)
    async with aiohttp.ClientSession(
        headers=HEADERS, connector=aiohttp.TCPConnector(force_close=True)
    ) as session:
        url = f"http://127.0.0.1:{number}/mcp"
        answers = await asyncio.gather(*(call(session, url, {}) for _ in range(20)))

    assert all('"total":7' in answer for answer in answers)


def connections_when(pid, port, total):
    """The connections of each worker, when all together they have accepted this many."""
    deadline = time.monotonic() + TIMEOUT_S
    while sum((counts := connections_by_worker(pid, port)).values()) != total:
        assert time.monotonic() < deadline, counts
        time.sleep(0.02)
    return counts


def connections_by_worker(pid, port):
    return {each: count for each in tree(pid) if (count := connections(each, port))}


def wait_for_workers(pid, port):
    """Wait until connections reach two workers."""
    wait_for_port(port)
    with ExitStack() as opened:
        deadline = time.monotonic() + TIMEOUT_S
        while len(connections_by_worker(pid, port)) < 2:
            assert time.monotonic() < deadline
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
            time.sleep(0.05)


async def test_every_worker_answers_the_sum_of_all_metrics(port, fake, tmp_path):
    number = port()
    fake.script([Answer(body={"total": 7})])
    environment = {
        "MCP_SESSION_MODE": "stateless",
        "MCP_METRICS": "true",
        "RATE_LIMIT_ENABLED": "false",
        "TMPDIR": str(tmp_path),
        **fake.settings,
    }
    with running_service(number, "--workers", "2", **environment) as served:
        wait_for_port(number)
        url = f"http://127.0.0.1:{number}"
        calls = 0
        while calls < 12 or len(worker_files(tmp_path)) < 2:
            # A new connection for each call, so that both workers get some of them.
            async with aiohttp.ClientSession(headers=HEADERS) as session:
                await call(session, f"{url}/mcp", {})
            calls += 1
            assert calls < 500, "one worker gets every call"
        samples = [await metrics_of(url) for _ in range(12)]
        served.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(served.process.wait, TIMEOUT_S)

    expected = f'portkey_admin_tool_calls_total{{outcome="ok",tool="list_workspaces"}} {calls}.0'
    assert all(expected in text for text in samples)
    assert all("portkey_admin_sessions 0.0" in text for text in samples)
    assert [text.count("# TYPE portkey_admin_tool_calls_total") for text in samples] == [1] * 12
    assert list(tmp_path.iterdir()) == []


def worker_files(folder):
    """The files of the workers that have counted a call."""
    return [file for file in folder.glob("*/counter_*.db") if b"tool_calls" in file.read_bytes()]


async def metrics_of(url):
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as response:
        return await response.text()


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        ((), {"MCP_AUTH_MODE": "none"}, "MCP_AUTH_MODE is none"),
        (("--sandbox", "--host", "0.0.0.0"), {"MCP_AUTH_MODE": "none"}, "MCP_AUTH_MODE is none"),
        (
            ("--workers", "2", "--host", "0.0.0.0"),
            {
                "MCP_SESSION_MODE": "stateless",
                "MCP_AUTH_MODE": "none",
                "MCP_ALLOW_UNAUTHENTICATED_HTTP": "true",
            },
            "MCP_AUTH_MODE is none",
        ),
        (("--workers", "2"), {}, "--workers needs MCP_SESSION_MODE=stateless"),
        ((), {"MCP_EVENT_STORE": "redis"}, "MCP_REDIS_URL must be set"),
        ((), {"PORTKEY_BASE_URL": "http://x"}, "PORTKEY_BASE_URL must be https"),
    ],
)
def test_an_unsafe_or_invalid_setup_is_refused_at_start(port, options, environment, message):
    with running_service(port(), *options, **environment) as served:
        code = served.process.wait(TIMEOUT_S)

        assert code != 0
        assert message in served.stderr
        assert "Traceback" not in served.stderr


async def test_https_requires_a_client_certificate_if_a_ca_is_configured(port, tmp_path):
    number, authority = port(), Authority(tmp_path)
    key, certificate = authority.issue("server")
    tls = {
        "MCP_TLS_KEY_PATH": str(key),
        "MCP_TLS_CERT_PATH": str(certificate),
        "MCP_TLS_CA_PATH": str(authority.file),
    }
    without_certificate = ssl.create_default_context(cafile=authority.file)
    with_certificate = ssl.create_default_context(cafile=authority.file)
    client_key, client_certificate = authority.issue("client")
    with_certificate.load_cert_chain(client_certificate, client_key)
    with running_service(number, **tls):
        wait_for_port(number)
        async with aiohttp.ClientSession() as session:
            health = f"https://127.0.0.1:{number}/health"
            async with session.get(health, ssl=with_certificate) as response:
                assert response.status == 200
            with pytest.raises(aiohttp.ClientError):
                await session.get(health, ssl=without_certificate)
            with pytest.raises(aiohttp.ClientError):
                await session.get(health.replace("https", "http"))

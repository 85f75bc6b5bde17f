"""nginx with deploy/nginx.conf, in front of two small servers."""

import asyncio
import os
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

MIB = 1024 * 1024
SPELLINGS = ["/mcp", "/mcp/", "/MCP", "//mcp", "/%6dcp", "/x/../mcp", "/./mcp", "/mcp;a=b"]


class Upstream:
    """One instance: answers with its name and the request; `/stream` is a stream."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.go_on = asyncio.Event()
        self.runner: web.AppRunner
        self.bodies: list[bytes] = []

    async def start(self, port: int = 0) -> int:
        """Listen; the port."""
        app = web.Application(client_max_size=4 * MIB)
        app.router.add_route("*", "/{path:.*}", self.answer)
        self.runner = web.AppRunner(app, shutdown_timeout=0)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", port).start()
        return int(self.runner.addresses[0][1])

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/stream":
            return await self.stream(request)
        body = await request.read()
        self.bodies.append(body)
        if request.path == "/fails":
            assert request.transport is not None
            request.transport.close()
        headers = {name.lower(): value for name, value in request.headers.items()}
        return web.json_response(
            {"name": self.name, "path": request.raw_path, "headers": headers, "size": len(body)}
        )

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Write without aiohttp, length or chunks, because nginx may buffer only such an answer."""
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: first\n\n")
        await self.go_on.wait()
        request.transport.write(b"data: last\n\n")
        request.transport.close()
        return web.Response()


class Front:
    """A running nginx: its URL, the servers behind it, and the folder with its log."""

    def __init__(self, url: str, upstreams: list[Upstream], folder: Path) -> None:
        self.url = url
        self.upstreams = upstreams
        self.folder = folder

    def written(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
async def upstreams() -> AsyncIterator[tuple[list[Upstream], list[int]]]:
    instances = [Upstream("one"), Upstream("two")]
    yield instances, [await instance.start() for instance in instances]
    for instance in instances:
        await instance.runner.cleanup()


@pytest.fixture
async def front(nginx, root, upstreams, wait_until, tmp_path) -> AsyncIterator[Front]:
    instances, ports = upstreams
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    conf = render((root / "deploy/nginx.conf").read_text(), port, ports, tmp_path)
    (tmp_path / "nginx.conf").write_text(conf)
    process = start(nginx, tmp_path)

    async def listening() -> bool:
        assert process.poll() is None, (tmp_path / "log").read_text()
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
        return False

    try:
        await wait_until(listening)
        yield Front(f"http://127.0.0.1:{port}", instances, tmp_path)
    finally:
        for instance in instances:
            instance.go_on.set()
        process.terminate()
        process.wait(10)


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


def render(conf: str, port: int, ports: list[int], folder: Path) -> str:
    """The file with other addresses, and with another place to write to."""
    changes = {
        "listen 8080;": f"listen 127.0.0.1:{port};",
        "server mcp-1:3000 ": f"server 127.0.0.1:{ports[0]} ",
        "server mcp-2:3000 ": f"server 127.0.0.1:{ports[1]} ",
        " /tmp/": f" {folder}/",
    }
    for old, new in changes.items():
        assert old in conf
        conf = conf.replace(old, new)
    return conf


def command(nginx: str, folder: Path, directives: str) -> list[str]:
    """Keep root as the user of its workers, because another could not read the test's folder."""
    if os.geteuid() == 0:
        directives += " user root;"
    conf = str(folder / "nginx.conf")
    return [nginx, "-p", str(folder), "-e", "stderr", "-c", conf, "-g", directives]


async def send_raw(front: Front, request: str) -> str:
    """The answer to a request, sent without a client that would normalise its path."""
    host, port = front.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request.replace("\n", "\r\n").encode())
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = int(head.lower().partition("content-length: ")[2].split()[0])
        body = (await reader.readexactly(size)).decode()
    writer.close()
    return head + body


def start(nginx: str, folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            command(nginx, folder, "daemon off;"), stdout=log, stderr=subprocess.STDOUT
        )


def test_the_configuration_has_no_error_and_no_warning(nginx, root, tmp_path):
    conf = render((root / "deploy/nginx.conf").read_text(), 18080, [13000, 13001], tmp_path)
    (tmp_path / "nginx.conf").write_text(conf)

    result = subprocess.run(
        [*command(nginx, tmp_path, "daemon off;"), "-t"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 0, result.stderr
    assert "[warn]" not in result.stderr


async def test_an_event_arrives_before_the_next_is_sent(front, client):
    async with asyncio.timeout(5), client.get(f"{front.url}/stream") as response:
        first = await response.content.readuntil(b"\n\n")
        for upstream in front.upstreams:
            upstream.go_on.set()
        last = await response.content.readuntil(b"\n\n")

    assert (first, last) == (b"data: first\n\n", b"data: last\n\n")


async def test_requests_of_one_client_reach_both_instances(front, client):
    same = {"Mcp-Session-Id": "same", "Authorization": "Bearer same", "Cookie": "a=same"}

    names = []
    for _ in range(8):
        async with client.post(f"{front.url}/mcp", headers=same) as response:
            names.append((await response.json())["name"])

    assert (names.count("one"), names.count("two")) == (4, 4)


async def test_one_instance_is_enough(front, client):
    await front.upstreams[0].runner.cleanup()

    names = []
    for _ in range(4):
        async with client.post(f"{front.url}/mcp") as response:
            names.append((await response.json())["name"])

    assert names == ["two"] * 4


async def test_no_request_fails_while_the_instances_restart_in_turn(front, client):
    statuses = []
    for _ in range(2):
        for upstream in front.upstreams:
            port = upstream.runner.addresses[0][1]
            statuses += await posted(front, client, 4)
            await upstream.runner.cleanup()
            statuses += await posted(front, client, 4)
            await upstream.start(port)

    assert statuses == [200] * 32
    assert sum(len(upstream.bodies) for upstream in front.upstreams) == 32


async def posted(front, client, count):
    statuses = []
    for number in range(count):
        async with client.post(f"{front.url}/mcp", data=b"%d" % number) as response:
            statuses.append(response.status)
    return statuses


async def test_a_call_that_an_instance_received_is_not_sent_to_the_other(front, client):
    async with client.post(f"{front.url}/fails", data=b"a call") as response:
        status = response.status

    assert status == 502
    assert [body for upstream in front.upstreams for body in upstream.bodies] == [b"a call"]


async def test_headers_about_the_clients_address_are_replaced(front, client):
    claims = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Real-IP": "203.0.113.7",
        "Forwarded": "for=203.0.113.7",
    }

    async with client.get(f"{front.url}/mcp", headers=claims) as response:
        headers = (await response.json())["headers"]

    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers.keys().isdisjoint({"x-forwarded-host", "x-real-ip", "forwarded"})


async def test_the_service_receives_the_host_that_the_client_sent(front, client):
    async with client.get(f"{front.url}/mcp", headers={"Host": "mcp.example.com:8443"}) as response:
        headers = (await response.json())["headers"]

    assert headers["host"] == "mcp.example.com:8443"


@pytest.mark.parametrize(("size", "status"), [(MIB, 200), (MIB + 1, 413)])
async def test_a_body_may_have_a_mebibyte(front, client, size, status):
    async with client.post(f"{front.url}/mcp", data=BytesIO(b"x" * size)) as response:
        assert response.status == status


@pytest.mark.parametrize("path", SPELLINGS)
async def test_every_spelling_of_a_path_reaches_the_service_as_sent(front, path):
    answer = await send_raw(
        front,
        f"GET {path} HTTP/1.1\nHost: localhost\nX-Forwarded-For: 203.0.113.7\n"
        "Connection: close\n\n",
    )

    assert f'"path": "{path}"' in answer
    assert '"x-forwarded-for": "127.0.0.1"' in answer


@pytest.mark.parametrize("path", SPELLINGS)
async def test_no_spelling_of_a_path_accepts_a_larger_body(front, path):
    answer = await send_raw(
        front,
        f"POST {path} HTTP/1.1\nHost: localhost\nContent-Length: {MIB + 1}\nConnection: close\n\n",
    )

    assert answer.startswith("HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/%6detrics", "/x/../metrics?a=b"])
async def test_metrics_are_not_published(front, path):
    answer = await send_raw(front, f"GET {path} HTTP/1.1\nHost: localhost\nConnection: close\n\n")

    assert answer.startswith("HTTP/1.1 404 ")


async def test_query_strings_are_not_logged_also_on_errors(front, client, wait_until):
    url = f"{front.url}/mcp?token=hunter2"

    await client.get(url)
    await client.put(url, data=BytesIO(b"x" * (MIB + 1)))
    for upstream in front.upstreams:
        await upstream.runner.cleanup()
    await client.delete(url)

    async def logged() -> bool:
        lines = front.written()
        return all(line in lines for line in (" GET /mcp 200 ", "PUT /mcp 413", "DELETE /mcp 502"))

    await wait_until(logged)
    assert "hunter2" not in front.written()

"""What is turned away before anybody asks who sent it."""

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from portkey_admin_mcp.server.http.access.guards import (
    BodyLimit,
    HostAndOrigin,
    RateLimit,
    client_address,
    origin_of,
)
from portkey_admin_mcp.server.http.access.rate_limiter import RateLimiter, create_rate_limiter
from portkey_admin_mcp.settings.hosting import Hosting

TIMEOUT_S = 20
MOST = 1000
MCP = {"Content-Type": "application/json"}


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


def inner() -> Starlette:
    return Starlette(routes=[Route(p, echo, methods=["GET", "POST"]) for p in ("/mcp", "/health")])


def client_of(app: Any, address: str = "127.0.0.1") -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app, client=(address, 5000))
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000")


def guarded(**settings: Any) -> httpx2.AsyncClient:
    return client_of(HostAndOrigin(inner(), Hosting(**settings)))


def limited() -> httpx2.AsyncClient:
    return client_of(BodyLimit(inner(), MOST))


@pytest.fixture(scope="module")
def wire() -> Iterator[Callable[[str], str]]:
    """Both guards behind a real server, which is sent bytes and answers until it closes."""
    app = HostAndOrigin(BodyLimit(inner(), MOST), Hosting())
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()

    def sent(text: str) -> str:
        with socket.create_connection(listening.getsockname(), TIMEOUT_S) as connection:
            connection.sendall(text.encode("latin-1"))
            received = b""
            while piece := connection.recv(65536):
                received += piece
        return received.decode("latin-1")

    yield sent
    server.should_exit = True
    thread.join(TIMEOUT_S)
    listening.close()


def status(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:3000",
        "127.0.0.1:1",
        "[::1]:3000",
        "[0:0:0:0:0:0:0:1]",
        "10.0.0.5",
        "mcp.example.com:443",
        "Other.Example.com",
        "ported.example.com",
    ],
)
async def test_the_service_answers_to_its_names(host):
    client = guarded(
        MCP_HOST="10.0.0.5",
        MCP_PUBLIC_BASE_URL="https://mcp.example.com/",
        MCP_ALLOWED_HOSTS="other.example.com, ported.example.com:8443",
    )

    assert (await client.get("/mcp", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["evil.example.com"],
        ["127.0.0.1.evil.example.com"],
        ["localhost.evil.example.com"],
        ["evil.example.com/localhost"],
        ["localhost@evil.example.com"],
        ["localhost:evil"],
        ["localhost evil.example.com"],
        ["localhost\x00"],
        ["[::1"],
        ["[localhost]"],
        ["2130706433"],
        ["0.0.0.0:3000"],
        ["[::]"],
        ["x.other.example.com"],
        ["localhost", "localhost"],
        ["localhost", "evil.example.com"],
    ],
)
async def test_a_request_meant_for_another_host_is_misdirected(hosts):
    client = guarded(MCP_HOST="0.0.0.0", MCP_ALLOWED_HOSTS="other.example.com,*.other.example.com,")
    request = client.build_request("GET", "/mcp")
    request.headers = httpx2.Headers([("Host", host) for host in hosts])

    answer = await client.send(request)

    assert (answer.status_code, answer.json()["error"]) == (421, "misdirected_request")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET /mcp HTTP/1.1\r\nHost: localhost\r\n", 200),
        ("GET /mcp HTTP/1.1\r\nHost: evil.example.com\r\n", 421),
        ("GET //mcp HTTP/1.1\r\nHost: evil.example.com\r\n", 421),
        ("GET /MCP HTTP/1.1\r\nHost: evil.example.com\r\n", 421),
        ("GET /mcp/ HTTP/1.1\r\nHost: evil.example.com\r\n", 421),
        ("GET /mcp HTTP/1.0\r\n", 421),
        ("GET http://localhost/mcp HTTP/1.1\r\nHost: evil.example.com\r\n", 421),
        ("GET /mcp HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.com\r\n", 421),
        ("GET /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: a\r\nMcp-Session-Id: b\r\n", 400),
        ("GET /mcp HTTP/1.1\r\nHost: localhost\r\nMCP-Protocol-Version: 2\x85Set\r\n", 400),
        ("GET /mcp HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n", 403),
    ],
)
def test_on_the_wire_it_is_the_same(wire, text, expected):
    assert status(wire(f"{text}Connection: close\r\n\r\n")) == expected


def test_a_websocket_is_not_opened(wire):
    answer = wire(
        "GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )

    assert status(answer) == 403


@pytest.mark.parametrize(
    "origin",
    [
        "https://chat.example.com",
        "https://Chat.example.com:443",
        "https://ported.example.com:8443",
        "http://127.0.0.1:3000",
        "http://localhost:3000",
        "http://[::1]:3000",
    ],
)
async def test_a_page_that_may_call_is_answered(origin):
    client = guarded(ALLOWED_ORIGINS="https://chat.example.com/,https://ported.example.com:8443")

    assert (await client.get("/mcp", headers={"Origin": origin})).status_code == 200


@pytest.mark.parametrize(
    "origins",
    [
        ["null"],
        [""],
        ["https://evil.example.com"],
        ["http://chat.example.com"],
        ["https://chat.example.com:8443"],
        ["https://chat.example.com.evil.example.com"],
        ["https://evil.example.com/https://chat.example.com"],
        ["https://chat.example.com/path"],
        ["https://chat.example.com@evil.example.com"],
        ["https://evil.example.com#@chat.example.com"],
        ["https://chat.exam\tple.com"],
        ["https://chat.example.com https://evil.example.com"],
        ["http://localhost:3001"],
        ["http://localhost"],
        ["https://localhost:3000"],
        ["http://localhost:port"],
        ["file://"],
        ["chrome-extension://abc"],
        ["https://chat.example.com", "https://evil.example.com"],
    ],
)
async def test_a_page_from_elsewhere_is_forbidden(origins):
    client = guarded(ALLOWED_ORIGINS="https://chat.example.com")

    answer = await client.post("/mcp", headers=[("Origin", origin) for origin in origins])

    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden_origin")


async def test_where_others_can_reach_the_service_local_pages_are_strangers():
    client = guarded(MCP_HOST="0.0.0.0", MCP_PUBLIC_BASE_URL="https://mcp.example.com")

    local = await client.get("/mcp", headers={"Origin": "http://localhost:3000"})
    own = await client.get("/mcp", headers={"Origin": "https://mcp.example.com"})

    assert (local.status_code, own.status_code) == (403, 200)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTPS://Chat.Example.com:443/path", "https://chat.example.com"),
        ("http://[0::1]:3000/", "http://[::1]:3000"),
        ("http://localhost:80", "http://localhost"),
        ("ftp://localhost", None),
        ("https://user@localhost", None),
        ("http://[", None),
        ("https://", None),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url, origin):
    assert origin_of(url) == origin


@pytest.mark.parametrize("name", ["MCP-Protocol-Version", "Mcp-Session-Id", "Last-Event-ID"])
@pytest.mark.parametrize(
    "value", ["", "two words", "a\tb", "a\r\nSet-Cookie: x", "a\x00", "\x7f", "ü", "x" * 201]
)
async def test_a_header_that_could_smuggle_is_refused(name, value):
    answer = await guarded().get("/mcp", headers=[(name.encode(), value.encode())])

    assert answer.status_code == 400
    assert name.lower() in answer.json()["message"]


@pytest.mark.parametrize("name", ["MCP-Protocol-Version", "Mcp-Session-Id", "Last-Event-ID"])
async def test_a_sound_header_passes_once_only(name):
    client = guarded()

    once = await client.get("/mcp", headers=[(name, "!" + "x" * 198 + "~")])
    twice = await client.get("/mcp", headers=[(name, "a"), (name, "a")])

    assert (once.status_code, twice.status_code) == (200, 400)


@pytest.mark.parametrize("size", [0, 1, MOST])
async def test_a_body_that_is_not_too_large_arrives_whole(size):
    # Neither a NUL nor a bracket: those are looked at.
    body = bytes(1 + n % 90 for n in range(size))

    async def in_pieces():
        for start in range(0, size, 100):
            yield body[start : start + 100]

    assert (await limited().post("/mcp", content=body, headers=MCP)).content == body
    assert (await limited().post("/mcp", content=in_pieces(), headers=MCP)).content == body


async def test_a_body_in_pieces_is_cut_off_where_it_grows_too_large():
    taken = 0

    async def endless():
        nonlocal taken
        while True:
            taken += 100
            yield b"x" * 100

    answer = await limited().post("/mcp", content=endless())

    assert (answer.status_code, answer.json()["error"]) == (413, "content_too_large")
    assert taken <= MOST + 200


def test_a_body_announced_too_large_is_refused_before_it_is_sent(wire):
    answer = wire("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n")

    assert status(answer) == 413
    assert "connection: close" in answer


def test_a_chunk_too_large_is_refused_while_more_is_to_come(wire):
    head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert status(wire(f"{head}400\r\n{'x' * 1024}\r\n")) == 413


def test_two_ends_of_one_body_are_refused(wire):
    head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    twice = "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello"

    assert status(wire(head + both)) == 400
    assert status(wire(head + twice)) == 400


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
        [("Content-Length", "5"), ("Content-Length", "6")],
        [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "identity")],
        [("Content-Length", "-5")],
        [("Content-Length", "5, 5")],
        [("Content-Length", "+5")],
        [("Content-Length", "9" * 5000)],
    ],
)
async def test_lengths_that_a_lenient_server_lets_through_are_refused(headers):
    client = limited()
    request = client.build_request("POST", "/mcp", content=b"hello")
    request.headers = httpx2.Headers([("Host", "127.0.0.1"), *headers])

    answer = await client.send(request)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_header")


def nested(levels: int) -> bytes:
    return b'[{"a":' * (levels // 2) + b"[" * (levels % 2) + b"1"


def whole(levels: int) -> bytes:
    return nested(levels) + b"]" * (levels % 2) + b"}]" * (levels // 2)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (whole(100), 200),
        (whole(101), 400),
        (nested(101), 400),
        (b"[" * 101, 400),
        (b"[" * 100, 200),
        (b"[]" * 400, 200),
        (json.dumps(["[" * 300, '"' + "{" * 300, "\\" * 3, "[" * 101]).encode(), 200),
        (b'{"a": "' + b"[" * 500, 200),
        (b'"\\\\"' + whole(101), 400),
        (b'"\\"' + whole(101), 200),
        (b"[" * 50 + b"]" * 50 + b"[" * 60, 200),
        ("[[]]".encode("utf-16"), 400),
        (b"", 200),
        (b"\\", 200),
    ],
)
async def test_json_nested_deeper_than_a_hundred_levels_is_not_parsed(body, expected):
    answer = await limited().post("/mcp", content=body, headers=MCP)

    assert answer.status_code == expected


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json ; charset=UTF-8",
    ],
)
async def test_json_is_looked_into_however_its_type_is_written(kind):
    shallow = await limited().post("/mcp", content=whole(1), headers={"Content-Type": kind})
    deep = await limited().post("/mcp", content=whole(101), headers={"Content-Type": kind})

    assert (shallow.status_code, deep.status_code) == (200, 400)


@pytest.mark.parametrize(
    "kinds",
    [
        [],
        [""],
        ["text/plain"],
        ["application/json, text/plain"],
        ["text/plain, application/json"],
        ["application/json", "text/plain"],
        ["application/json", "application/json"],
        ["application/json; charset=utf-16"],
        ["application/json; charset=utf-8; a=b"],
        ["application/jsonp"],
        ["application/json\x00"],
    ],
)
async def test_what_is_not_plainly_json_is_not_taken(kinds):
    client = limited()
    request = client.build_request("POST", "/mcp", content=b"{}")
    own = [(name, value) for name, value in request.headers.items() if name != "content-type"]
    request.headers = httpx2.Headers([*own, *(("Content-Type", kind) for kind in kinds)])

    answer = await client.send(request)

    assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")


async def test_a_request_without_a_body_has_no_type():
    assert (await limited().get("/mcp")).status_code == 200
    assert (await limited().post("/mcp")).status_code == 200


async def test_a_malicious_mebibyte_is_judged_at_once():
    client = client_of(BodyLimit(inner(), 1 << 20))
    bodies = [b'"' + b'\\"' * (1 << 19), b"[]" * (1 << 19), b'""' * (1 << 19), b'["' * (1 << 19)]
    started = time.monotonic()

    for body in bodies:
        await client.post("/mcp", content=body[: 1 << 20], headers=MCP)

    # Quadratic time would be hours.
    assert time.monotonic() - started < 10


async def test_a_body_that_never_ends_is_not_waited_for():
    async def slow():
        yield b"["
        await asyncio.Event().wait()

    answer = await client_of(BodyLimit(inner(), MOST, 0.05)).post("/mcp", content=slow())

    assert (answer.status_code, answer.json()["error"]) == (408, "request_timeout")


async def test_a_client_that_leaves_within_its_body_reaches_nobody():
    reached = []

    async def app(*_: Any) -> None:
        reached.append(True)

    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": []}
    await BodyLimit(app, MOST)(scope, gone, app)

    assert reached == []


async def test_after_its_body_a_client_can_still_be_seen_leaving():
    messages = [{"type": "http.disconnect"}, {"type": "http.request", "body": b"hello"}]
    seen = []

    async def receive() -> Any:
        return messages.pop()

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        seen.extend([await receive(), await receive()])

    headers = [(b"content-type", b"application/json")]
    await BodyLimit(app, MOST)({"type": "http", "headers": headers}, receive, receive)

    assert [message["type"] for message in seen] == ["http.request", "http.disconnect"]
    assert seen[0]["body"] == b"hello"


def counting(limiter: RateLimiter, limit: int = 3, address: str = "10.0.0.1") -> httpx2.AsyncClient:
    app = RateLimit(inner(), limiter, limit, client_address, frozenset({"/health"}))
    return client_of(app, address)


async def test_one_call_too_many_is_told_when_to_come_back():
    client = counting(create_rate_limiter(Hosting(RATE_LIMIT_WINDOW_MS=30_000)))
    answers = [await client.get("/mcp") for _ in range(4)]

    refused = answers[3]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= 30
    assert refused.headers["ratelimit"] == f'"default";r=0;t={wait}'
    assert refused.headers["ratelimit-policy"] == '"default";q=3;w=30'
    assert refused.json()["error"] == "rate_limited"


async def test_who_waited_as_told_may_call_again():
    client = counting(create_rate_limiter(Hosting(RATE_LIMIT_WINDOW_MS=1000)), limit=2)
    while (refused := await client.get("/mcp")).status_code == 200:
        pass

    await asyncio.sleep(int(refused.headers["retry-after"]))

    assert (await client.get("/mcp")).status_code == 200


async def test_addresses_are_counted_apart_and_networks_of_ipv6_together():
    limiter = create_rate_limiter(Hosting())
    addresses = ["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2", "unix"]

    answers = [await counting(limiter, 1, address).get("/mcp") for address in addresses]

    assert [answer.status_code for answer in answers] == [200, 429, 200, 200, 429, 200]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [("GET", "/health", 200), ("HEAD", "/health", 200), ("POST", "/health", 429)],
)
async def test_health_pages_may_be_read_without_end(method, path, expected):
    client = counting(create_rate_limiter(Hosting()), limit=1)
    await client.get("/mcp")

    assert (await client.request(method, path)).status_code == expected


def on_redis(redis: Any, **settings: Any) -> RateLimiter:
    return create_rate_limiter(
        Hosting(RATE_LIMIT_STORE="redis", MCP_REDIS_URL=redis.url, **settings),
    )


async def test_two_instances_count_together_in_redis_under_the_prefix(redis):
    one, other = on_redis(redis), on_redis(redis)
    answers = [await counting(limiter).get("/mcp") for limiter in (one, other) * 2]

    await one.close()
    await other.close()

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    with socket.create_connection(("127.0.0.1", redis.port), TIMEOUT_S) as connection:
        connection.sendall(b"KEYS *\r\n")
        names = [n for n in connection.recv(4096).split(b"\r\n") if n and n[:1] not in b"*$"]
    assert names
    assert all(b"portkey-admin-mcp:rate" in name for name in names)


async def test_without_redis_all_may_pass_and_the_log_says_so_once(redis, caplog):
    limiter = on_redis(redis)
    client = counting(limiter, limit=1)
    await client.get("/mcp")
    redis.stop()

    with caplog.at_level(logging.WARNING):
        answers = [await client.get("/mcp") for _ in range(5)]
    await limiter.close()

    assert {answer.status_code for answer in answers} == {200}
    assert caplog.text.count("Calls are not limited") == 1


async def test_a_redis_that_does_not_answer_holds_nobody_up():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"redis://127.0.0.1:{deaf.getsockname()[1]}/0"
        hosting = Hosting(
            RATE_LIMIT_STORE="redis", MCP_REDIS_URL=url, MCP_EVENT_STORE_COMMAND_TIMEOUT_MS=100
        )
        limiter = create_rate_limiter(hosting)
        client = counting(limiter)
        started = time.monotonic()

        answers = [await client.get("/mcp") for _ in range(20)]

        await limiter.close()
    assert {answer.status_code for answer in answers} == {200}
    assert time.monotonic() - started < 1.5

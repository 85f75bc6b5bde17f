"""Bodies are read completely, and refused if they are too large, too slow, not JSON or too deep."""

import asyncio
import inspect
import json
import time
from types import MethodType
from typing import Any

import httpx2
import pytest
from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from asgi_client import client_of, echo_app
from portkey_admin_mcp.safety.caller import Caller
from portkey_admin_mcp.server.http.access.body_limit import BodyLimit, EarlyResponses

MAX_BYTES = 1000
MCP = {"Content-Type": "application/json"}


def limited() -> httpx2.AsyncClient:
    return client_of(BodyLimit(echo_app(), MAX_BYTES))


@pytest.mark.parametrize("size", [0, 1, MAX_BYTES])
async def test_a_body_up_to_the_limit_reaches_the_app_unchanged(size):
    # Without NUL and brackets, which are checked.
    body = bytes(1 + n % 90 for n in range(size))

    async def in_chunks():
        for start in range(0, size, 100):
            yield body[start : start + 100]

    assert (await limited().post("/mcp", content=body, headers=MCP)).content == body
    assert (await limited().post("/mcp", content=in_chunks(), headers=MCP)).content == body


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_of_one_byte_over_the_limit_is_refused(is_chunked):
    async def in_chunks():
        yield b"x" * MAX_BYTES
        yield b"x"

    body = in_chunks() if is_chunked else b"x" * (MAX_BYTES + 1)

    answer = await limited().post("/mcp", content=body, headers=MCP)

    assert (answer.status_code, answer.json()["error"]) == (413, "content_too_large")
    assert answer.json()["message"] == "The body of a request may have at most 1000 bytes."


async def test_an_endless_body_is_refused_at_the_limit():
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 100
            yield b"x" * 100

    answer = await limited().post("/mcp", content=endless())

    assert (answer.status_code, answer.json()["error"]) == (413, "content_too_large")
    assert sent <= MAX_BYTES + 200


def test_a_content_length_over_the_limit_is_refused_before_the_body_is_sent(exchange):
    reply = exchange("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n")

    assert reply.status == 413
    assert "connection: close" in reply.text


def test_a_chunk_over_the_limit_is_refused_before_the_body_ends(exchange):
    head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert exchange(f"{head}400\r\n{'x' * 1024}\r\n").status == 413


def test_two_lengths_of_one_body_are_refused(exchange):
    head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    twice = "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello"

    assert exchange(head + both).status == 400
    assert exchange(head + twice).status == 400


def unclosed(levels: int) -> bytes:
    return b'[{"a":' * (levels // 2) + b"[" * (levels % 2) + b"1"


def closed(levels: int) -> bytes:
    return unclosed(levels) + b"]" * (levels % 2) + b"}]" * (levels // 2)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (closed(100), 200),
        (closed(101), 400),
        (unclosed(101), 400),
        (b"[" * 101, 400),
        (b"[" * 100, 200),
        (b"[]" * 400, 200),
        (json.dumps(["[" * 300, '"' + "{" * 300, "\\" * 3, "[" * 101]).encode(), 200),
        (b'{"a": "' + b"[" * 500, 200),
        (b'"\\\\"' + closed(101), 400),
        (b'"\\"' + closed(101), 200),
        (b"[" * 50 + b"]" * 50 + b"[" * 60, 200),
        ("[[]]".encode("utf-16"), 400),
        (b"", 200),
        (b"\\", 200),
    ],
)
async def test_json_nested_deeper_than_a_hundred_levels_is_refused(body, expected):
    answer = await limited().post("/mcp", content=body, headers=MCP)

    assert answer.status_code == expected


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json ; charset=UTF-8",
    ],
)
async def test_json_is_checked_in_every_spelling_of_its_content_type(content_type):
    shallow = await limited().post(
        "/mcp", content=closed(1), headers={"Content-Type": content_type}
    )
    deep = await limited().post("/mcp", content=closed(101), headers={"Content-Type": content_type})

    assert (shallow.status_code, deep.status_code) == (200, 400)


@pytest.mark.parametrize(
    "types",
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
async def test_any_other_content_type_is_refused(types):
    client = limited()
    request = client.build_request("POST", "/mcp", content=b"{}")
    own = [(name, value) for name, value in request.headers.items() if name != "content-type"]
    request.headers = httpx2.Headers([*own, *(("Content-Type", each) for each in types)])

    answer = await client.send(request)

    assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")


async def test_a_request_without_a_body_needs_no_content_type():
    assert (await limited().get("/mcp")).status_code == 200
    assert (await limited().post("/mcp")).status_code == 200


async def test_the_depth_check_takes_linear_time():
    client = client_of(BodyLimit(echo_app(), 1 << 20))
    bodies = [b'"' + b'\\"' * (1 << 19), b"[]" * (1 << 19), b'""' * (1 << 19), b'["' * (1 << 19)]
    started = time.monotonic()

    for body in bodies:
        await client.post("/mcp", content=body[: 1 << 20], headers=MCP)

    # Quadratic time would be hours.
    assert time.monotonic() - started < 60


async def test_a_body_that_does_not_arrive_in_time_is_refused():
    async def slow():
        yield b"["
        await asyncio.Event().wait()

    answer = await client_of(BodyLimit(echo_app(), MAX_BYTES, 0.05)).post("/mcp", content=slow())

    assert (answer.status_code, answer.json()["error"]) == (408, "request_timeout")


class Cycle:
    """A request as uvicorn holds it: `receive` is a method, and `more_body` is about the body."""

    def __init__(self, more_body):
        self.more_body = more_body

    async def receive(self):
        await asyncio.sleep(0.2)
        return {"type": "http.request", "body": b"{}", "more_body": False}


@pytest.mark.parametrize(("more_body", "status"), [(True, 408), (False, 200)])
async def test_only_a_body_that_has_not_arrived_is_timed(more_body, status):
    sent = []

    async def send(message):
        sent.append(message)

    app = BodyLimit(echo_app(), MAX_BYTES, timeout_s=0.05)
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/mcp",
        "headers": [(b"content-type", b"application/json")],
    }
    await app(scope, Cycle(more_body).receive, send)

    assert sent[0]["status"] == status


def test_uvicorn_says_whether_the_body_has_arrived():
    assert "more_body" in inspect.getsource(RequestResponseCycle.receive)


async def test_a_request_whose_client_disconnects_does_not_reach_the_app():
    calls = []

    async def app(*_: Any) -> None:
        calls.append(True)

    async def disconnect() -> dict[str, str]:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": []}
    await BodyLimit(app, MAX_BYTES)(scope, disconnect, app)

    assert calls == []


async def test_the_app_receives_the_body_and_then_the_disconnect():
    messages = [{"type": "http.disconnect"}, {"type": "http.request", "body": b"hello"}]
    received = []

    async def receive() -> Any:
        return messages.pop()

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        received.extend([await receive(), await receive()])

    headers = [(b"content-type", b"application/json")]
    await BodyLimit(app, MAX_BYTES)({"type": "http", "headers": headers}, receive, receive)

    assert [message["type"] for message in received] == ["http.request", "http.disconnect"]
    assert received[0]["body"] == b"hello"


def arriving(chunks, address="10.0.0.1", principal=None):
    """A request whose body is sent in chunks, and never ends."""
    pending = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]

    async def receive() -> Any:
        if not pending:
            await asyncio.Event().wait()
        return pending.pop(0)

    state = {} if principal is None else {"principal": Caller(f"bearer:{principal}")}
    scope = {"type": "http", "headers": [], "client": (address, 5000), "state": state}
    return scope, receive


async def statuses_of(app, requests):
    """Serve requests, which start in this order; returns the statuses of those answered in time."""
    statuses: list[Any] = [None] * len(requests)

    async def serve(index: int) -> None:
        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses[index] = message["status"]
                headers = dict(message["headers"])
                assert (headers[b"retry-after"], headers[b"connection"]) == (b"5", b"close")

        await app(*requests[index], send)

    tasks = [asyncio.create_task(serve(index)) for index in range(len(requests))]
    await asyncio.wait(tasks, timeout=0.2)
    bytes_held = app.unfinished.total_bytes
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return statuses, bytes_held


@pytest.mark.parametrize("is_signed_in", [False, True])
async def test_unfinished_bodies_are_limited_in_total_and_the_oldest_of_the_largest_owner_ends(
    is_signed_in,
):
    def request_of(owner):
        body = [b"x" * (MAX_BYTES // 2)] * 2
        # Signed in, all share an address, for example that of a proxy.
        address = "10.0.0.9" if is_signed_in else f"10.0.0.{1 + owner}"
        return arriving(body, address, f"user-{owner}" if is_signed_in else None)

    app = BodyLimit(echo_app(), MAX_BYTES, max_unfinished_bytes=0)
    statuses, bytes_held = await statuses_of(app, [request_of(owner) for owner in (0, 1, 1, 1, 1)])

    assert statuses == [None, 503, None, None, None]
    assert bytes_held == app.max_unfinished_bytes == 4 * MAX_BYTES
    assert app.unfinished.total_bytes == 0


async def test_a_body_arrives_while_others_use_up_the_limit():
    app = BodyLimit(echo_app(), MAX_BYTES, max_unfinished_bytes=0)
    stalled = [asyncio.create_task(app(*arriving([b"x" * MAX_BYTES]), ignored)) for _ in range(4)]
    await asyncio.sleep(0)

    answer = await client_of(app).post("/mcp", content=b'"' + b"x" * 900 + b'"', headers=MCP)

    assert answer.status_code == 200
    for task in stalled:
        task.cancel()
    await asyncio.gather(*stalled, return_exceptions=True)


async def ignored(_message: Any) -> None:
    pass


async def test_the_connection_closes_after_a_response_that_came_before_the_end_of_the_body():
    cycle, sent = Cycle(True), []

    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("no", 401)(scope, receive, send)

    async def send(message: Any) -> None:
        sent.append(message)

    async def finish() -> Any:
        # The client has the complete response already.
        assert b"".join(message.get("body", b"") for message in sent) == b"no"
        cycle.more_body = False
        return {"type": "http.request", "body": b"rest", "more_body": False}

    cycle.receive = MethodType(lambda _cycle: finish(), cycle)
    await EarlyResponses(refuse)({"type": "http"}, cycle.receive, send)

    assert (b"connection", b"close") in sent[0]["headers"]
    assert [message.get("more_body", False) for message in sent] == [False, True, False]


@pytest.mark.parametrize("size", [0, 16_384])
async def test_at_most_a_part_of_the_rest_of_a_body_is_discarded(size, monkeypatch):
    monkeypatch.setattr("portkey_admin_mcp.server.http.access.body_limit.DISCARD_TIMEOUT_S", 0.05)
    cycle, received = Cycle(True), []

    async def more(_cycle: Any) -> Any:
        if not size:
            await asyncio.Event().wait()
        received.append(size)
        return {"type": "http.request", "body": b"x" * size, "more_body": True}

    cycle.receive = MethodType(more, cycle)
    await EarlyResponses(PlainTextResponse("no", 401))({"type": "http"}, cycle.receive, ignored)

    assert len(received) == (2 if size else 0)

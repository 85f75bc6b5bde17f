"""How much a client may send before it is authenticated, and for how long."""

import asyncio
import contextlib
import inspect
import pickle
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from certificates import Authority
from http_service import TIMEOUT_S, memory_of, running_service, wait_for_port
from portkey_admin_mcp.server.http.connections import (
    HEADER_TIMEOUT_S as DEFAULT_HEADER_TIMEOUT_S,
)
from portkey_admin_mcp.server.http.connections import (
    MAX_HEADER_BYTES,
    MAX_PIPELINED,
    ResponseTransport,
    guarded_connection,
    new_event_loop,
)
from portkey_admin_mcp.server.http.serve import server_options
from portkey_admin_mcp.settings.hosting import Hosting

HEADER_TIMEOUT_S = 0.2
SLOW_ANSWER_S = 0.3
MEMORY_SLACK_KB = 10_000
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
COMPLETE = GET + b"\r\n"
LAST = GET + b"Connection: close\r\n\r\n"


async def app(scope, receive, send):
    """Answer at once, or slowly at /slow; read the body only at /body; at /echo, send it back."""
    if scope["path"] == "/echo":
        return await echo(scope, receive, send)
    if scope["path"] == "/slow":
        await asyncio.sleep(SLOW_ANSWER_S)
    if scope["path"] == "/body":
        while (await receive()).get("more_body"):
            pass
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    return await send({"type": "http.response.body", "body": b"ok"})


async def echo(scope, receive, send):
    """Send back the body, the host and the query, in two parts and without a length."""
    body, more_body = b"", True
    while more_body:
        message = await receive()
        body, more_body = body + message["body"], message["more_body"]
    host = dict(scope["headers"])[b"host"]
    start = {"type": "http.response.start", "status": 200, "headers": [(b"connection", b"x")]}
    await send(start)
    await send({"type": "http.response.body", "body": body + b" " + host, "more_body": True})
    await send({"type": "http.response.body", "body": b"?" + scope["query_string"]})


@contextlib.contextmanager
def served(max_connections: int = 100) -> Iterator[tuple[str, int]]:
    listening = socket.create_server(("127.0.0.1", 0))
    protocol = guarded_connection(max_connections, HEADER_TIMEOUT_S)
    config = uvicorn.Config(app, log_config=None, lifespan="off", http=protocol, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()
    finally:
        server.should_exit = True
        thread.join(TIMEOUT_S)
        listening.close()


@pytest.fixture(scope="module")
def address():
    with served() as address:
        yield address


def rest_of(connection):
    """What is received until the connection is closed."""
    connection.settimeout(TIMEOUT_S)
    received = b""
    # Closing a connection with unread data resets it.
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            received += chunk
    return received


def answer_to(address, *parts):
    with socket.create_connection(address, TIMEOUT_S) as connection:
        for part in parts:
            connection.sendall(part)
        return rest_of(connection)


def statuses(answer):
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def test_headers_may_have_exactly_thirty_two_kibibytes(address):
    fill = MAX_HEADER_BYTES - len(LAST) - len(b"X: \r\n")
    fits = LAST[:-2] + b"X: " + b"x" * fill + b"\r\n\r\n"
    one_more = LAST[:-2] + b"X: " + b"x" * (fill + 1) + b"\r\n\r\n"

    assert len(fits) == MAX_HEADER_BYTES
    assert statuses(answer_to(address, fits)) == [200]
    assert statuses(answer_to(address, one_more)) == [431]
    assert b'"headers_too_large"' in answer_to(address, one_more)


def test_the_limit_includes_the_request_line_and_holds_for_later_requests(address):
    assert statuses(answer_to(address, b"GET /" + b"x" * MAX_HEADER_BYTES)) == [431]
    with socket.create_connection(address, TIMEOUT_S) as connection:
        connection.sendall(COMPLETE)
        first = connection.recv(65536)
        connection.sendall(GET + b"X: " + b"x" * MAX_HEADER_BYTES)

        assert statuses(first + rest_of(connection)) == [200, 431]


def test_trailers_of_a_chunked_body_are_limited_too(address):
    post = b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"

    assert statuses(answer_to(address, post + b"Connection: x\r\n\r\n", LAST)) == [200, 200]
    assert statuses(answer_to(address, post, b"X: " + b"x" * 3 * MAX_HEADER_BYTES)) == []


def test_the_header_limit_does_not_apply_to_a_body(address):
    post = b"POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n"

    assert statuses(answer_to(address, post, b"x" * 1_000_000)) == [200]


@pytest.mark.parametrize("sent", [b"", b"G", GET, GET + b"X: "])
def test_headers_that_do_not_end_are_refused_in_time(address, sent):
    started = time.monotonic()

    answer = answer_to(address, sent)

    assert statuses(answer) == [408]
    assert time.monotonic() - started < TIMEOUT_S


def test_headers_that_arrive_too_slowly_close_the_connection(address):
    with socket.create_connection(address, TIMEOUT_S) as connection, pytest.raises(OSError):
        connection.sendall(GET)
        started = time.monotonic()
        while time.monotonic() - started < TIMEOUT_S:
            connection.sendall(b"X: x\r\n")
            time.sleep(HEADER_TIMEOUT_S / 10)


def test_a_later_request_that_does_not_end_is_refused_in_time(address):
    with socket.create_connection(address, TIMEOUT_S) as connection:
        connection.sendall(COMPLETE)
        first = connection.recv(65536)
        connection.sendall(b"G")

        assert statuses(first + rest_of(connection)) == [200, 408]


def test_a_response_may_take_longer_than_headers(address):
    slow = LAST.replace(b"/", b"/slow", 1)

    assert statuses(answer_to(address, slow)) == [200]
    assert statuses(answer_to(address, COMPLETE.replace(b"/", b"/slow", 1), LAST)) == [200, 200]


def test_a_client_is_not_refused_for_data_that_the_server_has_not_read(address):
    slow = COMPLETE.replace(b"/", b"/slow", 1)
    fill = MAX_HEADER_BYTES - len(slow) - len(COMPLETE) - len(b"X: \r\n")
    padded = slow[:-2] + b"X: " + b"x" * fill + b"\r\n\r\n"
    with socket.create_connection(address, TIMEOUT_S) as connection:
        # While the second waits for the answer to the first, nothing is read of the third.
        connection.sendall(padded + COMPLETE + GET + b"X: " + b"x" * 1000)
        time.sleep(SLOW_ANSWER_S)
        connection.sendall(b"\r\nConnection: close\r\n\r\n")

        assert statuses(rest_of(connection)) == [200] * 3


def test_a_body_that_goes_on_after_its_response_closes_the_connection(address):
    post = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(address, TIMEOUT_S) as connection, pytest.raises(OSError):
        connection.sendall(post)
        started = time.monotonic()
        while time.monotonic() - started < TIMEOUT_S:
            connection.sendall(b"x")
            time.sleep(HEADER_TIMEOUT_S / 10)


def test_one_connection_over_the_limit_is_refused_with_retry_after():
    with served(max_connections=3) as address:
        open_connections = []
        for _ in range(3):
            open_connections.append(socket.create_connection(address, TIMEOUT_S))
            open_connections[-1].sendall(COMPLETE)
            assert statuses(open_connections[-1].recv(65536)) == [200]

        one_more = answer_to(address)
        for connection in open_connections:
            connection.close()
        deadline = time.monotonic() + TIMEOUT_S
        while statuses(later := answer_to(address, LAST)) == [503]:
            assert time.monotonic() < deadline, "closed connections are still counted"

    assert statuses(one_more) == [503]
    assert b"\r\nRetry-After: 5\r\n" in one_more
    assert statuses(later) == [200]


def test_requests_waiting_on_one_connection_are_limited(address):
    slow = COMPLETE.replace(b"/", b"/slow", 1)
    at_the_limit = slow + COMPLETE * (MAX_PIPELINED - 1) + LAST
    one_more = slow + COMPLETE * MAX_PIPELINED + LAST

    assert statuses(answer_to(address, at_the_limit)) == [200] * (MAX_PIPELINED + 1)
    assert statuses(answer_to(address, one_more)) == []


def test_a_request_to_upgrade_is_answered_as_usual(address):
    upgrade = LAST.replace(b"close", b"close, Upgrade\r\nUpgrade: websocket")

    assert statuses(answer_to(address, upgrade)) == [200]


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEA\r\n"
ECHO = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
ECHO_LAST = GET.replace(b"/", b"/echo", 1) + b"Connection: close\r\n\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 4\r\n\r\nbody",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n",
    ],
    ids=["length", "chunks"],
)
def test_the_body_of_a_request_that_offers_http_2_is_read(address, body):
    offered = ECHO + OFFER + body
    in_pieces = [offered[:40], *offered[40:].partition(b"\r\n\r\n")]

    for parts in ([offered + ECHO_LAST], [*in_pieces, ECHO_LAST], [offered * 3 + ECHO_LAST]):
        answer = answer_to(address, *parts)

        assert statuses(answer) == [200] * (1 + b"".join(parts).count(b"Upgrade: h2c"))
        assert answer.count(b"body localhost\r\n") == b"".join(parts).count(b"Upgrade: h2c")


def test_a_body_without_length_ends_with_the_connection_for_http_1_0(address):
    old = ECHO.replace(b"1.1", b"1.0") + b"Content-Length: 4\r\n\r\nbody"
    kept = old.replace(b"\r\n", b"\r\nConnection: keep-alive\r\n", 1)

    for request in (old, kept):
        head, _, body = answer_to(address, request).partition(b"\r\n\r\n")

        assert body == b"body localhost?"
        assert b"transfer-encoding" not in head
        assert head.lower().count(b"connection:") == 1
    assert answer_to(address, LAST.replace(b"1.1", b"1.0")).endswith(b"\r\n\r\nok")


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (b"http://other:1/echo?a=1", b"other:1?a=1"),
        (b"HTTPS://user@other/echo", b"user@other?"),
        (b"http:///echo", b"?"),
    ],
)
def test_the_host_of_a_complete_url_counts_instead_of_the_host_header(address, target, host):
    request = ECHO_LAST.replace(b"/echo", target, 1).replace(b"1.1", b"1.0")

    assert answer_to(address, request).endswith(b"\r\n\r\n " + host)


@pytest.mark.parametrize(
    "line",
    [
        b"CONNECT localhost:80",
        b"CONNECT /echo",
        b"GET ftp://localhost/echo",
        b"GET localhost:80",
        b"GET http://localhost:99999999999/ x",
    ],
)
def test_a_request_for_a_proxy_is_refused_without_a_traceback(address, line, caplog):
    answer = answer_to(address, LAST.replace(b"GET /", line, 1))

    assert statuses(answer) == [400]
    assert [record for record in caplog.records if record.exc_info] == []


def test_a_tls_handshake_that_does_not_end_closes_the_connection(tmp_path):
    key, certificate = Authority(tmp_path).issue("server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def start_handshake():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context)
        try:
            address = server.sockets[0].getsockname()
            return await asyncio.to_thread(answer_to, address, b"\x16\x03\x01\x02")
        finally:
            server.close()

    started = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: new_event_loop(HEADER_TIMEOUT_S)) as runner:
        assert runner.run(start_handshake()) == b""
    assert time.monotonic() - started < TIMEOUT_S


def flood(number, context=None):
    """Send two hundred headers of a megabyte, until the service closes the connection."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number)) as plain:
        connection = plain if context is None else context.wrap_socket(plain)
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        for name in range(200):
            connection.sendall(f"X-{name}: ".encode() + b"x" * 1_000_000 + b"\r\n")
        raise AssertionError("the service accepted all headers")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_headers_of_two_hundred_megabytes_take_no_memory(port):
    number = port()
    with running_service(number) as service:
        wait_for_port(number)
        upgrade = b"Connection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n"
        health = GET.replace(b"/", b"/health", 1)
        assert statuses(answer_to(("127.0.0.1", number), health + upgrade)) == [200]
        before = memory_of(service.process)

        flood(number)
        unfinished = [socket.create_connection(("127.0.0.1", number)) for _ in range(100)]
        for connection in unfinished:
            connection.sendall(GET + b"X: " + b"x" * (MAX_HEADER_BYTES - 100))

        after = memory_of(service.process)
        for connection in unfinished:
            connection.close()

    assert after - before < MEMORY_SLACK_KB, f"{before} kB before, {after} kB after"


def test_the_limits_hold_with_tls_and_with_workers(port, tmp_path):
    authority = Authority(tmp_path)
    key, certificate = authority.issue("server")
    tls = {"MCP_TLS_KEY_PATH": str(key), "MCP_TLS_CERT_PATH": str(certificate)}
    trusting = ssl.create_default_context(cafile=authority.file)
    trusting.check_hostname = False
    number = port()
    environment = {"MCP_SESSION_MODE": "stateless", "MCP_MAX_CONNECTIONS": "1", **tls}
    with running_service(number, "--workers", "2", **environment):
        wait_for_port(number)
        with contextlib.ExitStack() as opened:
            # With three connections, one of two workers has one too many.
            connections = []
            for _ in range(3):
                plain = socket.create_connection(("127.0.0.1", number), TIMEOUT_S)
                connections.append(opened.enter_context(trusting.wrap_socket(plain)))
            # Every connection is accepted before the first is closed by its headers.
            time.sleep(0.5)
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.sendall(GET + b"X: " + b"x" * MAX_HEADER_BYTES)
            answers = [statuses(rest_of(connection)) for connection in connections]

    assert [431] in answers
    assert [503] in answers


def test_the_service_limits_the_time_of_tls_handshakes():
    config = uvicorn.Config(app, **server_options(Hosting()))
    defaults = inspect.signature(new_event_loop).parameters

    assert config.get_loop_factory() is new_event_loop
    assert defaults["handshake_timeout_s"].default == DEFAULT_HEADER_TIMEOUT_S


def test_the_limits_can_be_sent_to_a_worker_process():
    protocol = pickle.loads(pickle.dumps(server_options(Hosting(MCP_MAX_CONNECTIONS=7))["http"]))

    assert protocol.keywords == {
        "max_connections": 7,
        "header_timeout_s": DEFAULT_HEADER_TIMEOUT_S,
    }


async def test_the_head_of_a_response_is_sent_with_its_body_or_alone_if_none_follows():
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    with theirs:
        whole = ResponseTransport(transport, loop)
        whole.write(b"head")
        with pytest.raises(BlockingIOError):
            theirs.recv(100)
        whole.write(b" body")
        assert theirs.recv(100) == b"head body"
        whole.write(b"more")
        assert theirs.recv(100) == b"more"

        stream = ResponseTransport(transport, loop)
        stream.write(b"head")
        assert await asyncio.wait_for(loop.sock_recv(theirs, 100), TIMEOUT_S) == b"head"
        stream.write(b"event")
        assert theirs.recv(100) == b"event"

        last = ResponseTransport(transport, loop)
        last.write(b"head only")
        last.close()
        assert await asyncio.wait_for(loop.sock_recv(theirs, 100), TIMEOUT_S) == b"head only"
        assert await asyncio.wait_for(loop.sock_recv(theirs, 100), TIMEOUT_S) == b""

"""What a client may send, and how long it may take, before anybody asks who it is."""

import asyncio
import contextlib
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
    MAX_HEADER_BYTES,
    MAX_PIPELINED,
    guarded_connection,
    new_event_loop,
)

HEADER_TIMEOUT_S = 0.3
SLOW_ANSWER_S = 0.8
MEMORY_SLACK_KB = 10_000
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
WHOLE = GET + b"\r\n"
LAST = GET + b"Connection: close\r\n\r\n"


async def app(scope, receive, send):
    """Answer at once, or slowly at /slow; read the body at /body alone."""
    if scope["path"] == "/slow":
        await asyncio.sleep(SLOW_ANSWER_S)
    if scope["path"] == "/body":
        while (await receive()).get("more_body"):
            pass
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


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
    """All that is still answered, until the connection is closed."""
    connection.settimeout(TIMEOUT_S)
    received = b""
    # A connection that is closed with something unread is reset.
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            received += piece
    return received


def answer_to(address, *parts):
    with socket.create_connection(address, TIMEOUT_S) as connection:
        for part in parts:
            connection.sendall(part)
        return rest_of(connection)


def statuses(answer):
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def test_headers_may_have_thirty_two_kibibytes_and_not_a_byte_more(address):
    fill = MAX_HEADER_BYTES - len(LAST) - len(b"X: \r\n")
    fits = LAST[:-2] + b"X: " + b"x" * fill + b"\r\n\r\n"
    more = LAST[:-2] + b"X: " + b"x" * (fill + 1) + b"\r\n\r\n"

    assert len(fits) == MAX_HEADER_BYTES
    assert statuses(answer_to(address, fits)) == [200]
    assert statuses(answer_to(address, more)) == [431]
    assert b'"headers_too_large"' in answer_to(address, more)


def test_a_request_line_and_a_further_request_are_headers_too(address):
    assert statuses(answer_to(address, b"GET /" + b"x" * MAX_HEADER_BYTES)) == [431]
    with socket.create_connection(address, TIMEOUT_S) as connection:
        connection.sendall(WHOLE)
        first = connection.recv(65536)
        connection.sendall(GET + b"X: " + b"x" * MAX_HEADER_BYTES)

        assert statuses(first + rest_of(connection)) == [200, 431]


def test_fields_after_a_chunked_body_are_bounded_too(address):
    post = b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"

    assert statuses(answer_to(address, post + b"Connection: x\r\n\r\n", LAST)) == [200, 200]
    assert statuses(answer_to(address, post, b"X: " + b"x" * 3 * MAX_HEADER_BYTES)) == []


def test_a_long_body_is_no_header(address):
    post = b"POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n"

    assert statuses(answer_to(address, post, b"x" * 1_000_000)) == [200]


@pytest.mark.parametrize("sent", [b"", b"G", GET, GET + b"X: "])
def test_headers_that_do_not_end_are_not_waited_for(address, sent):
    started = time.monotonic()

    answer = answer_to(address, sent)

    assert statuses(answer) == [408]
    assert time.monotonic() - started < 10 * HEADER_TIMEOUT_S


def test_headers_that_trickle_are_not_waited_for(address):
    with socket.create_connection(address, TIMEOUT_S) as connection, pytest.raises(OSError):
        connection.sendall(GET)
        started = time.monotonic()
        while time.monotonic() - started < 10 * HEADER_TIMEOUT_S:
            connection.sendall(b"X: x\r\n")
            time.sleep(HEADER_TIMEOUT_S / 10)


def test_a_further_request_that_does_not_end_is_not_waited_for(address):
    with socket.create_connection(address, TIMEOUT_S) as connection:
        connection.sendall(WHOLE)
        first = connection.recv(65536)
        connection.sendall(b"G")

        assert statuses(first + rest_of(connection)) == [200, 408]


def test_an_answer_may_take_longer_than_headers(address):
    slow = LAST.replace(b"/", b"/slow", 1)

    assert statuses(answer_to(address, slow)) == [200]
    assert statuses(answer_to(address, WHOLE.replace(b"/", b"/slow", 1), LAST)) == [200, 200]


def test_a_client_is_not_blamed_for_what_is_still_to_be_read(address):
    slow = WHOLE.replace(b"/", b"/slow", 1)
    fill = MAX_HEADER_BYTES - len(slow) - len(WHOLE) - len(b"X: \r\n")
    padded = slow[:-2] + b"X: " + b"x" * fill + b"\r\n\r\n"
    with socket.create_connection(address, TIMEOUT_S) as connection:
        # While the second waits for the answer to the first, nothing is read of the third.
        connection.sendall(padded + WHOLE + GET + b"X: " + b"x" * 1000)
        time.sleep(SLOW_ANSWER_S)
        connection.sendall(b"\r\nConnection: close\r\n\r\n")

        assert statuses(rest_of(connection)) == [200] * 3


def test_a_body_that_was_answered_before_its_end_holds_no_connection(address):
    post = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(address, TIMEOUT_S) as connection, pytest.raises(OSError):
        connection.sendall(post)
        started = time.monotonic()
        while time.monotonic() - started < 10 * HEADER_TIMEOUT_S:
            connection.sendall(b"x")
            time.sleep(HEADER_TIMEOUT_S / 10)


def test_a_connection_too_many_is_told_when_to_come_back():
    with served(max_connections=3) as address:
        held = []
        for _ in range(3):
            held.append(socket.create_connection(address, TIMEOUT_S))
            held[-1].sendall(WHOLE)
            assert statuses(held[-1].recv(65536)) == [200]

        one_more = answer_to(address)
        for connection in held:
            connection.close()
        time.sleep(0.1)
        later = answer_to(address, LAST)

    assert statuses(one_more) == [503]
    assert b"\r\nRetry-After: 5\r\n" in one_more
    assert statuses(later) == [200]


def test_requests_that_wait_on_one_connection_are_bounded(address):
    few = WHOLE * MAX_PIPELINED + LAST
    many = WHOLE.replace(b"/", b"/slow", 1) + WHOLE * 10 * MAX_PIPELINED

    assert statuses(answer_to(address, few)) == [200] * (MAX_PIPELINED + 1)
    assert statuses(answer_to(address, many)) == []


def test_an_upgrade_is_ignored(address):
    upgrade = LAST.replace(b"close", b"Upgrade\r\nUpgrade: websocket")

    assert statuses(answer_to(address, upgrade)) == [200]


def test_a_tls_handshake_that_does_not_end_is_not_waited_for(tmp_path):
    key, certificate = Authority(tmp_path).issue("server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def begin_a_handshake():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context)
        try:
            address = server.sockets[0].getsockname()
            return await asyncio.to_thread(answer_to, address, b"\x16\x03\x01\x02")
        finally:
            server.close()

    started = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: new_event_loop(HEADER_TIMEOUT_S)) as runner:
        assert runner.run(begin_a_handshake()) == b""
    assert time.monotonic() - started < 10 * HEADER_TIMEOUT_S


def flood(number, context=None):
    """Send two hundred headers of a megabyte as far as the service lets us."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number)) as plain:
        connection = plain if context is None else context.wrap_socket(plain)
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        for name in range(200):
            connection.sendall(f"X-{name}: ".encode() + b"x" * 1_000_000 + b"\r\n")
        raise AssertionError("all of it was taken")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_headers_of_two_hundred_megabytes_cost_the_service_nothing(port):
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
        silent = socket.create_connection(("127.0.0.1", number), TIMEOUT_S)
        connected = time.monotonic()
        long = GET + b"X: " + b"x" * MAX_HEADER_BYTES
        answers = []
        with contextlib.ExitStack() as held:
            # Three at once: one of two workers has one too many.
            for _ in range(3):
                plain = held.enter_context(socket.create_connection(("127.0.0.1", number), 20))
                secure = held.enter_context(trusting.wrap_socket(plain))
                answers.append(secure)
            time.sleep(0.5)
            for secure in answers:
                with contextlib.suppress(OSError):
                    secure.sendall(long)
            told = [statuses(rest_of(secure)) for secure in answers]
        with silent:
            assert rest_of(silent) == b""
        waited_s = time.monotonic() - connected

    assert [431] in told
    assert [503] in told
    assert waited_s < 15, "a TLS handshake may take 10 s, not a minute"

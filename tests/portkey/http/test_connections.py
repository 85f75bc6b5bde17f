"""Connections that are kept: how long, by whom, and what happens if the server closes them."""

import asyncio
import contextlib
import ssl
import time

import pytest

from both_clients import MemoryTransport
from faulty_server import CLOSE, RESET, FaultyServer
from portkey_admin_mcp.portkey.http import http1
from portkey_admin_mcp.portkey.http.answer import Answer, BrokenAnswer
from portkey_admin_mcp.portkey.http.connection import Connection
from portkey_admin_mcp.portkey.http.http1 import MAX_CONNECTIONS, MAX_IDLE_S, Http1, NotConnected
from portkey_admin_mcp.portkey.http.proxied import ProxyClient
from portkey_admin_mcp.portkey.http.slots import CALLER, Slots

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
OTHER = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[1, 2, 3]"
VERBS = ["GET", "POST", "PUT", "DELETE"]


@contextlib.asynccontextmanager
async def client(timeout_s: float = 5):
    http = Http1(timeout_s, 1_000_000, ssl.create_default_context)
    yield http
    http.close()


async def send(http: Http1, server: FaultyServer, verb: str = "GET") -> bytes:
    return (await http.request(verb, server.url, {}, None if verb == "GET" else b"{}"))[2]


async def send_as(caller: str, *arguments) -> bytes:
    CALLER.set(caller)
    return await send(*arguments)


# Idle connections


async def test_a_connection_that_was_idle_for_too_long_is_closed_and_not_used_again(monkeypatch):
    assert MAX_IDLE_S == 15
    monkeypatch.setattr(http1, "MAX_IDLE_S", 0.1)
    async with FaultyServer([ANSWER]) as server, client(1) as http:
        await send(http, server)
        await send(http, server)
        assert server.connections == 1

        await asyncio.sleep(0.3)

        assert not http._pools, "it is still there"
        await send(http, server)
        assert server.connections == 2


async def test_nor_is_it_used_if_the_process_slept_meanwhile(monkeypatch):
    monkeypatch.setattr(http1, "MAX_IDLE_S", 0.1)
    async with FaultyServer([ANSWER]) as server, client() as http:
        await send(http, server)
        time.sleep(0.15)  # noqa: ASYNC251  # the loop cannot look at its timers

        await send(http, server)

        assert server.connections == 2


async def test_a_request_still_times_out_after_the_idle_connections_were_closed():
    async with FaultyServer([5.0]) as server, client(0.1) as http:
        task = asyncio.create_task(send(http, server))
        await asyncio.sleep(0.05)
        http.close()

        async with asyncio.timeout(2):
            with pytest.raises(TimeoutError, match="no answer within"):
                await task


# Connections that the server closed


@pytest.mark.parametrize("end", [CLOSE, RESET])
async def test_a_read_on_a_connection_that_died_is_sent_again_at_once(end):
    async with FaultyServer([ANSWER], [end], [OTHER]) as server, client() as http:
        await send(http, server)

        assert await send(http, server) == b"[1, 2, 3]"

        assert len(server.requests) == 3
        assert server.connections == 2


@pytest.mark.parametrize("end", [CLOSE, RESET])
@pytest.mark.parametrize("verb", VERBS[1:])
async def test_a_write_on_a_connection_that_died_is_not(end, verb):
    async with FaultyServer([ANSWER], [end], [OTHER]) as server, client() as http:
        await send(http, server)

        with pytest.raises(BrokenAnswer):
            await send(http, server, verb)

        assert len(server.requests) == 2


async def test_nor_is_a_read_whose_answer_had_begun():
    async with FaultyServer([ANSWER], [b"H", 0.01, CLOSE], [OTHER]) as server, client() as http:
        await send(http, server)

        with pytest.raises(BrokenAnswer):
            await send(http, server)

        assert len(server.requests) == 2


async def test_nor_is_a_read_on_a_new_connection():
    async with FaultyServer([CLOSE], [OTHER]) as server, client() as http:
        with pytest.raises(BrokenAnswer):
            await send(http, server)

        assert len(server.requests) == 1


async def test_a_connection_that_the_server_closed_in_time_is_not_used():
    async with FaultyServer([ANSWER, CLOSE], [OTHER]) as server, client() as http:
        await send(http, server)
        await asyncio.sleep(0.05)

        assert await send(http, server, "POST") == b"[1, 2, 3]"

        assert server.connections == 2


async def test_a_connection_is_not_used_from_the_moment_that_the_server_ends_it():
    connection, exchange = await open_exchange()
    connection.data_received(ANSWER)
    await exchange
    assert connection.is_reusable

    connection.eof_received()

    assert connection.is_closed and not connection.is_reusable


async def test_an_answer_that_ends_with_its_connection_must_not_end_with_an_error():
    connection, exchange = await open_exchange()
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n{}")

    connection.connection_lost(ConnectionResetError())

    with pytest.raises(BrokenAnswer):
        await exchange


# What follows an answer


@pytest.mark.parametrize("rest", [b"\r\n", b"\n", b"x", ANSWER, OTHER, b"HTTP/1.1 100 X\r\n\r\n"])
@pytest.mark.parametrize("pause_s", [None, 0.02])
@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ],
    ids=["length", "chunked", "204"],
)
async def test_the_next_caller_never_gets_what_followed_an_answer(answer, rest, pause_s):
    first = [answer + rest] if pause_s is None else [answer, rest, pause_s]
    async with FaultyServer(first, [OTHER]) as server, client() as http:
        body = await send_as("a", http, server)
        await asyncio.sleep(pause_s or 0)

        assert body == (b"" if answer.startswith(b"HTTP/1.1 204") else b"{}")
        assert await send_as("b", http, server) == b"[1, 2, 3]"
        assert server.connections == 2


async def open_exchange() -> tuple[Connection, asyncio.Future[Answer]]:
    """A connection without a socket, and its request."""
    connection = Connection(1_000_000)
    connection.connection_made(MemoryTransport())
    exchange = asyncio.ensure_future(connection.exchange(b"", None))
    await asyncio.sleep(0)
    return connection, exchange


@pytest.mark.parametrize("rest", [b"\r\n", b"x", OTHER])
async def test_nor_what_came_before_the_answer_was_collected(rest):
    connection, exchange = await open_exchange()

    connection.data_received(ANSWER)
    connection.data_received(rest)

    assert (await exchange)[2] == b"{}"
    assert connection.is_closed and not connection.is_reusable


@pytest.mark.parametrize("status", [b"204", b"304"])
async def test_a_body_that_must_not_be_there_ends_its_connection(status):
    stray = b"HTTP/1.1 %s X\r\ncontent-length: 49\r\n\r\n" % status
    async with FaultyServer([stray, 0.05, OTHER], [ANSWER]) as server, client() as http:
        assert await send(http, server) == b""

        # The body comes when the next request has been sent.
        assert await send(http, server) == b"{}"

        assert server.connections == 2


async def test_an_answer_before_its_request_was_read_ends_its_connection():
    is_over = asyncio.Event()

    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER.replace(b"200 OK", b"413 No"))
        await is_over.wait()
        writer.transport.abort()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0, limit=1000)
    async with client() as http:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        status, _headers, _body = await http.request("POST", url, {}, bytes(20_000_000))

        assert status == 413
        assert not any(pool.idle for pool in http._pools.values())
    is_over.set()
    server.close()
    await asyncio.sleep(0.01)


# Waiting for a connection


def occupied(http: Http1, server: FaultyServer) -> Slots:
    """The slots of a server, all in use."""
    pool = http._pools[http1._split(server.url)[0]] = http1._Pool()
    while pool.slots.take(None):
        pass
    return pool.slots


async def test_who_gets_no_connection_in_time_has_sent_nothing():
    async with FaultyServer([ANSWER]) as server, client(0.1) as http:
        slots = occupied(http, server)

        with pytest.raises(NotConnected, match="all connections were in use"):
            await send(http, server, "POST")
        assert server.connections == 0

        slots.release(None)
        assert await send(http, server, "POST") == b"{}"


async def test_the_wait_for_a_connection_counts_into_the_time_to_make_it():
    async with FaultyServer([ANSWER]) as server, client() as http:
        slots = occupied(http, server)
        asyncio.get_running_loop().call_later(0.3, slots.release, None)

        time_left_s = await http1.wait_for_slot(slots, None, 0.4)

        assert 0 < time_left_s <= 0.1


@pytest.mark.parametrize("by_proxy", [False, True], ids=["direct", "proxy"])
async def test_many_calls_of_one_principal_do_not_make_another_wait(by_proxy):
    async with FaultyServer([0.3, ANSWER]) as server:
        limits = 5, 1_000_000, ssl.create_default_context
        http, proxied = Http1(*limits), ProxyClient(*limits)

        async def call(caller: str) -> float:
            CALLER.set(caller)
            started = time.monotonic()
            if by_proxy:
                await proxied.request(server.origin, "GET", "http://portkey.example/", {}, None)
            else:
                await http.request("GET", server.url, {}, None)
            return time.monotonic() - started

        greedy = [asyncio.create_task(call("greedy")) for _ in range(256)]
        await asyncio.sleep(0.1)
        elapsed_s = await asyncio.create_task(call("modest"))

        assert elapsed_s < 1  # behind the others, it would be 1.2 s
        assert server.connections <= MAX_CONNECTIONS / 2 + 1
        for task in greedy:
            task.cancel()
        await asyncio.gather(*greedy, return_exceptions=True)
        http.close()
        await proxied.close()


async def test_a_call_that_is_cancelled_leaves_its_slot_and_no_connection():
    async with FaultyServer([30.0]) as server, client() as http:
        task = asyncio.create_task(send(http, server))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        (pool,) = http._pools.values()
        assert pool.slots.is_unused
        assert not pool.idle

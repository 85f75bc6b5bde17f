"""HTTP/1.1 as servers may speak it: interim answers, too many answers, answers without an end."""

import asyncio
import contextlib
import ssl

import pytest

from portkey_admin_mcp.portkey.http.http1 import MAX_CONNECTIONS, Http1

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-own: first\r\n\r\n{}"
OTHER = b"HTTP/1.1 500 Oops\r\ncontent-length: 5\r\nx-own: second\r\n\r\nother"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\nx-own: hint\r\n\r\n"
PAUSE_S = 0.05
CLOSE = b""
"""In a script: hang up."""


class RawServer:
    """Answers each request on a connection with the next chunks of a script."""

    def __init__(self, *script):
        self.script = list(script)
        self.connections = 0
        self.tasks = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        self.http = Http1(2, 1_000_000, ssl.create_default_context)
        self.url = f"http://127.0.0.1:{port}/v1/notes"
        return self

    async def __aexit__(self, *_):
        self.http.close()
        self.server.close()
        await asyncio.gather(*self.tasks)

    async def serve(self, reader, writer):
        self.connections += 1
        self.tasks.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            await self.answer(reader, writer)
        writer.close()

    async def answer(self, reader, writer):
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            for chunk in self.script.pop(0) if len(self.script) > 1 else self.script[0]:
                if chunk == CLOSE:
                    return
                writer.write(chunk)
                await asyncio.sleep(PAUSE_S)

    async def get(self):
        return await self.http.request("GET", self.url, {}, None)


@pytest.mark.parametrize(
    "chunks",
    [
        [CONTINUE + ANSWER],
        [CONTINUE, ANSWER],
        [HINTS + ANSWER],
        [CONTINUE, HINTS, HINTS, ANSWER],
        [HINTS[:40], HINTS[40:] + ANSWER[:20], ANSWER[20:]],
    ],
)
async def test_an_interim_answer_is_skipped_with_its_headers(chunks):
    async with RawServer(chunks, [OTHER]) as server:
        status, headers, body = await server.get()

        assert (status, body) == (200, b"{}")
        assert headers == {"content-length": "2", "x-own": "first"}
        assert (await server.get())[0] == 500
        assert server.connections == 1


async def test_a_switch_of_protocols_is_refused_by_name():
    switch = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"

    async with RawServer([switch]) as server:
        with pytest.raises(ConnectionError, match="not asked for: 101"):
            await server.get()


@pytest.mark.parametrize("chunks", [[CONTINUE, CLOSE], [HINTS, CLOSE], [HINTS[:60], CLOSE]])
async def test_an_interim_answer_alone_is_no_answer(chunks):
    async with RawServer(chunks) as server:
        with pytest.raises(ConnectionError):
            await server.get()


@pytest.mark.parametrize(
    "first",
    [
        [ANSWER + OTHER],
        [ANSWER + OTHER[:30]],
        [ANSWER[:-1], ANSWER[-1:] + OTHER],
        [ANSWER + b"nonsense"],
        [ANSWER, OTHER],
        [ANSWER, b"nonsense"],
    ],
    ids=["two", "one and a half", "in pieces", "nonsense", "two, later", "nonsense, later"],
)
async def test_data_without_a_request_changes_no_answer_and_ends_its_connection(first):
    async with RawServer(first, [ANSWER]) as server:
        status, headers, body = await server.get()
        await asyncio.sleep(2 * PAUSE_S)

        assert (status, headers["x-own"], body) == (200, "first", b"{}")
        assert headers["content-length"] == "2"
        assert (await server.get())[0] == 200
        assert server.connections == 2


async def test_a_connection_is_used_again():
    async with RawServer([ANSWER]) as server:
        for _ in range(3):
            assert (await server.get())[2] == b"{}"

        assert server.connections == 1


async def test_a_connection_that_the_server_will_close_is_not_used_again():
    closing = ANSWER.replace(b"x-own: first", b"connection: close")

    async with RawServer([closing]) as server:
        await server.get()
        await server.get()

        assert server.connections == 2


async def test_an_answer_without_a_length_ends_with_its_connection():
    async with RawServer([b"HTTP/1.1 200 OK\r\nx-own: first\r\n\r\n{", b"}", CLOSE]) as server:
        assert await server.get() == (200, {"x-own": "first"}, b"{}")


@pytest.mark.parametrize(
    "chunk",
    [ANSWER[:-1], b"HTTP/1.1 200 OK\r\nx-own: first\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 2"],
)
async def test_an_answer_that_ends_too_early_is_broken(chunk):
    async with RawServer([chunk, CLOSE]) as server:
        with pytest.raises(ConnectionError):
            await server.get()


async def test_the_values_of_a_repeated_header_are_joined():
    twice = ANSWER.replace(b"x-own: first", b"x-own: a\r\nX-Own:  b ")

    async with RawServer([twice]) as server:
        assert (await server.get())[1]["x-own"] == "a, b"


async def test_so_many_connections_are_opened_and_no_more():
    async with RawServer([ANSWER]) as server:
        answers = await asyncio.gather(*(server.get() for _ in range(MAX_CONNECTIONS + 5)))

        assert {status for status, _headers, _body in answers} == {200}
        assert server.connections == MAX_CONNECTIONS

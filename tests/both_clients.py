"""Our client and aiohttp, fed with an answer in memory, without sockets."""

import asyncio

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from portkey_admin_mcp.portkey.http.answer import UnusableAnswer
from portkey_admin_mcp.portkey.http.connection import Connection


class MemoryTransport(asyncio.Transport):
    """What a protocol writes to; nothing is sent."""

    def write(self, data):
        pass

    def abort(self):
        pass

    def close(self):
        pass

    def is_closing(self):
        return False

    def get_write_buffer_size(self):
        return 0

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


Result = tuple[int, bytes] | Exception
"""The status and the body, or the error."""


async def by_our_client(parts: list[bytes], max_bytes: int, first: bytes = b"") -> Result:
    """What our client makes of an answer in these segments, before which it got another one."""
    connection = Connection(max_bytes)
    connection.connection_made(MemoryTransport())
    if first:
        exchange = asyncio.ensure_future(connection.exchange(b"", None))
        await asyncio.sleep(0)
        connection.data_received(first)
        await exchange
        assert connection.is_reusable
    exchange = asyncio.ensure_future(connection.exchange(b"", None))
    await asyncio.sleep(0)
    for part in parts:
        if connection.is_closed:
            break
        connection.data_received(part)
    connection.eof_received()
    connection.connection_lost(None)
    try:
        status, _headers, body = await exchange
    except (ConnectionError, UnusableAnswer) as error:
        return error
    return status, body


async def by_aiohttp(data: bytes) -> Result:
    """What aiohttp's protocol of a client makes of an answer in single bytes."""
    protocol = ResponseHandler(asyncio.get_running_loop())
    protocol.connection_made(MemoryTransport())
    protocol.set_response_params(read_until_eof=True, auto_decompress=True)
    payload = None
    try:
        for byte in data:
            protocol.data_received(bytes((byte,)))
            while payload is None and protocol._buffer:
                message, body = await protocol.read()
                if message.code == 101 or not 100 <= message.code < 200:
                    payload = body
            if payload is not None and payload.is_eof():
                break
            if protocol.exception() is not None:
                break
        protocol.connection_lost(None)
        if payload is None:
            message, payload = await protocol.read()
        return message.code, await payload.read()
    except (aiohttp.ClientError, HttpProcessingError, RuntimeError) as error:
        return error

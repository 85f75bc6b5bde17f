"""How much memory and time an answer without an end can take, measured in a process of its own."""

import asyncio
import contextlib
import gzip
import json
import struct
import sys
import zlib
from pathlib import Path

import pytest

from faulty_server import CLOSE, FLOOD, FaultyServer
from programs import tree_environment

MAX_BYTES = 4_000_000
"""The size limit of the client here."""
MAX_GROWTH = 2 * MAX_BYTES + 8_000_000
"""How much memory one answer may take: what it may hold, once more when it grows or is returned,
and the buffers of the sockets and of zlib."""
MAX_S = 3
"""How long one answer may keep the processor busy, in seconds."""
ERRORS = ("BrokenAnswer", "UnusableAnswer")
STATUS = Path("/proc/self/status")
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
LARGE_CHUNK = b"10000\r\n%s\r\n" % (b"x" * 65_536)
LAST = b"2\r\n{}\r\n0\r\n"


def gzip_of_zeros(megabytes):
    """As many millions of zeros in one member of gzip: one compressed block, again and again."""
    zeros = bytes(1_000_000)
    compressor = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = compressor.compress(zeros) + compressor.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(megabytes):
        checksum = zlib.crc32(zeros, checksum)
    size = megabytes * len(zeros)
    head, end = gzip.compress(b"", mtime=0)[:10], compressor.flush()
    return head + block * megabytes + end + struct.pack("<II", checksum, size)


def floods():
    """What a server sends without end, by what it is."""
    bomb = gzip_of_zeros(300)
    return {
        "a gzip bomb": [
            HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb),
            bomb,
        ],
        "an endless body in chunks": [CHUNKED, FLOOD(LARGE_CHUNK)],
        "an endless body in small chunks": [CHUNKED, FLOOD(b"2\r\n{}\r\n" * 10_000)],
        "an endless body without a length": [HEAD + b"\r\n", FLOOD(b"x" * 65_536)],
        "a body of ten gigabytes": [
            HEAD + b"content-length: 10000000000\r\n\r\n",
            FLOOD(b"x" * 65_536),
        ],
        "endless members of gzip": [
            HEAD + b"content-encoding: gzip\r\n\r\n",
            FLOOD(gzip.compress(b"") * 1_000),
        ],
        "endless headers": [HEAD, FLOOD(b"x-a: b\r\n" * 10_000)],
        "one endless header": [HEAD + b"x-a: ", FLOOD(b"x" * 65_536)],
        "an endless reason": [b"HTTP/1.1 200 ", FLOOD(b"x" * 65_536)],
        "endless interim answers": [FLOOD(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)],
        "endless trailers": [CHUNKED + LAST, FLOOD(b"x-a: b\r\n" * 10_000)],
        "one endless trailer": [CHUNKED + LAST + b"x-a: ", FLOOD(b"x" * 65_536)],
        "an endless extension of a chunk": [CHUNKED + b"2;", FLOOD(b"x" * 65_536)],
    }


SLOW_IN_AIOHTTP = {
    "an endless body in small chunks",
    "endless interim answers",
    "endless trailers",
    "one endless trailer",
    "an endless extension of a chunk",
}
"""aiohttp reads these until the total timeout, without keeping them."""


@pytest.mark.skipif(not STATUS.exists(), reason="the peak of memory is read from Linux's /proc")
@pytest.mark.parametrize("client", ["direct", "proxy"])
async def test_no_answer_takes_more_memory_than_its_limit_allows(client):
    async with contextlib.AsyncExitStack() as servers:
        origins = {}
        for name, script in floods().items():
            server = await servers.enter_async_context(FaultyServer([*script, CLOSE]))
            origins[name] = server.origin
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("one_request_each.py")),
            client,
            str(MAX_BYTES),
            json.dumps(origins),
            stdout=asyncio.subprocess.PIPE,
            env=tree_environment(),
        )
        output, _ = await process.communicate()

    for name, (result, growth, elapsed_s) in json.loads(output).items():
        print(f"{client} {name}: {result}, {growth / 1e6:.1f} MB, {elapsed_s:.2f} s")  # noqa: T201
        may_time_out = client == "proxy" and name in SLOW_IN_AIOHTTP
        assert result in ERRORS or (may_time_out and result == "TimeoutError"), name
        assert growth < MAX_GROWTH, name
        assert elapsed_s < MAX_S, name

"""Mutated answers, parsed by our client and by aiohttp: ours accepts nothing that aiohttp refuses.

The protocols of both are fed in memory, without sockets. Ours gets random segments; aiohttp gets
single bytes until its answer is complete, because it reports an error of what follows an answer in
the same segment as an error of the answer.
"""

import gzip
import random
import zlib
from collections import Counter

import pytest

from both_clients import by_aiohttp, by_our_client

SEED = 20261102
MUTANTS = 10_000
MAX_BYTES = 1_000_000

JSON = b'{"object": "list", "total": 1, "data": [{"id": "ws-1", "name": "Support"}]}'
OK = b"HTTP/1.1 200 OK\r\n"
TYPE = b"content-type: application/json\r\n"


def with_length(body: bytes, head: bytes = OK + TYPE) -> bytes:
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes, size: int = 20, head: bytes = OK + TYPE, trailers: bytes = b"") -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + trailers + b"\r\n"


GZIPPED = gzip.compress(JSON, mtime=0)
ANSWERS = [
    with_length(JSON),
    with_length(b"", b"HTTP/1.1 204 No Content\r\n"),
    with_length(b'{"message":"no"}', b"HTTP/1.1 404 Not Found\r\nretry-after: 3\r\n" + TYPE),
    with_length(GZIPPED, OK + b"content-encoding: gzip\r\n"),
    with_length(zlib.compress(JSON), OK + b"content-encoding: deflate\r\n"),
    with_length(zlib.compress(JSON)[2:-4], OK + b"content-encoding: deflate\r\n"),
    chunked(JSON),
    chunked(JSON, 7, trailers=b"x-checksum: 1\r\n"),
    chunked(GZIPPED, 15, OK + b"Content-Encoding: gzip\r\n"),
    OK + TYPE + b"connection: close\r\n\r\n" + JSON,
    b"HTTP/1.0 200 OK\r\n\r\n" + JSON,
    b"HTTP/1.1 100 Continue\r\n\r\n" + with_length(JSON),
    b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + chunked(JSON),
    with_length(JSON, OK + b"Connection: close\r\nX-Long: " + b"y" * 300 + b"\r\n"),
]
FIRST = ANSWERS[6]
WORDS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"-1", b"+", b"0x", b"\xff",
    b"content-length: 5\r\n", b"Content-Length: 77\r\n", b"transfer-encoding: chunked\r\n",
    b"Transfer-Encoding: gzip\r\n", b"content-encoding: gzip\r\n", b"connection: close\r\n",
    b"connection: upgrade\r\nupgrade: h2c\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b" folded\r\n", b"{}",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"0\r\n\r\n", b"HTTP/1.0", b"204", b"304", b"1",
]  # fmt: skip
"""What is inserted, besides random bytes and lines of the answers."""
LINES = sorted({line for answer in ANSWERS for line in answer.splitlines(keepends=True)})


def mutated(random: random.Random) -> bytes:
    """An answer with one to three changes."""
    answer = random.choice(ANSWERS)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        start = random.randrange(len(answer) + 1)
        end = start + random.choice((1, 1, 2, 5, 20))
        before, part, after = answer[:start], answer[start:end], answer[end:]
        answer = before + random.choice(CHANGES)(random, part) + after
    return answer


def flipped(random: random.Random, part: bytes) -> bytes:
    """One bit of the first byte changes."""
    return bytes((part[0] ^ 1 << random.randrange(8),)) + part[1:] if part else part


CHANGES = [
    flipped,
    lambda random, part: random.randbytes(1) + part[1:],
    lambda _random, _part: b"",
    lambda _random, part: part + part,
    lambda random, part: random.choice(WORDS) + part,
    lambda random, part: random.randbytes(random.choice((1, 2))) + part,
    lambda random, part: random.choice(LINES) + part,
    lambda _random, part: part[::-1],
]


def segments(data: bytes, random: random.Random) -> list[bytes]:
    """The same data in random segments."""
    if random.random() < 0.3:
        return [data]
    count = random.choice((1, 2, 4, 40))
    ends = sorted(random.randrange(len(data) + 1) for _ in range(count))
    parts = [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]
    return [part for part in parts if part]


async def compared(data: bytes, parts: list[bytes], first: bytes = b"") -> str:
    """What both clients make of an answer; fails if ours accepts more, or something else."""
    theirs, ours = await by_aiohttp(data), await by_our_client(parts, MAX_BYTES, first)
    if isinstance(ours, Exception):
        return "refused by both" if isinstance(theirs, Exception) else "refused by ours only"
    assert not isinstance(theirs, Exception), (data, parts, ours, theirs)
    assert ours == theirs, (data, parts)
    return "the same answer"


@pytest.mark.parametrize("answer", ANSWERS)
async def test_both_clients_accept_the_answers_that_are_mutated(answer):
    for parts in ([answer], [bytes((byte,)) for byte in answer]):
        assert await compared(answer, parts) == "the same answer"


async def test_our_client_accepts_no_mutated_answer_that_aiohttp_refuses():
    rng = random.Random(SEED)
    counts = Counter()

    for _ in range(MUTANTS):
        data = mutated(rng)
        # On some connections, our client has had an answer before.
        first = rng.choice((b"", b"", FIRST))
        counts[await compared(data, segments(data, rng), first)] += 1

    # If mutations were too coarse, everything would be refused, and the test would prove nothing.
    assert counts["the same answer"] > MUTANTS / 10
    assert counts["refused by both"] > MUTANTS / 10

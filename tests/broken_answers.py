"""Broken and odd answers of an HTTP server, each with what the client of Portkey must make of it.

A case is a name, the bytes that the server sends before it closes the connection, and the outcome:
the status and the body, or the kind of error: `BROKEN` (no answer that can be trusted: incomplete,
or no valid HTTP) or `UNUSABLE` (valid, but too large or in an unknown coding). `proxied` is the
outcome through aiohttp if it is another: aiohttp forgives more of the syntax, and refuses an answer
that something follows in the same segment.
"""

import gzip
import zlib
from typing import Final, NamedTuple

BROKEN: Final = "broken"
UNUSABLE: Final = "unusable"
MAX_BYTES = 1_000_000
"""The size limit of the client that the answers are played to."""

Outcome = tuple[int, bytes] | str


class Case(NamedTuple):
    name: str
    answer: bytes
    outcome: Outcome
    proxied: Outcome | None = None
    """The outcome through aiohttp; None if it is the same."""


JSON = b'{"id":"n-1"}'
FULL: Outcome = (200, JSON)
EMPTY: Outcome = (200, b"")
GZIPPED = gzip.compress(JSON, mtime=0)
ZLIB = zlib.compress(JSON)
RAW = zlib.compress(JSON)[2:-4]


def ok(*lines: bytes, body: bytes = JSON) -> bytes:
    """An answer of status 200 with these header lines."""
    return b"\r\n".join((b"HTTP/1.1 200 OK", *lines, b"", body))


def sized(*lines: bytes, body: bytes = JSON) -> bytes:
    """The same with the right Content-Length."""
    return ok(*lines, b"content-length: %d" % len(body), body=body)


def status(line: bytes) -> bytes:
    """An answer with this status line."""
    return line + b"\r\ncontent-length: 12\r\n\r\n" + JSON


def raw_header(line: bytes) -> bytes:
    """An answer with this header between two good ones."""
    return b"HTTP/1.1 200 OK\r\nx-a: 1\r\n" + line + b"\r\ncontent-length: 12\r\n\r\n" + JSON


def chunks(encoded: bytes, *lines: bytes) -> bytes:
    """An answer whose body is these bytes, sent as chunked."""
    return ok(*lines, b"transfer-encoding: chunked", body=encoded)


def transfer(coding: bytes) -> bytes:
    """A chunked answer that calls its transfer coding so."""
    return ok(b"transfer-encoding: " + coding, body=b"c\r\n" + JSON + b"\r\n0\r\n\r\n")


def coded(coding: bytes, body: bytes) -> bytes:
    """An answer with this Content-Encoding."""
    return sized(b"content-encoding: " + coding, body=body)


def length(value: bytes) -> bytes:
    """An answer with this Content-Length."""
    return ok(b"content-length: " + value)


def error(head: bytes, body: bytes) -> bytes:
    """An answer of status 404."""
    return b"HTTP/1.1 404 Not Found\r\ncontent-length: %d\r\n%s\r\n%s" % (len(body), head, body)


CHUNK = b"c\r\n" + JSON + b"\r\n"
LAST = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
CLOSED = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
OLD = b"HTTP/1.0 200 OK\r\n"
BOMB = gzip.compress(bytes(MAX_BYTES + 1), mtime=0)

GOOD = [
    Case("plain", sized(), FULL),
    Case("empty", sized(body=b""), EMPTY),
    Case("chunked", chunks(CHUNK + LAST), FULL),
    Case("chunked and empty", chunks(LAST), EMPTY),
    Case("two chunks", chunks(b"1\r\n{\r\n1\r\n}\r\n" + LAST), (200, b"{}")),
    Case("capital digits", chunks(b"C\r\n" + JSON + b"\r\n" + LAST), FULL),
    Case("zeros before a chunk size", chunks(b"00000c\r\n" + JSON + b"\r\n" + LAST), FULL),
    Case("ended by closing", CLOSED + JSON, FULL),
    Case("HTTP/1.0, ended by closing", OLD + b"\r\n" + JSON, FULL),
    Case("HTTP/1.0 with a length", OLD + b"content-length: 12\r\n\r\n" + JSON, FULL),
    Case(
        "HTTP/1.0 kept alive",
        OLD + b"connection: keep-alive\r\ncontent-length: 12\r\n\r\n" + JSON,
        FULL,
    ),
    Case("204", b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
    Case("204 with length 0", b"HTTP/1.1 204 X\r\ncontent-length: 0\r\n\r\n", (204, b"")),
    Case("304 with a length", b"HTTP/1.1 304 X\r\ncontent-length: 9\r\n\r\n", (304, b"")),
    Case("an error", error(b"", b"no"), (404, b"no")),
    Case("an error without a body", error(b"", b""), (404, b"")),
    Case("an error, ended by closing", b"HTTP/1.1 404 X\r\n\r\nno", (404, b"no")),
    Case("an error, ended at once", b"HTTP/1.1 404 X\r\n\r\n", (404, b"")),
    Case("a redirect, ended at once", b"HTTP/1.1 302 X\r\n\r\n", (302, b"")),
    Case("a list, ended by closing", CLOSED + b"[1]\n", (200, b"[1]\n")),
    Case("a page, ended by closing", CLOSED + b"<html>", (200, b"<html>")),
    Case("a body of line ends", sized(body=b"\r\n\r\n"), (200, b"\r\n\r\n")),
    Case("a body that looks like an answer", sized(body=sized()), (200, sized())),
    Case("a body of zeros", sized(body=bytes(100)), (200, bytes(100))),
    Case("exactly the largest", sized(body=b"1" * MAX_BYTES), (200, b"1" * MAX_BYTES)),
    Case("a charset", sized(b"content-type: application/json; charset=utf-8"), FULL),
    Case("cookies", sized(b"set-cookie: a=1", b"set-cookie: b=2"), FULL),
    Case("an upgrade that is offered", sized(b"upgrade: h2c", b"connection: upgrade"), FULL),
]
"""Answers to be accepted."""

STATUS_LINES = [
    Case("no reason", status(b"HTTP/1.1 200"), FULL),
    Case("an empty reason", status(b"HTTP/1.1 200 "), FULL),
    Case("a reason in UTF-8", status("HTTP/1.1 200 Schön".encode()), FULL),
    Case("status 299", status(b"HTTP/1.1 299 Odd"), (299, JSON)),
    Case("status 599", status(b"HTTP/1.1 599 Odd"), (599, JSON)),
    Case("status 600", status(b"HTTP/1.1 600 Odd"), (600, JSON)),
    Case("status 999", status(b"HTTP/1.1 999 Odd"), (999, JSON)),
    Case("status 099", status(b"HTTP/1.1 099 Odd"), BROKEN),
    Case("status 099 before an answer", b"HTTP/1.1 099 Odd\r\n\r\n" + sized(), BROKEN),
    Case(
        "status 099 without a body before an answer",
        b"HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n" + sized(),
        BROKEN,
    ),
    Case("status 000", status(b"HTTP/1.1 000 Odd"), BROKEN),
    Case("status of two digits", status(b"HTTP/1.1 20 OK"), BROKEN),
    Case("status of four digits", status(b"HTTP/1.1 2000 OK"), BROKEN),
    Case("a negative status", status(b"HTTP/1.1 -200 OK"), BROKEN),
    Case("a status in words", status(b"HTTP/1.1 OK"), BROKEN),
    Case("no status", status(b"HTTP/1.1 "), BROKEN),
    Case("no version", status(b"HTTP 200 OK"), BROKEN),
    Case("version 0.9", status(b"HTTP/0.9 200 OK"), BROKEN, FULL),
    Case("version 1.2", status(b"HTTP/1.2 200 OK"), BROKEN),
    Case("version 2.0", status(b"HTTP/2.0 200 OK"), BROKEN, FULL),
    Case("version 11", status(b"HTTP/11 200 OK"), BROKEN),
    Case("version 1.10", status(b"HTTP/1.10 200 OK"), BROKEN),
    Case("lower case", status(b"http/1.1 200 OK"), BROKEN),
    Case("RTSP", status(b"RTSP/1.0 200 OK"), BROKEN, FULL),
    Case("ICY", status(b"ICY 200 OK"), BROKEN),
    Case("a request", b"GET / HTTP/1.1\r\n\r\n", BROKEN),
    Case("two spaces", status(b"HTTP/1.1  200 OK"), BROKEN),
    Case("a tab", status(b"HTTP/1.1\t200 OK"), BROKEN),
    Case("a space before it", status(b" HTTP/1.1 200 OK"), BROKEN),
    Case("an empty line before it", b"\r\n" + status(b"HTTP/1.1 200 OK"), BROKEN, FULL),
    Case("a byte order mark", b"\xef\xbb\xbf" + status(b"HTTP/1.1 200 OK"), BROKEN),
    Case("a reason that is too long", status(b"HTTP/1.1 200 " + b"x" * 9_000), BROKEN),
    Case("a zero in the reason", status(b"HTTP/1.1 200 O\0K"), FULL),
    Case("a carriage return in the reason", status(b"HTTP/1.1 200 O\rK"), BROKEN),
    Case("TLS on a plain port", b"\x15\x03\x01\x00\x02\x02\x16", BROKEN),
    Case("HTTP/2 settings", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18), BROKEN),
    Case("SSH", b"SSH-2.0-OpenSSH_9.6\r\n", BROKEN),
    Case("a page without head", b"<html><body>502</body></html>", BROKEN),
    Case("JSON without head", JSON, BROKEN),
    Case("nothing", b"", BROKEN),
    Case("one byte", b"H", BROKEN),
    Case("zeros", bytes(1_000), BROKEN),
]

HEADERS = [
    Case("no headers", b"HTTP/1.1 200 OK\r\n\r\n" + JSON, FULL),
    Case("no space after the colon", raw_header(b"x-b:2"), FULL),
    Case("tabs around a value", raw_header(b"x-b:\t2\t"), FULL),
    Case("no value", raw_header(b"x-b:"), FULL),
    Case("a value in Latin-1", raw_header(b"x-b: \xe4"), FULL),
    Case("a folded value", raw_header(b"x-b: 2\r\n 3"), BROKEN, FULL),
    Case("a folded value, by a tab", raw_header(b"x-b: 2\r\n\t3"), BROKEN, FULL),
    Case("a folded first line", b"HTTP/1.1 200 OK\r\n x: 1\r\n\r\n", BROKEN),
    Case("a zero in a value", raw_header(b"x-b: 2\x003"), BROKEN),
    Case("a zero in a name", raw_header(b"x\0b: 2"), BROKEN),
    Case("a control character", raw_header(b"x-b: 2\x013"), BROKEN, FULL),
    Case("a delete character", raw_header(b"x-b: 2\x7f3"), BROKEN, FULL),
    Case("a space before the colon", raw_header(b"x-b : 2"), BROKEN),
    Case("a space in a name", raw_header(b"x b: 2"), BROKEN),
    Case("no colon", raw_header(b"x-b"), BROKEN),
    Case("no name", raw_header(b": 2"), BROKEN),
    Case("a bracket in a name", raw_header(b"x[b]: 2"), BROKEN),
    Case("a name in UTF-8", raw_header("schön: 2".encode()), BROKEN),
    Case("a line feed alone", raw_header(b"x-b: 2\nx-c: 3"), BROKEN, FULL),
    Case("a carriage return alone", raw_header(b"x-b: 2\rx-c: 3"), BROKEN),
    Case("only line feeds", sized().replace(b"\r\n", b"\n"), BROKEN, FULL),
    Case("one that is too long", raw_header(b"x-b: " + b"y" * 9_000), BROKEN),
    Case("a name that is too long", raw_header(b"x" * 9_000 + b": 2"), BROKEN),
    Case("the longest", raw_header(b"x: " + b"y" * 8_189), FULL),
    Case("too long by one", raw_header(b"x: " + b"y" * 8_190), BROKEN),
    Case("as many as may be", sized(*[b"a: b"] * 127), FULL),
    Case("one too many", sized(*[b"a: b"] * 128), BROKEN),
    Case("a thousand", sized(*[b"a: b"] * 1_000), BROKEN),
    Case("too large together", sized(*[b"x: " + b"y" * 8_000] * 10), BROKEN),
    Case("the largest together", sized(*[b"x: " + b"y" * 8_000] * 8), FULL),
    Case("Proxy-Connection: close", sized(b"proxy-connection: close"), FULL),
    Case("Connection twice", sized(b"connection: keep-alive", b"connection: close"), FULL),
    Case("end after the first line", b"HTTP/1.1 200 OK\r\n", BROKEN),
    Case("end within a header", b"HTTP/1.1 200 OK\r\nx-a: 1", BROKEN),
    Case("end after a header", b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n", BROKEN),
]

LENGTHS = [
    Case("zeros before it", length(b"0012"), FULL),
    Case("a thousand zeros before it", length(b"0" * 1_000 + b"12"), FULL),
    Case("five thousand zeros before it", length(b"0" * 5_000 + b"12"), BROKEN),
    Case("spaces around it", length(b"  12  "), FULL),
    Case("too short by one", length(b"11"), (200, JSON[:11]), BROKEN),
    Case("too long by one", length(b"13"), BROKEN),
    Case("twice, the same", ok(b"content-length: 12", b"content-length: 12"), BROKEN),
    Case("twice, not the same", ok(b"content-length: 12", b"content-length: 5"), BROKEN),
    Case("twice, by cases", ok(b"Content-Length: 12", b"CONTENT-LENGTH: 12"), BROKEN),
    Case("a list of the same", length(b"12, 12"), BROKEN),
    Case("a list", length(b"12, 5"), BROKEN),
    Case("a sign", length(b"+12"), BROKEN),
    Case("negative", length(b"-12"), BROKEN),
    Case("hexadecimal", length(b"0xc"), BROKEN),
    Case("a fraction", length(b"12.0"), BROKEN),
    Case("an exponent", length(b"1e1"), BROKEN),
    Case("with a space inside", length(b"1 2"), BROKEN),
    Case("in words", length(b"twelve"), BROKEN),
    Case("no digits", length(b""), BROKEN),
    Case("quoted", length(b'"12"'), BROKEN),
    Case("digits of another script", length("١٢".encode()), BROKEN),
    Case("2^64", length(b"18446744073709551616"), BROKEN),
    Case("2^63", length(b"9223372036854775808"), UNUSABLE),
    Case("larger than the limit", length(b"%d" % (MAX_BYTES + 1)), UNUSABLE),
    Case("folded", b"HTTP/1.1 200 OK\r\ncontent-length:\r\n 12\r\n\r\n" + JSON, BROKEN, FULL),
    Case("before chunked", ok(b"content-length: 12", b"transfer-encoding: chunked"), BROKEN),
    Case("after chunked", ok(b"transfer-encoding: chunked", b"content-length: 12"), BROKEN),
    Case("with another coding", ok(b"content-length: 12", b"transfer-encoding: gzip"), BROKEN),
    Case("an error that is too large", error(b"", b"x" * (MAX_BYTES + 1)), (404, b"")),
]

CHUNKS = [
    Case("an extension", chunks(b"c;a=1\r\n" + JSON + b"\r\n" + LAST), FULL),
    Case("a quoted extension", chunks(b'c;a="1;2"\r\n' + JSON + b"\r\n" + LAST), FULL),
    Case("an extension that is too long", chunks(b"c;" + b"a" * 70_000), BROKEN),
    Case("a space after a size", chunks(b"c \r\n" + JSON + b"\r\n" + LAST), BROKEN, FULL),
    Case("a space before a size", chunks(b" c\r\n" + JSON + b"\r\n" + LAST), BROKEN),
    Case("0x before a size", chunks(b"0xc\r\n" + JSON + b"\r\n" + LAST), BROKEN),
    Case("a sign before a size", chunks(b"+c\r\n" + JSON + b"\r\n" + LAST), BROKEN),
    Case("a negative size", chunks(b"-c\r\n" + JSON + b"\r\n" + LAST), BROKEN),
    Case("no size", chunks(b"\r\n" + JSON + b"\r\n" + LAST), BROKEN),
    Case("a size in words", chunks(b"twelve\r\n" + JSON + b"\r\n" + LAST), BROKEN),
    Case("a fraction of a size", chunks(b"c.0\r\n" + JSON + b"\r\n" + LAST), BROKEN),
    Case("a size of 2^64", chunks(b"10000000000000000\r\n" + JSON + b"\r\n" + LAST), BROKEN),
    Case("a size of 2^63", chunks(b"8000000000000000\r\n" + JSON), BROKEN),
    Case(
        "a chunk that is too short",
        chunks(b"d\r\n" + JSON + b"\r\n" + LAST),
        BROKEN,
        (200, JSON + b"\r"),
    ),
    Case("a chunk that is too long", chunks(b"b\r\n" + JSON + b"\r\n" + LAST), BROKEN),
    Case("no line end after a chunk", chunks(b"c\r\n" + JSON + LAST), BROKEN),
    Case("a line feed after a chunk", chunks(b"c\r\n" + JSON + b"\n" + LAST), BROKEN, FULL),
    Case("a line feed after a size", chunks(b"c\n" + JSON + b"\r\n" + LAST), BROKEN),
    Case("two line ends after a chunk", chunks(CHUNK + b"\r\n" + LAST), BROKEN),
    Case("a zero after a size", chunks(b"c\0\r\n" + JSON + b"\r\n" + LAST), BROKEN),
    Case("no last chunk", chunks(CHUNK), BROKEN),
    Case("no empty line at the end", chunks(CHUNK + b"0\r\n"), BROKEN),
    Case("half an empty line at the end", chunks(CHUNK + b"0\r\n\r"), BROKEN),
    Case("only the digit of the last chunk", chunks(CHUNK + b"0"), BROKEN),
    Case("a last chunk of zeros", chunks(CHUNK + b"000\r\n\r\n"), FULL),
    Case("a last chunk with an extension", chunks(CHUNK + b"0;a\r\n\r\n"), FULL),
    Case("an end before the last chunk", chunks(LAST + CHUNK + LAST), EMPTY, BROKEN),
    Case("a trailer", chunks(CHUNK + b"0\r\nx-sum: 1\r\n\r\n"), FULL),
    Case("a trailer that is a length", chunks(CHUNK + b"0\r\ncontent-length: 1\r\n\r\n"), BROKEN),
    Case("a trailer that is a status", chunks(CHUNK + b"0\r\nHTTP/1.1 500 X\r\n\r\n"), BROKEN),
    Case("a trailer without colon", chunks(CHUNK + b"0\r\nx\r\n\r\n"), BROKEN),
    Case("a folded trailer", chunks(CHUNK + b"0\r\nx: 1\r\n 2\r\n\r\n"), BROKEN, FULL),
    Case("a trailer that is cut", chunks(CHUNK + b"0\r\nx: 1\r\n"), BROKEN),
    Case(
        "a trailer that is too long", chunks(CHUNK + b"0\r\nx: %s\r\n\r\n" % (b"y" * 9_000)), BROKEN
    ),
    Case(
        "too many trailers",
        chunks(CHUNK + b"0\r\n" + b"x: y\r\n" * 128 + b"\r\n"),
        BROKEN,
        FULL,
    ),
    Case("endless trailers", chunks(CHUNK + b"0\r\n" + b"x: y\r\n" * 100_000), BROKEN),
    Case("one endless trailer", chunks(CHUNK + b"0\r\nx: " + b"y" * 1_000_000), BROKEN),
    Case("chunked in capitals", transfer(b"CHUNKED"), FULL),
    Case("chunked twice", transfer(b"chunked, chunked"), BROKEN, FULL),
    Case("gzip, chunked", transfer(b"gzip, chunked"), BROKEN, FULL),
    Case("chunked, gzip", transfer(b"chunked, gzip"), BROKEN, (200, CHUNK + LAST)),
    Case("gzip", transfer(b"gzip"), BROKEN, (200, CHUNK + LAST)),
    Case("identity", transfer(b"identity"), BROKEN, (200, CHUNK + LAST)),
    Case("a misspelt coding", transfer(b"xchunked"), BROKEN, (200, CHUNK + LAST)),
    Case("an empty coding", transfer(b""), BROKEN, (200, CHUNK + LAST)),
    Case("a parameter", transfer(b"chunked;q=1"), BROKEN, (200, CHUNK + LAST)),
    Case(
        "two headers of a coding",
        ok(b"transfer-encoding: chunked", b"transfer-encoding: chunked", body=CHUNK + LAST),
        BROKEN,
        FULL,
    ),
    Case("HTTP/1.0", OLD + b"transfer-encoding: chunked\r\n\r\n" + CHUNK + LAST, BROKEN, FULL),
    Case("too large", chunks((b"10000\r\n" + b"x" * 65_536 + b"\r\n") * 16 + LAST), UNUSABLE),
    Case("small chunks", chunks(b"1\r\n1\r\n" * 3_000 + LAST), (200, b"1" * 3_000)),
]

CODINGS = [
    Case("gzip", coded(b"gzip", GZIPPED), FULL),
    Case("gzip in capitals", coded(b"GZIP", GZIPPED), FULL),
    Case("x-gzip", coded(b"x-gzip", GZIPPED), FULL),
    Case("deflate", coded(b"deflate", ZLIB), FULL),
    Case("deflate without its header", coded(b"deflate", RAW), FULL),
    Case("identity", coded(b"identity", JSON), FULL),
    Case("no coding", coded(b"", JSON), FULL),
    Case("a space that is none of HTTP's", coded(b"\xa0gzip", GZIPPED), UNUSABLE),
    Case(
        "gzip in chunks",
        chunks(b"%x\r\n%s\r\n" % (len(GZIPPED), GZIPPED) + LAST, b"content-encoding: gzip"),
        FULL,
    ),
    Case("gzip, ended by closing", CLOSED[:-2] + b"content-encoding: gzip\r\n\r\n" + GZIPPED, FULL),
    Case("two members", coded(b"gzip", gzip.compress(b'{"id":') + gzip.compress(b'"n-1"}')), FULL),
    Case("an empty member after it", coded(b"gzip", GZIPPED + gzip.compress(b"")), FULL),
    Case("a thousand members", coded(b"gzip", gzip.compress(b"1") * 1_000), (200, b"1" * 1_000)),
    Case("too many members", coded(b"gzip", gzip.compress(b"") * 1_025), BROKEN),
    Case("no data", coded(b"gzip", b""), EMPTY),
    Case("no data for deflate", coded(b"deflate", b""), EMPTY),
    Case("gzip of nothing", coded(b"gzip", gzip.compress(b"")), EMPTY),
    Case(
        "gzip of a name",
        coded(b"gzip", b"\x1f\x8b\x08\x08" + bytes(6) + b"name\0" + GZIPPED[10:]),
        FULL,
    ),
    Case("cut in its header", coded(b"gzip", GZIPPED[:5]), BROKEN),
    Case("cut in its data", coded(b"gzip", GZIPPED[:20]), BROKEN),
    Case("cut in its sum", coded(b"gzip", GZIPPED[:-1]), BROKEN),
    Case("cut after one member", coded(b"gzip", GZIPPED + GZIPPED[:9]), BROKEN),
    Case("zlib that is cut", coded(b"deflate", ZLIB[:-1]), BROKEN),
    Case("deflate that is cut", coded(b"deflate", RAW[:-1]), BROKEN),
    Case("a wrong sum", coded(b"gzip", GZIPPED[:-8] + bytes(8)), BROKEN),
    Case("a wrong length", coded(b"gzip", GZIPPED[:-4] + bytes(4)), BROKEN),
    Case("a wrong sum of zlib", coded(b"deflate", ZLIB[:-4] + bytes(4)), BROKEN),
    Case("a byte after it", coded(b"gzip", GZIPPED + b"x"), BROKEN),
    Case("zeros after it", coded(b"gzip", GZIPPED + bytes(8)), BROKEN),
    Case("a byte after zlib", coded(b"deflate", ZLIB + b"x"), BROKEN),
    Case("zlib twice", coded(b"deflate", ZLIB + ZLIB), BROKEN),
    Case("JSON that is called gzip", coded(b"gzip", JSON), BROKEN),
    Case("JSON that is called deflate", coded(b"deflate", JSON), BROKEN),
    Case("gzip that is called deflate", coded(b"deflate", GZIPPED), BROKEN),
    Case("zlib that is called gzip", coded(b"gzip", ZLIB), BROKEN),
    Case("a bomb of gzip", coded(b"gzip", BOMB), UNUSABLE),
    Case("a bomb of zlib", coded(b"deflate", zlib.compress(bytes(MAX_BYTES + 1))), UNUSABLE),
    Case("a bomb of many members", coded(b"gzip", gzip.compress(bytes(10_000)) * 101), UNUSABLE),
    Case("the largest", coded(b"gzip", gzip.compress(bytes(MAX_BYTES))), (200, bytes(MAX_BYTES))),
    Case("gzip twice", coded(b"gzip, gzip", gzip.compress(GZIPPED)), UNUSABLE),
    Case("deflate, gzip", coded(b"deflate, gzip", gzip.compress(ZLIB)), UNUSABLE),
    Case(
        "two headers",
        sized(b"content-encoding: gzip", b"content-encoding: gzip", body=GZIPPED),
        UNUSABLE,
    ),
    Case("an empty element", coded(b"gzip,", GZIPPED), UNUSABLE),
    Case("br", coded(b"br", b"\x8b\x05\x80" + JSON), UNUSABLE),
    Case("zstd", coded(b"zstd", b"\x28\xb5\x2f\xfd"), UNUSABLE),
    Case("compress", coded(b"compress", b"\x1f\x9d"), UNUSABLE),
    Case("a misspelt coding", coded(b"gzipped", GZIPPED), UNUSABLE),
    Case("an error in br", error(b"content-encoding: br\r\n", b"x"), (404, b"")),
    Case("an error as a bomb", error(b"content-encoding: gzip\r\n", BOMB), (404, b"")),
    Case("204 in gzip", b"HTTP/1.1 204 X\r\ncontent-encoding: gzip\r\n\r\n", (204, b"")),
]

INTERIM = [
    Case("100", CONTINUE + sized(), FULL),
    Case("103", HINTS + sized(), FULL),
    Case("100 and 103 before chunks", CONTINUE + HINTS + chunks(CHUNK + LAST), FULL),
    Case("103, ended by closing", HINTS + CLOSED + JSON, FULL),
    Case("199", b"HTTP/1.1 199 Odd\r\n\r\n" + sized(), FULL),
    Case("as many as may be", CONTINUE * 16 + sized(), FULL),
    Case("one too many", CONTINUE * 17 + sized(), BROKEN, FULL),
    Case("a thousand", CONTINUE * 1_000 + sized(), BROKEN, FULL),
    Case("100 alone", CONTINUE, BROKEN),
    Case("100 with a length", CONTINUE[:-2] + b"content-length: 2\r\n\r\n" + sized(), FULL),
    Case("100 with a body", CONTINUE[:-2] + b"content-length: 2\r\n\r\n{}" + sized(), BROKEN),
    Case("100 before a broken answer", CONTINUE + b"nonsense", BROKEN),
    Case("100 before a cut answer", CONTINUE + sized()[:-1], BROKEN),
    Case(
        "100 before HTTP/1.0", CONTINUE + OLD + b"content-length: 12\r\n\r\n" + JSON, BROKEN, FULL
    ),
    Case("101", b"HTTP/1.1 101 Switching\r\n\r\n" + sized(), BROKEN),
    Case(
        "101 with an upgrade",
        b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n" + sized(),
        BROKEN,
    ),
]

FOLLOWED = [
    Case("a line end", sized() + b"\r\n", FULL),
    Case("a line feed", sized() + b"\n", FULL),
    Case("five line ends", sized() + b"\r\n" * 5, FULL),
    Case("nonsense", sized() + b"nonsense", FULL, BROKEN),
    Case("another answer", sized() + status(b"HTTP/1.1 500 Oops"), FULL),
    Case("half an answer", sized() + b"HTTP/1.1 5", FULL),
    Case("an interim answer", sized() + CONTINUE, FULL),
    Case("a zero", sized() + b"\0", FULL, BROKEN),
    Case("another chunk", chunks(CHUNK + LAST + CHUNK), FULL, BROKEN),
    Case("nonsense after chunks", chunks(CHUNK + LAST + b"nonsense"), FULL, BROKEN),
    Case(
        "a body after 204",
        b"HTTP/1.1 204 X\r\ncontent-length: 12\r\n\r\n" + JSON,
        (204, b""),
        BROKEN,
    ),
    Case("a body after 304", b"HTTP/1.1 304 X\r\n\r\n" + JSON, (304, b""), BROKEN),
]
"""What follows an answer belongs to nobody: the answer stands, and the connection is closed."""

CUT = [
    Case("after the headers, ended by closing", CLOSED, BROKEN),
    Case("after the headers, HTTP/1.0", OLD + b"\r\n", BROKEN),
    Case("within spaces, ended by closing", CLOSED + b" \r\n", BROKEN),
    Case("within a number, ended by closing", CLOSED + b"12", BROKEN),
    Case("after a space, ended by closing", CLOSED + b"12 ", BROKEN),
    Case(
        "gzip, ended by closing",
        CLOSED[:-2] + b"content-encoding: gzip\r\n\r\n" + GZIPPED[:-1],
        BROKEN,
    ),
    Case(
        "gzip of nothing, ended by closing", CLOSED[:-2] + b"content-encoding: gzip\r\n\r\n", BROKEN
    ),
    Case("after the headers", sized()[:-12], BROKEN),
    Case("before the last byte", sized()[:-1], BROKEN),
    Case("an error, before the last byte", error(b"", b"no")[:-1], BROKEN),
    Case(
        "an error in chunks",
        b"HTTP/1.1 404 X\r\ntransfer-encoding: chunked\r\n\r\n" + CHUNK,
        BROKEN,
    ),
]

GROUPS = {
    "good": GOOD,
    "status lines": STATUS_LINES,
    "headers": HEADERS,
    "lengths": LENGTHS,
    "chunks": CHUNKS,
    "codings": CODINGS,
    "interim answers": INTERIM,
    "followed": FOLLOWED,
    "cut": CUT,
}
CASES = {f"{group}: {case.name}": case for group, cases in GROUPS.items() for case in cases}

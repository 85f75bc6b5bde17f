"""An answer of a server: which answers cannot be used, and the rules for its headers."""

from collections.abc import Iterable, Mapping, Sequence

Answer = tuple[int, Mapping[str, str], bytes]
"""The status, the headers with names in lower case, and the decoded body."""

LARGE_BYTES = 128 * 1024
"""Size from which an answer counts as large, in bytes of its body."""
MAX_HEAD_BYTES = 65_536
"""Maximum size of all that is not body: status lines, headers, trailers, sizes of chunks."""
MAX_HEADERS = 128
"""Maximum number of headers of an answer, as in aiohttp."""
VERSION = b"HTTP/1."
"""How every answer begins. llhttp would accept other protocols, and empty lines before it."""
MAX_LIST_BYTES = 1_000_000
"""Announced size of a body up to which its pieces are kept in a list, however small they are."""
MAX_HEADER_BYTES = 8_190
"""Maximum size of one header, as in aiohttp, and of the reason after the status."""
MAX_INTERIM_ANSWERS = 16
"""Maximum number of interim answers (1xx) before the answer."""
BODILESS = (204, 304)
"""Statuses of answers that never have a body (RFC 9112, 6.3)."""


class BrokenAnswer(ConnectionError):
    """An answer that is incomplete or not valid HTTP; the message says why."""


class UnusableAnswer(ValueError):
    """A complete or valid answer that is too large, or in a coding that was not asked for."""


def read_headers(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers by name in lower case; the values of a repeated one are joined."""
    headers: dict[str, str] = {}
    for name, value in fields:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def check_sizes(fields: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise BrokenAnswer if there are too many headers and trailers, or they are too large."""
    sizes = [len(name) + len(value) for name, value in fields]
    is_large = sum(sizes) > MAX_HEAD_BYTES or max(sizes, default=0) > MAX_HEADER_BYTES
    if is_large or len(sizes) > MAX_HEADERS:
        raise BrokenAnswer("the headers of the answer are too large")


def ends_with_connection(status: int, headers: Mapping[str, str]) -> bool:
    """Whether only the end of the connection shows where the body of an answer ends."""
    has_length = "content-length" in headers or "transfer-encoding" in headers
    return not has_length and status not in BODILESS


def part_size(headers: Mapping[str, str]) -> int | None:
    """How many bytes a request wants of a file: N of `range: bytes=0-(N-1)`; None without it."""
    span = headers.get("range")
    return None if span is None else int(span.rpartition("-")[2]) + 1


def announces_no_body(headers: Mapping[str, str]) -> bool:
    """Whether an answer that must have no body announces none, either."""
    return headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers

"""An answer of a server: which answers cannot be used, and the rules for its headers."""

from collections.abc import Iterable, Mapping

Answer = tuple[int, Mapping[str, str], bytes]
"""The status, the headers with names in lower case, and the decoded body."""

MAX_HEAD_BYTES = 65_536
"""Maximum size of all that is not body: status lines, headers, trailers, sizes of chunks."""
MAX_HEADERS = 128
"""Maximum number of headers of an answer, as in aiohttp."""
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
    """The headers by name in lower case; the values of a repeated one are joined.

    Raises BrokenAnswer if one header is too large, there are too many, or all are too large.
    """
    headers: dict[str, str] = {}
    total = 0
    for count, (name, value) in enumerate(fields, 1):
        size = len(name) + len(value)
        total += size
        if size > MAX_HEADER_BYTES or total > MAX_HEAD_BYTES or count > MAX_HEADERS:
            raise BrokenAnswer("the headers of the answer are too large")
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def require_end(status: int, body: bytes, is_part: bool) -> None:
    """Raise BrokenAnswer if an answer that ended with its connection may have been cut.

    Such an answer does not say how long it is. JSON that was cut is no longer JSON, unless nothing
    of it came or it is a number. Of a file (`is_part`), nothing shows that it is complete.
    """
    text = body.strip()
    if status < 300 and (is_part or not text or text[-1:].isdigit()):
        raise BrokenAnswer("the connection broke before the answer was complete")


def part_size(headers: Mapping[str, str]) -> int | None:
    """How many bytes a request wants of a file: N of `range: bytes=0-(N-1)`; None without it."""
    span = headers.get("range")
    return None if span is None else int(span.rpartition("-")[2]) + 1

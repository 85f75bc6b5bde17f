"""The body of an answer: decompressed as it comes, and never larger than its limit."""

import zlib
from collections.abc import Mapping
from typing import Any

from .answer import BODILESS, BrokenAnswer, UnusableAnswer

GZIP, ZLIB, DEFLATE = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS
"""Window sizes, by which zlib selects a format: gzip, zlib, and deflate without a header."""
ZLIB_METHOD = 8
"""The lower half of the first byte of a zlib stream (RFC 1950)."""
CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
"""The content codings that are decoded; x-gzip is another name of gzip (RFC 9110, 8.4.1.3)."""
MAX_STEP_BYTES = 1_048_576
"""How much is decompressed at once."""
MAX_MEMBERS = 1_024
"""Maximum number of gzip members in one body, as in aiohttp."""
MAX_CODING_LENGTH = 60
"""Maximum length of a coding's name in an error message."""


class EnoughReceived(Exception):
    """As much of a file has come as is wanted of it: its reading ends, without an error."""


class Body:
    """Collects the body of an answer that may be compressed, or whose size was not announced.

    `max_bytes` is the maximum size of the decoded body. `part_bytes` is how much of a file is
    wanted: the rest of it is not read. `may_be_cut` says that compressed data may end anywhere.
    Raises UnusableAnswer if the coding is unknown.
    """

    def __init__(
        self,
        coding: str,
        max_bytes: int,
        part_bytes: int | None = None,
        *,
        may_be_cut: bool = False,
    ) -> None:
        self._max_bytes = max_bytes if part_bytes is None else min(part_bytes, max_bytes)
        self._is_part = part_bytes is not None
        self._may_be_cut = may_be_cut
        self._coding = _known(coding)
        self._decoder: Any = None
        self._members = 0
        # Not a list of the pieces, which may be small and many.
        self._content = bytearray()

    def append(self, piece: bytes) -> None:
        """Decode a piece and keep it.

        Raises EnoughReceived, BrokenAnswer, and UnusableAnswer if the body is too large.
        """
        if not self._coding:
            self._keep(piece)
            return
        has_more = bool(piece)
        while has_more:
            if self._decoder is None or self._decoder.eof:
                self._decoder = self._next_decoder(piece)
            try:
                decoded = self._decoder.decompress(piece, MAX_STEP_BYTES)
            except zlib.error as error:
                raise BrokenAnswer("the compressed data of the answer is damaged") from error
            self._keep(decoded)
            piece = self._decoder.unused_data or self._decoder.unconsumed_tail
            is_step_full = len(decoded) == MAX_STEP_BYTES and not self._decoder.eof
            has_more = bool(piece) or is_step_full

    @property
    def size(self) -> int:
        """How much of the decoded body has come, in bytes."""
        return len(self._content)

    def content(self) -> bytes:
        """The complete body; raises BrokenAnswer if compressed data is incomplete."""
        if self._decoder is not None and not self._decoder.eof and not self._may_be_cut:
            raise BrokenAnswer("the compressed data of the answer is incomplete")
        return bytes(self._content)

    def require_end(self, status: int) -> None:
        """Raise BrokenAnswer if a body that ended with its connection may have been cut.

        JSON that was cut is no longer JSON, unless nothing of it came, or it is a number. Nothing
        shows that a file is complete, unless it is compressed.
        """
        text = self._content.strip()
        is_complete = self._decoder is not None and self._decoder.eof
        is_in_doubt = self._is_part or not text or text[-1:].isdigit()
        if status < 300 and is_in_doubt and not is_complete:
            raise BrokenAnswer("the connection broke before the answer was complete")

    def part(self) -> bytes:
        """What has come of the body, up to its maximum size."""
        return bytes(self._content[: self._max_bytes])

    def _next_decoder(self, piece: bytes) -> Any:
        """A decoder for the data that begins with `piece`: only gzip may follow on gzip."""
        self._members += 1
        if self._members > (MAX_MEMBERS if self._coding == "gzip" else 1):
            raise BrokenAnswer("there is more after the compressed data of the answer")
        if self._coding == "gzip":
            return zlib.decompressobj(GZIP)
        # Some servers send deflate without the header of zlib that the name stands for.
        return zlib.decompressobj(ZLIB if piece[0] & 0xF == ZLIB_METHOD else DEFLATE)

    def _keep(self, piece: bytes) -> None:
        size = len(self._content) + len(piece)
        if size > self._max_bytes and not self._is_part:
            raise _too_large(self._max_bytes)
        self._content += piece
        if size >= self._max_bytes and self._is_part:
            raise EnoughReceived


def body_of(
    status: int, headers: Mapping[str, str], max_bytes: int, part_bytes: int | None
) -> Body:
    """What collects the body of an answer with these headers.

    Raises UnusableAnswer if the announced size is too large, or the coding is unknown, and
    BrokenAnswer if the size is no number.
    """
    is_file = part_bytes is not None and status in (200, 206)
    try:
        length = int(headers.get("content-length", 0))
    except ValueError:  # thousands of zeros
        raise BrokenAnswer("the size of the answer is no number") from None
    if length > max_bytes and not is_file and status not in BODILESS:
        raise _too_large(max_bytes)
    coding = headers.get("content-encoding", "")
    return Body(coding, max_bytes, part_bytes if is_file else None, may_be_cut=status == 206)


def _too_large(max_bytes: int) -> UnusableAnswer:
    """The error of an answer that exceeds its maximum size."""
    return UnusableAnswer(
        f"the answer is larger than {max_bytes:,} bytes (PORTKEY_MAX_ANSWER_BYTES)"
    )


def _known(coding: str) -> str:
    """The coding of a Content-Encoding: `gzip`, `deflate`, or empty for none."""
    name = coding.lower()
    if name in ("", "identity"):
        return ""
    if name not in CODINGS:
        shown = ascii(coding[:MAX_CODING_LENGTH])
        raise UnusableAnswer(f"the answer is encoded as {shown}, which was not asked for")
    return CODINGS[name]


def cause_of(error: Exception) -> BaseException:
    """The error that a callback raised, in place of which httptools raises its own; or another."""
    if isinstance(error.__context__, BrokenAnswer | UnusableAnswer | EnoughReceived):
        return error.__context__
    broken = BrokenAnswer(f"the answer is not valid HTTP: {error}")
    broken.__cause__ = error
    return broken

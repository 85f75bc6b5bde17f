"""The body of an answer: decompressed as it comes, and never larger than its limit."""

import zlib
from typing import Any

from .answer import BrokenAnswer, UnusableAnswer

GZIP, ZLIB, DEFLATE = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS
"""Window sizes, by which zlib selects a format: gzip, zlib, and deflate without a header."""
ZLIB_METHOD = 8
"""The lower half of the first byte of a zlib stream (RFC 1950)."""
CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
"""The content codings that are decoded; x-gzip is another name of gzip (RFC 9110, 8.4.1.3)."""
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
        self._size = 0
        self._pieces: list[bytes] = []

    def append(self, piece: bytes) -> None:
        """Decode a piece and keep it.

        Raises EnoughReceived, BrokenAnswer, and UnusableAnswer if the body is too large.
        """
        if not self._coding:
            self._keep(piece)
            return
        while piece:
            if self._decoder is None or self._decoder.eof:
                self._decoder = self._next_decoder(piece)
            try:
                # One byte more than there is room for shows that the body is too large.
                decoded = self._decoder.decompress(piece, self._max_bytes - self._size + 1)
            except zlib.error as error:
                raise BrokenAnswer("the compressed data of the answer is damaged") from error
            self._keep(decoded)
            piece = self._decoder.unused_data

    def content(self) -> bytes:
        """The complete body; raises BrokenAnswer if compressed data is incomplete."""
        if self._decoder is not None and not self._decoder.eof and not self._may_be_cut:
            raise BrokenAnswer("the compressed data of the answer is incomplete")
        return self.part()

    @property
    def is_compressed(self) -> bool:
        """Whether the coding shows by itself where the body ends."""
        return bool(self._coding) and not self._may_be_cut

    def part(self) -> bytes:
        """What has come of the body, up to its maximum size."""
        return b"".join(self._pieces)[: self._max_bytes]

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
        self._pieces.append(piece)
        self._size += len(piece)
        if self._is_part and self._size >= self._max_bytes:
            raise EnoughReceived
        if self._size > self._max_bytes:
            raise too_large(self._max_bytes)


def too_large(max_bytes: int) -> UnusableAnswer:
    """The error of an answer that exceeds its maximum size."""
    return UnusableAnswer(
        f"the answer is larger than {max_bytes:,} bytes (PORTKEY_MAX_ANSWER_BYTES)"
    )


def _known(value: str) -> str:
    """The coding of a Content-Encoding: `gzip`, `deflate`, or empty for none."""
    codings = [coding.strip() for coding in value.lower().split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if not codings:
        return ""
    name = CODINGS.get(codings[0])
    if len(codings) > 1 or name is None:
        shown = ascii(", ".join(codings)[:MAX_CODING_LENGTH])
        raise UnusableAnswer(f"the answer is encoded as {shown}, which was not asked for")
    return name

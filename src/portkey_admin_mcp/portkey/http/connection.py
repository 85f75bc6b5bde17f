"""One connection to a server, with one request on it at a time; httptools parses the answers.

llhttp, the parser in httptools, is strict about the syntax of an answer. What else makes an answer
wrong is checked here: its version, its transfer coding, its size, and what follows it.

A large answer is read only while its request holds a slot (`ReadTurn`). Without one, the transport
is paused after the first data, and the operating system keeps the rest. Else one iteration of the
event loop could read and decompress dozens of answers, and everything else would wait for it.
"""

import asyncio
from typing import Any, cast

import httptools

from .answer import (
    BODILESS,
    LARGE_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_INTERIM_ANSWERS,
    MAX_LIST_BYTES,
    VERSION,
    Answer,
    BrokenAnswer,
    UnusableAnswer,
    announces_no_body,
    check_sizes,
    ends_with_connection,
    read_headers,
)
from .body import Body, EnoughReceived, body_of, cause_of
from .slots import READ_TURN, ReadTurn

TOTAL_TIMEOUT_FACTOR = 2
"""Total timeout, as a multiple of the read timeout."""
FIRST_FEED_BYTES = 16 * 1024
"""How much of an answer is parsed before it is known whether it is large."""
MIN_FULL_READ_BYTES = 128 * 1024
"""If one read brings less, the socket is empty: uvloop and asyncio read up to 250 KB at once."""
MAX_STALL_S = 0.5
"""Seconds without data after which a large answer has to give its slot back."""


class Connection(asyncio.Protocol):
    """A connection whose answers may have `max_bytes`, unpacked."""

    def __init__(self, max_bytes: int) -> None:
        self.is_closed = False
        self.is_reusable = False
        self.last_data_at = 0.0
        """When the last data came, or the last request was sent, by the clock of the loop."""
        self._max_bytes = max_bytes
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._turn: ReadTurn | None = None
        self._resuming: asyncio.Task[None] | None = None
        """Waits for a slot, while the transport is paused."""
        self._unparsed = b""
        """What had come when the transport was paused."""
        self._parser: Any = httptools.HttpResponseParser(self)

    async def exchange(self, message: bytes, part_bytes: int | None) -> Answer:
        """Write a request, and wait for its complete answer.

        `part_bytes` is how much of a file is wanted: the answer ends there. Raises BrokenAnswer,
        UnusableAnswer, TimeoutError and ConnectionError.
        """
        loop = asyncio.get_running_loop()
        assert self._transport is not None
        self.is_reusable = False
        self._part_bytes = part_bytes
        self._beginning: bytes | None = b""
        self._headers: dict[str, str] | None = None
        self._body: list[bytes] | Body = []
        self._is_chunked = self._ends_with_connection = False
        self._interim_answers = self._overhead_bytes = 0
        self._turn = READ_TURN.get()
        self._is_large = is_usable = False
        self._waiter = loop.create_future()
        self._started_at = self.last_data_at = loop.time()
        self._transport.write(message)
        try:
            answer = await self._waiter
            is_usable = answer[0] < 300
            return answer
        finally:
            self._waiter = None
            if self._is_large:
                self._end_turn(is_usable)

    @property
    def has_received(self) -> bool:
        """Whether anything of the current answer has come."""
        return self._beginning != b""

    def fail_if_timed_out(self, now: float, timeout_s: float) -> None:
        """Fail if no data came for `timeout_s`, or the answer exceeds the total timeout.

        While reading is paused, missing data is not the server's fault.
        """
        silent_since = self.last_data_at if self._resuming is None else now
        total_s = TOTAL_TIMEOUT_FACTOR * timeout_s
        if now >= min(silent_since + timeout_s, self._started_at + total_s):
            self._stop(TimeoutError(f"no answer within {timeout_s:g} s"))
        elif now - silent_since >= MAX_STALL_S and self._is_open():
            self._release_slot()

    def _is_open(self) -> bool:
        """Whether a request waits for its answer."""
        return self._waiter is not None and not self._waiter.done()

    def abort(self) -> None:
        """Close at once; the connection is not used again."""
        self.eof_received()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # Not an assertion of its class: uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse data; the connection is closed if no request waits for it."""
        if not self._is_open():
            self.abort()
            return
        self.last_data_at = asyncio.get_running_loop().time()
        if self._resuming is not None:
            self._unparsed += data
            return
        if self._beginning is not None:
            data = self._beginning + data
            if len(data) < len(VERSION):
                self._beginning = data
                return
            self._beginning = None
            if not data.startswith(VERSION):
                self._stop(BrokenAnswer("the answer is not HTTP/1.1"))
                return
            if len(data) > MAX_HEADER_BYTES and data.find(b"\r\n", 0, MAX_HEADER_BYTES) < 0:
                self._stop(BrokenAnswer("the status line of the answer is too long"))
                return
        self._parse_in_turn(data)
        # While it waits for the network, another answer may be read. A complete one keeps its slot.
        if self._is_large and len(data) < MIN_FULL_READ_BYTES and self._is_open():
            self._release_slot()

    def eof_received(self) -> None:
        """Record that nothing more can come: the server closes the connection."""
        self.is_closed = True
        self.is_reusable = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Complete an answer that ends when the connection closes, or fail."""
        self.eof_received()
        if not self._is_open():
            return
        try:
            if exc is not None or not self._ends_with_connection:
                raise BrokenAnswer("the connection broke before the answer was complete") from exc
            self._finish()
        except BrokenAnswer as error:
            self._stop(error)

    def on_message_begin(self) -> None:
        """Begin an answer; a second one for the same request is an error."""
        if self._headers is not None:
            raise BrokenAnswer("more than one answer")
        self._fields: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header or a trailer."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Read the headers of an answer, and choose how its body is collected."""
        status = self._parser.get_status_code()
        if status < 200:
            self._count_interim_answer(status)
            return
        self._status = status
        self._header_count = len(self._fields)
        # In few bytes, nothing can be too large.
        size = self._overhead_bytes + self._feed_bytes
        if size > MAX_HEADER_BYTES or self._header_count > MAX_HEADERS:
            check_sizes(self._fields)
        self._headers = headers = read_headers(self._fields)
        length = int(headers.get("content-length", self._max_bytes + 1))
        self._is_large = length >= LARGE_BYTES and "content-length" in headers
        if (
            length > MAX_LIST_BYTES
            or "content-encoding" in headers
            or self._part_bytes is not None
            or self._interim_answers
        ):
            self._collect_with_limits(status, headers)

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._piece_bytes = len(body)
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Complete the answer, unless it is an interim one (1xx), which another follows."""
        if self._headers is None:
            return
        if len(self._fields) > self._header_count:
            check_sizes(self._fields)  # trailers count too, and are not used otherwise
        self._finish()
        assert self._transport is not None
        self.is_reusable = (
            self._parser.should_keep_alive()
            and not self.is_closed
            and (self._status not in BODILESS or announces_no_body(self._headers))
            # The server answered before it had read the request, and may now read the rest as one.
            and not self._transport.get_write_buffer_size()
        )

    def _feed(self, data: bytes) -> None:
        """Let the parser call the callbacks for data."""
        self._feed_bytes, self._piece_bytes = len(data), 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._stop(cause_of(error))
        else:
            self._check_rest(data)

    def _parse_in_turn(self, data: bytes) -> None:
        """Parse data; if the answer is large and cannot get a slot, only its beginning."""
        position = 0
        while position < len(data):
            if not self._is_open():
                self.is_reusable = False  # this is not part of the answer
                return
            end = len(data) if position or self._is_large else FIRST_FEED_BYTES
            self._feed(data[position:end])
            position = end
            if isinstance(self._body, Body) and self._body.size >= LARGE_BYTES:
                self._is_large = True
            if self._needs_slot() and self._is_open():
                self._pause(data[end:])
                return

    def _needs_slot(self) -> bool:
        """Whether this is a large answer, and no slot is free for it."""
        return self._is_large and self._turn is not None and not self._turn.take()

    def _release_slot(self) -> None:
        if self._turn is not None:
            self._turn.release()

    def _pause(self, unparsed: bytes) -> None:
        assert self._transport is not None
        self._transport.pause_reading()
        self._unparsed = unparsed
        self._resuming = asyncio.create_task(self._resume_in_turn())

    async def _resume_in_turn(self) -> None:
        assert self._turn is not None
        await self._turn.wait()
        self.last_data_at = asyncio.get_running_loop().time()
        self._resuming = None
        if self._is_open():
            self._parse_in_turn(self._unparsed)
        self._resume_reading()

    def _resume_reading(self) -> None:
        self._unparsed = b""
        if not self.is_closed:
            assert self._transport is not None
            self._transport.resume_reading()

    def _end_turn(self, is_usable: bool) -> None:
        """Wait no longer for a slot, and release it unless a usable answer is to be decoded."""
        if self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None
            self._resume_reading()
        if not is_usable:
            self._release_slot()

    def _count_interim_answer(self, status: int) -> None:
        self._interim_answers += 1
        if status < 100 or status == 101 or self._interim_answers > MAX_INTERIM_ANSWERS:
            raise BrokenAnswer(f"the server sent a status that was not asked for: {status}")

    def _collect_with_limits(self, status: int, headers: dict[str, str]) -> None:
        """Collect a body that is large or compressed, is of a file, or has no announced size."""
        version, coding = self._parser.get_http_version(), headers.get("transfer-encoding")
        if coding is not None and (coding.lower() != "chunked" or version != "1.1"):
            raise BrokenAnswer("the transfer coding of the answer is not chunked")
        if self._interim_answers and version != "1.1":
            raise BrokenAnswer("the answer is not HTTP/1.1")
        self._is_chunked = coding is not None
        self._ends_with_connection = ends_with_connection(status, headers)
        self._body = body_of(status, headers, self._max_bytes, self._part_bytes)

    def _check_rest(self, data: bytes) -> None:
        """Check what is no body: there is not too much of it, and nothing after the answer."""
        # The parser skips line ends after an answer without saying so. Before the last bytes of a
        # body is nothing, or the empty line that ends the headers.
        if self.is_reusable:
            rest = len(data) if self._is_chunked else len(data) - self._piece_bytes
            self.is_reusable = rest == 0 or (
                rest > 4 and data[rest - 4 : rest] == b"\r\n\r\n" and data[rest - 5] not in b"\r\n"
            )
        elif not self._piece_bytes:
            self._overhead_bytes += len(data)
            # Without a header yet, this is one line.
            if self._overhead_bytes > (MAX_HEAD_BYTES if self._fields else MAX_HEADER_BYTES):
                self._stop(BrokenAnswer("the headers of the answer are too large"))

    def _finish(self) -> None:
        if isinstance(self._body, Body):
            content = self._body.content()
            if self._ends_with_connection:
                self._body.require_end(self._status)
        else:
            content = b"".join(self._body)
        self._resolve(content)

    def _stop(self, error: BaseException) -> None:
        """End the exchange because of an error, which may still leave an answer."""
        self.is_reusable = False
        if self._waiter is None or self._waiter.done():
            return
        if isinstance(error, EnoughReceived) and isinstance(self._body, Body):
            self._resolve(self._body.part())
        elif isinstance(error, UnusableAnswer) and self._status >= 300:
            self._resolve(b"")  # an error is reported by its status
        else:
            self._waiter.set_exception(error)

    def _resolve(self, content: bytes) -> None:
        assert self._waiter is not None and self._headers is not None
        self._waiter.set_result((self._status, self._headers, content))

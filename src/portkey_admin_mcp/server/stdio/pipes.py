"""Serve MCP on stdio, and exit within a second of end of input, a signal or a lost client.

Requests that need only the manifest are answered first, before anything else is imported
(`answer_early`). Then a loop takes over: the fast path answers plain requests, the SDK all others.
"""

import errno
import json
import math
import os
import select
import signal
import stat
import sys
import time
from typing import NamedTuple, NoReturn

from ..fastpath.connection import FastPathConnection

WARM_UP_AFTER_S = 0.05
"""Seconds without input after which the rest is imported, before the first call needs it."""
READ_BYTES = 65536
WRITE_BYTES = getattr(select, "PIPE_BUF", 4096)
"""As many bytes can be written without blocking when `poll` reports that there is room."""
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
HAS_POLL = hasattr(select, "poll")
"""Whether pipes can be polled. On Windows they cannot: threads read and write them."""
DISCONNECTED = {errno.EPIPE, errno.ECONNRESET, errno.EIO, errno.EINVAL}
"""The client is gone: of a pipe, a socket, a terminal, and of a pipe on Windows."""


def end(code: int = 0) -> NoReturn:
    """Exit at once; waiting for a thread that is blocked on input could take forever.

    A signal may come during an import or while a lock is held, so nothing else is called. Each
    line of the log is flushed as it is written.
    """
    os._exit(code)


def fail(message: str) -> NoReturn:
    """Print an error, and exit with code 1."""
    if sys.stderr is not None:
        print(f"Error: {message}", file=sys.stderr, flush=True)  # noqa: T201  # as the command line
    end(1)


def end_on_signals() -> None:
    """Exit on the usual signals, even with running calls."""
    for name in SIGNALS:
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, lambda *_: end())


class Pipes:
    """The client's input and output: pipes, sockets, terminals or files; one socket may be both."""

    def __init__(self, input: int, output: int) -> None:
        self.input = input
        self.output = output
        if is_watchable(output) and not _is_same(output, 2):
            # Not a terminal or what is stderr too: other programs use them, and expect to wait.
            os.set_blocking(output, False)
        self._blocks = sys.platform == "win32" or os.get_blocking(output)

    def read(self) -> bytes | None:
        """Read input: empty at its end, None if a non-blocking one has nothing to read."""
        try:
            return os.read(self.input, READ_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in DISCONNECTED:
                return b""
            fail(f"standard input cannot be read: {error.strerror}")

    def wait_and_read(self) -> bytes:
        """Wait for input, and read it; empty at its end."""
        while (data := self.read()) is None:
            _wait_for(self.input, select.POLLIN)
        return data

    def write(self, data: bytes | memoryview) -> None:
        """Write all data, however slowly the client reads; exit if it has disconnected."""
        rest = memoryview(data)
        while rest:
            written = self._write_part(rest)
            if not written:
                _wait_for(self.output, select.POLLOUT)
            rest = rest[written:]

    def write_at_once(self, data: bytes, timeout_s: float) -> bytes:
        """Write data for so long at most, waiting for a client that reads; returns the rest."""
        written = 0 if self._blocks else self._write_part(data)
        if written == len(data):
            return b""
        rest = memoryview(data)[written:]
        deadline = time.monotonic() + timeout_s
        while rest and HAS_POLL:
            remaining_s = max(0, deadline - time.monotonic())
            if not _wait_for(self.output, select.POLLOUT, remaining_s):
                break
            rest = rest[self._write_part(rest) :]
        return bytes(rest)

    def wait_for_input(self, timeout_s: float) -> bool:
        """Whether input came in time; exit if nobody reads the output any more."""
        if not HAS_POLL:
            return False
        poll = select.poll()
        poll.register(self.input, select.POLLIN)
        poll.register(self.output, 0)
        events = dict(poll.poll(timeout_s * 1000))
        if _has_hung_up(events.get(self.output, 0)):
            end()
        return self.input in events

    def end_if_hung_up(self) -> None:
        """Exit if nobody reads the output any more."""
        poll = select.poll()
        poll.register(self.output, 0)
        if any(_has_hung_up(events) for _, events in poll.poll(0)):
            end()

    def _write_part(self, data: bytes | memoryview) -> int:
        """Write the beginning of data; returns how many bytes, 0 if there is no room."""
        try:
            return os.write(self.output, data[:WRITE_BYTES] if self._blocks else data)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno in DISCONNECTED:
                end()
            fail(f"standard output cannot be written: {error.strerror}")


def take_standard_streams() -> Pipes:
    """The process's standard input and output, hidden from all other code that reads or prints."""
    if sys.stdin is None or sys.stdout is None:  # Python's sign for a closed descriptor
        fail("standard input and standard output must be open")
    input, output = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing if sys.stderr is None else 2, 1)
    os.close(nothing)
    return Pipes(input, output)


def _wait_for(descriptor: int, event: int, timeout_s: float | None = None) -> bool:
    """Wait until a descriptor can be read or written; whether that was in time."""
    poll = select.poll()
    poll.register(descriptor, event)
    return bool(poll.poll(None if timeout_s is None else math.ceil(timeout_s * 1000)))


def _is_same(one: int, other: int) -> bool:
    try:
        return os.path.sameopenfile(one, other)
    except OSError:
        return False  # one is closed


def _has_hung_up(events: int) -> bool:
    # Not POLLNVAL: macOS reports it for /dev/null and terminals.
    return bool(events & (select.POLLERR | select.POLLHUP))


def is_watchable(descriptor: int) -> bool:
    """Whether an event loop can wait for a descriptor: a pipe or a socket, not on Windows.

    Event loops refuse files, and a terminal would have to be made non-blocking for all processes.
    """
    if sys.platform == "win32":
        return False
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def is_file(descriptor: int) -> bool:
    """Whether this is a regular file."""
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


class Early(NamedTuple):
    """What remains after the first lines were answered."""

    unread: bytes
    """Input that was read but not answered."""
    has_ended: bool
    """Whether the input has ended."""
    unwritten: bytes
    """Answers that the client has not yet read."""


def answer_early(pipes: Pipes, fast_path: FastPathConnection) -> Early:
    """Answer lines that need no import, until another kind of line comes."""
    unread = b""
    while pipes.wait_for_input(WARM_UP_AFTER_S):
        data = pipes.wait_and_read()
        if not data:
            return Early(unread, True, b"")
        unread += data
        while (cut := unread.find(b"\n")) >= 0:
            answer = _early_answer(unread[:cut], fast_path)
            if answer is None:
                return Early(unread, False, b"")
            unread = unread[cut + 1 :]
            # A client that does not read may be about to send more, which only the loop can take.
            unwritten = pipes.write_at_once(answer, WARM_UP_AFTER_S)
            if unwritten:
                return Early(unread, False, unwritten)
    return Early(unread, False, b"")


def _early_answer(line: bytes, fast_path: FastPathConnection) -> bytes | None:
    """The answer to a line, empty for one that needs none; None leaves it to the loop."""
    if b"\\u" in line or not line.isascii():
        return None  # only the SDK's parser decides whether this is valid
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if fast_path.needs_no_answer(message):
        return b""
    request = fast_path.request(message)
    answer = None if request is None else fast_path.static_answer(request)
    return None if answer is None else answer + b"\n"

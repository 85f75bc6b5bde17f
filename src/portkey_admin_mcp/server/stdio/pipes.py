"""Serve MCP on stdio, and exit within a second of end of input, a signal or a lost client.

Requests that need only the manifest are answered first, before anything else is imported
(`answer_early`). Then a loop takes over: the fast path answers plain requests, the SDK all others.
"""

import json
import os
import select
import signal
from typing import NoReturn

from ..fastpath.connection import FastPathConnection

WARM_UP_AFTER_S = 0.05
"""Seconds without input after which the rest is imported, before the first call needs it."""
READ_BYTES = 65536
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def end(code: int = 0) -> NoReturn:
    """Exit at once; waiting for a thread that is blocked on input could take forever.

    A signal may come during an import or while a lock is held, so nothing else is called. Each
    line of the log is flushed as it is written.
    """
    os._exit(code)


def end_on_signals() -> None:
    """Exit on the usual signals, even with running calls."""
    for name in SIGNALS:
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, lambda *_: end())


class Pipes:
    """The process's standard input and output, hidden from all other code that reads or prints."""

    def __init__(self) -> None:
        self.input = os.dup(0)
        self.output = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def write(self, data: bytes) -> None:
        """Write all data; exit if the client has disconnected."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self.output, rest) :]
        except OSError:
            end()

    def wait_for_input(self, timeout_s: float) -> bool:
        """Whether input came in time; exit if nobody reads the output any more."""
        if not hasattr(select, "poll"):
            return False  # Windows cannot wait for a pipe: the loop reads it in a thread
        poll = select.poll()
        poll.register(self.input, select.POLLIN)
        poll.register(self.output, 0)
        events = dict(poll.poll(timeout_s * 1000))
        # Not POLLNVAL: macOS reports it for /dev/null and terminals.
        if events.get(self.output, 0) & (select.POLLERR | select.POLLHUP):
            end()
        return self.input in events


def answer_early(pipes: Pipes, fast_path: FastPathConnection) -> tuple[bytes, bool]:
    """Answer lines that need no import, until another kind of line comes.

    Returns what was read but not answered, and whether input has ended.
    """
    unread = b""
    while pipes.wait_for_input(WARM_UP_AFTER_S):
        data = os.read(pipes.input, READ_BYTES)
        if not data:
            return unread, True
        unread += data
        while (cut := unread.find(b"\n")) >= 0:
            answer = _early_answer(unread[:cut], fast_path)
            if answer is None:
                return unread, False
            unread = unread[cut + 1 :]
            pipes.write(answer)
    return unread, False


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

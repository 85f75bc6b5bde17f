"""The client's input as lines, and our lines as its output, without blocking the event loop."""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable

from .pipes import WRITE_BYTES, Pipes, is_watchable

WRITE_TIMEOUT_S = 0.002
"""Seconds that an answer may wait for a client that reads, before a thread writes the rest."""


class Input:
    """Reads the input from the client, and splits it into lines.

    A thread reads what an event loop cannot wait for: files, terminals, and everything on Windows.
    """

    def __init__(
        self, pipes: Pipes, take: Callable[[bytes], None], *, in_thread: bool = False
    ) -> None:
        self._pipes = pipes
        self._take = take
        self._in_thread = in_thread or not is_watchable(pipes.input)
        self._unread = bytearray()
        self._ended = asyncio.Event()
        self._unwatch: Callable[[], object] = lambda: None

    async def read(self, unread: bytes, has_ended: bool) -> None:
        """Take each line until the end of input, after the bytes that were already read."""
        self._received(unread)
        if has_ended:
            self._end()
            return
        if self._in_thread:
            self._start_thread()
        else:
            self._unwatch = watch(self._pipes.input, self._read_once)
        await self._ended.wait()

    def _start_thread(self) -> None:
        loop = asyncio.get_running_loop()

        def pump() -> None:
            while data := self._pipes.wait_and_read():
                loop.call_soon_threadsafe(self._received, data)
            loop.call_soon_threadsafe(self._end)

        threading.Thread(target=pump, daemon=True).start()

    def _read_once(self) -> None:
        data = self._pipes.read()
        if data:
            self._received(data)
        elif data is not None:
            self.close()
            self._end()

    def _received(self, data: bytes) -> None:
        self._unread += data
        if b"\n" not in data:
            return
        *lines, rest = bytes(self._unread).split(b"\n")
        self._unread = bytearray(rest)
        for line in lines:
            self._take(line)

    def _end(self) -> None:
        """Take a last line without a line break, and record the end of input."""
        if self._unread:
            self._received(b"\n")
        self._ended.set()

    def close(self) -> None:
        """Read no more."""
        self._unwatch()


class Output:
    """Writes without blocking, so that input is read even while the client does not read."""

    def __init__(self, pipes: Pipes) -> None:
        self._pipes = pipes
        self._lines: list[bytes] = []
        """What one iteration of the event loop answers, to be written by one system call."""
        self._lock = threading.Lock()
        self._waiting: deque[memoryview] = deque()
        self._thread: threading.Thread | None = None
        """Writes what is waiting, while the client reads more slowly than we write."""
        self._parts_written = 0
        self._unwatch: Callable[[], object] = lambda: None

    def open(self) -> None:
        """Exit from now on when nobody reads the output any more."""
        if is_watchable(self._pipes.output):
            self._unwatch = watch(self._pipes.output, self._check_hang_up)

    def close(self) -> None:
        """Watch the output no longer."""
        self._unwatch()

    def _check_hang_up(self) -> None:
        self._pipes.end_if_hung_up()
        self._unwatch()  # what came is input, of a socket that is both

    def write(self, line: bytes) -> None:
        """Write a line as soon as the event loop has done what it could do at once."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write_lines)
        self._lines.append(line)

    def _write_lines(self) -> None:
        data = b"".join(self._lines)
        self._lines.clear()
        if data and self._thread is None:  # else what waits must be written first
            data = self._pipes.write_at_once(data, WRITE_TIMEOUT_S)
        if not data:
            return
        with self._lock:
            self._waiting.append(memoryview(data))
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_waiting, daemon=True)
                self._thread.start()

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is written; False if the client has read nothing for so long."""
        self._write_lines()
        while (thread := self._thread) is not None:
            before = self._parts_written
            thread.join(timeout_s)
            if thread.is_alive() and self._parts_written == before:
                return False
        return True

    def _write_waiting(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                data = self._waiting.popleft()
            for start in range(0, len(data), WRITE_BYTES):
                self._pipes.write(data[start : start + WRITE_BYTES])
                self._parts_written += 1


def watch(descriptor: int, on_event: Callable[[], None]) -> Callable[[], object]:
    """Call `on_event` when there is something to read or nobody at the other end.

    Returns a function that stops it.
    """
    loop = asyncio.get_running_loop()
    is_blocking = os.get_blocking(descriptor)
    loop.add_reader(descriptor, on_event)
    os.set_blocking(descriptor, is_blocking)  # uvloop changes it, for all who share the pipe
    return lambda: loop.remove_reader(descriptor)

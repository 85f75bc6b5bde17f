"""A minimal stdio client: lines over pipes, without a framework, for timing a server."""

import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

from messages import CALL, INITIALIZE, INITIALIZED, Message, Numbered, check
from processes import started

READ_BYTES = 1 << 20
ANSWER_TIMEOUT_S = 60


class StdioLoad(NamedTuple):
    """The result of many calls: seconds of each, in order, and of all."""

    each_s: list[float]
    all_s: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.each_s) / self.all_s


class StdioClient:
    """A client of one server; `started_at` is its start, by `time.perf_counter`."""

    def __init__(self, process: "subprocess.Popen[bytes]", started_at: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.pid = process.pid
        self.started_at = started_at
        self._to = process.stdin.fileno()
        self._from = process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._from, select.POLLIN)
        self._begun: list[bytes] = []

    def ask(self, message: Message) -> bytes:
        """Send one request, and return the line that answers it."""
        self._write(message.body + b"\n")
        (answer,) = self._read_lines()
        check(answer, message)
        return answer

    def initialize(self) -> float:
        """Do the handshake; returns the seconds from the start of the process to its answer."""
        self.ask(INITIALIZE)
        took = time.perf_counter() - self.started_at
        self._write(INITIALIZED.body + b"\n")
        return took

    def load(self, calls: int, in_flight: int, seconds: float) -> StdioLoad:
        """Make this number of calls, `in_flight` at a time; fewer if the time is up.

        Answers may come in any order, so with several in flight a call's time is that of the
        oldest one that waits.
        """
        request = Numbered(CALL, end=b"\n")
        sent = [time.perf_counter()] * min(in_flight, calls)
        began = sent[0]
        self._write(b"".join(request.next() for _ in sent))
        each: list[float] = []
        while len(each) < len(sent):
            answers = self._read_lines()
            now = time.perf_counter()
            for answer in answers:
                check(answer, CALL)
                each.append(now - sent[len(each)])
            more = min(len(answers), calls - len(sent)) if now - began < seconds else 0
            if more:
                self._write(b"".join(request.next() for _ in range(more)))
                sent += [now] * more
        return StdioLoad(each, time.perf_counter() - began)

    def _read_lines(self) -> list[bytes]:
        """The answers that have arrived, at least one; the rest after the last is kept."""
        data = self._read()
        while b"\n" not in data:
            self._begun.append(data)
            data = self._read()
        complete, _, rest = data.rpartition(b"\n")
        lines = b"".join([*self._begun, complete]).split(b"\n")
        self._begun = [rest]
        return lines

    def _read(self) -> bytes:
        if not self._poll.poll(ANSWER_TIMEOUT_S * 1000):
            raise TimeoutError(f"no answer within {ANSWER_TIMEOUT_S} s")
        data = os.read(self._from, READ_BYTES)
        if not data:
            raise ConnectionError("the server closed its output")
        return data

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._to, data) :]


@contextmanager
def connected(
    command: list[str], environment: dict[str, str], log: IO[bytes]
) -> Iterator[StdioClient]:
    """A server in its own process, and a client that has sent nothing yet."""
    started_at = time.perf_counter()
    with started(command, environment, log, is_piped=True) as process:
        yield StdioClient(process, started_at)

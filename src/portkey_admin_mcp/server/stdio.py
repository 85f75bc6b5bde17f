"""Serve MCP on stdio, and exit within a second of end of input, a signal or a lost client."""

import contextlib
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from fastmcp import FastMCP
    from fastmcp.server.middleware import Middleware

DRAIN_TIMEOUT_S = 0.5
"""Seconds that calls in flight have to finish after the end of input."""

EXIT_TIMEOUT_S = 0.4
"""Seconds from the request to stop until the process is ended, even with calls in flight."""

POLL_INTERVAL_S = 0.02
IDLE_POLLS = 5
"""Draining ends after so many polls in a row find nothing unread and nothing in flight."""

log = logging.getLogger(__name__)


class StdinRelay:
    """Relays standard input to the server through a socket pair that can be closed at any time.

    A thread blocked in `read(0)` can be neither cancelled nor joined. Here it is a daemon that
    feeds a socket pair, and `close` shuts that pair down.
    """

    def __init__(self) -> None:
        self._stdin = os.dup(0)
        self._stdout = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self.serving = threading.Event()
        self.in_flight = 0
        self._write_end, self._read_end = socket.socketpair()
        self.text = self._read_end.makefile("r", encoding="utf-8", errors="replace")
        threading.Thread(target=self._pump, name="stdin", daemon=True).start()

    def close(self) -> None:
        """Tell the server that input has ended; what is in flight is cancelled."""
        watchdog = threading.Timer(EXIT_TIMEOUT_S, os._exit, (0,))
        watchdog.daemon = True
        watchdog.start()
        with contextlib.suppress(OSError):
            self._write_end.shutdown(socket.SHUT_WR)

    def _pump(self) -> None:
        received = False
        with contextlib.suppress(OSError):
            while self._wait_for_input() and (data := os.read(self._stdin, 65536)):
                received = True
                self._write_end.sendall(data)
        if received:
            # Input may end while we still import: what it asked is answered first.
            self.serving.wait()
            self._drain()
        self.close()

    def _drain(self) -> None:
        """Wait until all input is read and answered, or DRAIN_TIMEOUT_S has passed."""
        idle_polls, end = 0, time.monotonic() + DRAIN_TIMEOUT_S
        while idle_polls < IDLE_POLLS and time.monotonic() < end and self._stdout_is_open():
            time.sleep(POLL_INTERVAL_S)
            unread, _, _ = select.select([self._read_end], [], [], 0)
            idle_polls = 0 if unread or self.in_flight else idle_polls + 1

    def _wait_for_input(self) -> bool:
        """Wait for input; False when the reader of stdout has gone."""
        if not hasattr(select, "poll"):
            return True  # Windows: the end of stdin has to do
        poll = select.poll()
        poll.register(self._stdin, select.POLLIN)
        poll.register(self._stdout, 0)
        poll.poll()
        return self._stdout_is_open()

    def _stdout_is_open(self) -> bool:
        """Whether the reader of stdout is still there."""
        if not hasattr(select, "poll"):
            return True
        poll = select.poll()
        poll.register(self._stdout, 0)
        # Not POLLNVAL: macOS reports it for /dev/null and terminals.
        gone = select.POLLERR | select.POLLHUP
        return not any(event & gone for _, event in poll.poll(0))


def _in_flight_counter(relay: StdinRelay) -> "Middleware":
    """A middleware that counts the requests in flight in `relay.in_flight`."""
    from fastmcp.server.middleware import Middleware

    class InFlightCounter(Middleware):
        async def on_request(self, context: Any, call_next: Any) -> Any:
            relay.in_flight += 1
            try:
                return await call_next(context)
            finally:
                relay.in_flight -= 1

    return InFlightCounter()


def serve(build: Callable[[], "FastMCP"]) -> None:
    """Serve until input ends or a signal comes; never returns.

    `build` imports FastMCP and builds the server, after the signal handlers are set.
    """
    relay = StdinRelay()
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, lambda *_: relay.close())
    sys.stdin = relay.text
    code = 0
    try:
        server = build()
        server.add_middleware(_in_flight_counter(relay))
        relay.serving.set()
        anyio.run(lambda: server.run_stdio_async(show_banner=False))
    except* (BrokenPipeError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        log.debug("the client has gone")
    except* Exception:
        log.exception("the server stopped")
        code = 1
    finally:
        logging.shutdown()
        # Not sys.exit: a thread blocked on input would hold the interpreter.
        os._exit(code)

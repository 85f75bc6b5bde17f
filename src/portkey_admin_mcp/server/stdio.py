"""Serve on stdio, and leave promptly and quietly, whatever ends it."""

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

LINGER_S = 0.5
"""After the end of input, the longest that calls in flight have to be answered."""

GRACE_S = 0.4
"""From the order to stop until the process is gone, whatever a call is doing."""

STEP_S = 0.02
QUIET_STEPS = 5
"""So many looks in a row must find nothing unread and nothing in flight."""

log = logging.getLogger(__name__)


class Input:
    """Stands between file descriptor 0 and the server, so that anybody can declare its end.

    A thread blocked in `read(0)` can be neither cancelled nor joined. Here it is a daemon that
    feeds a socket pair, and `close` shuts that pair down.
    """

    def __init__(self) -> None:
        self._client = os.dup(0)
        self._answers = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self.serving = threading.Event()
        self.in_flight = 0
        self._ours, self._theirs = socket.socketpair()
        self.text = self._theirs.makefile("r", encoding="utf-8", errors="replace")
        threading.Thread(target=self._pump, name="stdin", daemon=True).start()

    def close(self) -> None:
        """Tell the server that input has ended; what is in flight is cancelled."""
        watchdog = threading.Timer(GRACE_S, os._exit, (0,))
        watchdog.daemon = True
        watchdog.start()
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_WR)

    def _pump(self) -> None:
        asked = False
        with contextlib.suppress(OSError):
            while self._readable() and (data := os.read(self._client, 65536)):
                asked = True
                self._ours.sendall(data)
        if asked:
            # Input may end while we still import: what it asked is answered first.
            self.serving.wait()
            self._linger()
        self.close()

    def _linger(self) -> None:
        """Wait until all is read and answered for a few looks in a row, but not for ever."""
        quiet, end = 0, time.monotonic() + LINGER_S
        while quiet < QUIET_STEPS and time.monotonic() < end and self._heard():
            time.sleep(STEP_S)
            unread, _, _ = select.select([self._theirs], [], [], 0)
            quiet = 0 if unread or self.in_flight else quiet + 1

    def _readable(self) -> bool:
        """Wait for input. False when nobody reads the answers any more."""
        if not hasattr(select, "poll"):
            return True  # Windows: the end of stdin has to do
        poll = select.poll()
        poll.register(self._client, select.POLLIN)
        poll.register(self._answers, 0)
        poll.poll()
        return self._heard()

    def _heard(self) -> bool:
        """Whether anybody still reads the answers."""
        if not hasattr(select, "poll"):
            return True
        poll = select.poll()
        poll.register(self._answers, 0)
        # Not POLLNVAL: macOS reports it for /dev/null and terminals.
        gone = select.POLLERR | select.POLLHUP
        return not any(event & gone for _, event in poll.poll(0))


def _count(source: Input) -> "Middleware":
    """A middleware that tells the input how many requests are being answered."""
    from fastmcp.server.middleware import Middleware

    class Count(Middleware):
        async def on_request(self, context: Any, call_next: Any) -> Any:
            source.in_flight += 1
            try:
                return await call_next(context)
            finally:
                source.in_flight -= 1

    return Count()


def serve(make: Callable[[], "FastMCP"]) -> None:
    """Serve until input ends or a signal comes; never returns.

    `make` imports FastMCP and builds the server, after the signal handlers are set.
    """
    source = Input()
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, lambda *_: source.close())
    sys.stdin = source.text
    code = 0
    try:
        server = make()
        server.add_middleware(_count(source))
        source.serving.set()
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

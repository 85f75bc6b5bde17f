"""How far a long call is, told to whoever waits for it: an MCP client, or a person at a terminal.

Who runs a call sets `current_progress`, a workflow calls `report_progress`. If nobody set it, a
report does nothing.
"""

import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

Report = Callable[[float, float | None, str], Awaitable[None]]
"""Receives what is done, the total (None if it is unknown), and a message; both in one unit."""
MIN_INTERVAL_S = 0.2
"""At least so long between two reports; the one that completes the total is always sent."""


class Progress:
    """Passes the reports of one call on, always with a greater value, as MCP requires."""

    def __init__(self, report: Report, min_interval_s: float = MIN_INTERVAL_S) -> None:
        self._report = report
        self._min_interval_s = min_interval_s
        self._done = float("-inf")
        self._reported_at = float("-inf")

    async def __call__(self, done: float, total: float | None, message: str) -> None:
        """Report, unless nothing was done since the last report, or it was just now."""
        now = time.monotonic()
        is_complete = total is not None and done >= total
        if done <= self._done or (
            now - self._reported_at < self._min_interval_s and not is_complete
        ):
            return
        self._done, self._reported_at = done, now
        await self._report(done, total, message)


current_progress: ContextVar[Progress | None] = ContextVar("current_progress", default=None)
"""Who is told how far the current call is; None if nobody asked."""


async def report_progress(done: float, total: float | None = None, message: str = "") -> None:
    """Tell how much is done of a total, in any unit, with a sentence for people."""
    progress = current_progress.get()
    if progress is not None:
        await progress(done, total, message)

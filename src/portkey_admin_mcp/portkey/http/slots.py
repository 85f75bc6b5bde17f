"""Slots: how many connections are in use, shared fairly among the callers of this process."""

import asyncio
from collections import deque
from contextvars import ContextVar

CALLER: ContextVar[str | None] = ContextVar("caller", default=None)
"""On whose behalf requests are sent; None if the process serves one user only."""


class Slots:
    """A number of slots, for which callers wait in turn.

    A caller may not hold more slots than it leaves free, so that the next caller need not wait for
    it. The caller None may hold all.
    """

    def __init__(self, capacity: int) -> None:
        self._free = capacity
        self._held: dict[str | None, int] = {}
        self._waiting: dict[str | None, deque[asyncio.Future[None]]] = {}

    @property
    def is_unused(self) -> bool:
        """Whether nobody holds a slot or waits for one."""
        return not self._held and not self._waiting

    def take(self, caller: str | None) -> bool:
        """Take a slot if the caller may have one now."""
        if caller in self._waiting or not self._is_due(caller):
            return False
        self._give(caller)
        return True

    async def wait(self, caller: str | None) -> None:
        """Wait for a slot and take it."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.cancelled():
                self._leave(caller, future)
            else:  # the slot was given at the moment of the cancellation
                self.release(caller)
            raise

    def release(self, caller: str | None) -> None:
        """Return a slot, and give it to the next caller in turn."""
        self._free += 1
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]
        if self._waiting:
            self._give_next()

    def _give_next(self) -> None:
        for next_caller in tuple(self._waiting):
            if self._is_due(next_caller):
                future = self._waiting[next_caller][0]
                self._leave(next_caller, future)
                if next_caller in self._waiting:  # the last in turn from now on
                    self._waiting[next_caller] = self._waiting.pop(next_caller)
                self._give(next_caller)
                future.set_result(None)

    def _is_due(self, caller: str | None) -> bool:
        held = self._held.get(caller, 0)
        is_within_share = caller is None or held == 0 or held < self._free - 1
        return self._free > 0 and is_within_share

    def _give(self, caller: str | None) -> None:
        self._free -= 1
        self._held[caller] = self._held.get(caller, 0) + 1

    def _leave(self, caller: str | None, future: "asyncio.Future[None]") -> None:
        queue = self._waiting[caller]
        queue.remove(future)
        if not queue:
            del self._waiting[caller]

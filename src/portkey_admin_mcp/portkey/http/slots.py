"""Slots: what few may use at a time, shared fairly among the callers of this process."""

import asyncio
from collections import deque
from contextvars import ContextVar, Token
from typing import Self

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


class ReadTurn:
    """The slot with which the large answer to one request is read, kept until it is decoded.

    Inside of `with`, the connections of this task find it in READ_TURN. At the end, the slot is
    released.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._caller = CALLER.get()
        self._is_held = False

    def __enter__(self) -> Self:
        self._token: Token[ReadTurn | None] = READ_TURN.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        READ_TURN.reset(self._token)
        self.release()

    def take(self) -> bool:
        """Take the slot if the caller may have one now; returns whether it is held."""
        if not self._is_held:
            self._is_held = self._slots.take(self._caller)
        return self._is_held

    async def wait(self) -> None:
        """Take the slot as soon as the caller may have one."""
        if not self.take():
            await self._slots.wait(self._caller)
            self._is_held = True

    def release(self) -> None:
        """Return the slot if it is held."""
        if self._is_held:
            self._is_held = False
            self._slots.release(self._caller)


READ_TURN: ContextVar[ReadTurn | None] = ContextVar("read_turn", default=None)
"""With what large answers are read in this task; with None, they are read at once."""

"""Large answers are decoded and presented in a thread, so that the event loop goes on meanwhile.

For a small answer, handing it over would take longer than the work. There is one thread for all
calls, because Python runs only one thread at a time, and so that few decoded answers are in memory.
"""

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Self, TypeVar, TypeVarTuple

from .http.answer import LARGE_BYTES
from .http.slots import CALLER, ReadTurn, Slots

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MAX_UNDECODED = 4
"""How many large answers may be read, or wait to be decoded, at a time; further ones are not read
on. One caller may have half of them, so that one is read while another is decoded."""

PAUSE_S = 0.02
"""Seconds between the end of one decoding and the start of the next."""

SWITCH_INTERVAL_S = 0.0005
"""How soon the thread lets the event loop go on, which waits for it after each system call.
Python's default is 5 ms, which would add up to a tenth of a second for a short request."""


class AnswerSize:
    """The size of all answers that are received inside, also by tasks that are started inside.

    In bytes. A class rather than a generator with `contextmanager`, which takes three times as
    long: every call enters one.
    """

    __slots__ = ("_token", "bytes")

    def __init__(self) -> None:
        self.bytes = 0

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(self, *_error: object) -> None:
        _current.reset(self._token)

    @property
    def is_large(self) -> bool:
        """Whether it takes long to work on the answers."""
        return self.bytes >= LARGE_BYTES


_current: ContextVar[AnswerSize | None] = ContextVar("answer_size", default=None)


class LargeAnswers:
    """The thread that works on large answers, and who may use it next."""

    def __init__(self) -> None:
        self._thread: Executor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._slots = Slots(1)
        self._read_slots = Slots(MAX_UNDECODED)

    def read_turn(self) -> ReadTurn:
        """What a request needs to read a large answer; it is to end when that is decoded."""
        self._enter_loop()
        return ReadTurn(self._read_slots)

    def _enter_loop(self) -> None:
        """Begin with free slots in another event loop, which those of this one could not wake."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._slots, self._read_slots = loop, Slots(1), Slots(MAX_UNDECODED)

    async def decode(self, content: bytes, work: Callable[[*Ts], T], *args: *Ts) -> T:
        """Do the work of decoding this content: in the thread if it is large, callers in turn."""
        size = _current.get()
        if size is not None:
            size.bytes += len(content)
        if len(content) < LARGE_BYTES:
            return work(*args)
        caller = CALLER.get()
        self._enter_loop()
        slots = self._slots
        if not slots.take(caller):
            await slots.wait(caller)
        try:
            return await self.run(work, *args)
        finally:
            # pydantic-core lets no other thread run while it decodes, so the event loop goes first.
            asyncio.get_running_loop().call_later(PAUSE_S, slots.release, caller)

    async def run(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        """Do the work in the thread, after what it was given before.

        What is decoded is presented before the answer after the next is decoded.
        """
        if self._thread is None:
            # Imported at the first large answer, because few processes receive one.
            from concurrent.futures.thread import ThreadPoolExecutor

            sys.setswitchinterval(SWITCH_INTERVAL_S)
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="large-answers")
        loop = asyncio.get_running_loop()
        in_context = partial(copy_context().run, work, *args)
        return await loop.run_in_executor(self._thread, in_context)

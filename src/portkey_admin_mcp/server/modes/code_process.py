"""The process one piece of code is run from: pydantic-monty, and lines of JSON to the server.

The sandbox itself is a program of pydantic-monty, a child of this one. This one stands between it
and the server, because what code hands over becomes objects of Python first: the hash of thirty
tuples in each other takes minutes, and nothing else runs in a process meanwhile.

In: a first line with `code`, `limits` (of pydantic-monty), and how many characters a result
(`result_chars`), the arguments of a call (`argument_chars`) and what is printed (`printed_chars`)
may have; then answers to calls, `{"call": number, "answer" or "error"}`.
Out: calls, `{"call": number, "name", "arguments"}`, the arguments as JSON in a string; a last line
with `printed`, and `result` and `is_cut`, or `error`, `text` and `where`.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import date, time
from decimal import Decimal
from typing import Any, Literal

PROCESS_COMPUTING_S = 7
"""What the system allows this process, and the sandbox, which has a lower limit of its own."""


class Calls:
    """The calls the code waits for."""

    def __init__(self, most_chars: int) -> None:
        self._most_chars = most_chars
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def call_tool(self, name: str, arguments: Any = None) -> Any:
        """Ask the server; what this raises, the code may catch."""
        text, is_cut = as_json({} if arguments is None else arguments, self._most_chars)
        if is_cut:
            raise ValueError(f"The arguments are longer than {self._most_chars:,} characters.")
        number = len(self._waiting)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        say({"call": number, "name": str(name)[:200], "arguments": text})
        answered = await self._waiting[number]
        if "error" in answered:
            raise RuntimeError(answered["error"])
        return answered["answer"]

    def answered(self, line: dict[str, Any]) -> None:
        """Give an answer to the call it is for."""
        future = self._waiting[line["call"]]
        if not future.done():
            future.set_result(line)


class Printed:
    """What was printed, up to a length; the rest is thrown away."""

    def __init__(self, most_chars: int) -> None:
        self._left = most_chars
        self._parts: list[str] = []

    def add(self, _stream: Literal["stdout", "stderr"], text: str) -> None:
        """Keep what there is room for."""
        if self._left > 0:
            self._parts.append(text[: self._left] + ("…" if len(text) > self._left else ""))
        self._left -= len(text)

    @property
    def text(self) -> str:
        """All that was kept."""
        return "".join(self._parts)


def as_json(value: Any, most_chars: int) -> tuple[str, bool]:
    """At most so many characters of compact JSON, and whether that is not all.

    Written piece by piece: ten lists of ten lists of ten lists are little in memory only.
    Raises TypeError or ValueError for what is no JSON.
    """
    encoder = json.JSONEncoder(
        ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain
    )
    parts, length = [], 0
    for part in encoder.iterencode(value):
        parts.append(part)
        length += len(part)
        if length > most_chars:
            return "".join(parts)[:most_chars], True
    return "".join(parts), False


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return list(value)
    if isinstance(value, date | time | Decimal):
        return str(value)
    raise TypeError(
        f"a {type(value).__name__} is no JSON: hand over dicts with text as keys, lists, text, "
        "numbers, booleans and None"
    )


async def outcome_of(order: dict[str, Any], calls: Calls) -> dict[str, Any]:
    """Run the code, and say what came of it."""
    import pydantic_monty as monty

    printed = Printed(order["printed_chars"])
    try:
        async with monty.AsyncMonty() as pool, pool.checkout(limits=order["limits"]) as session:
            value = await session.feed_run(
                order["code"],
                external_lookup={"call_tool": calls.call_tool},
                print_callback=printed.add,
            )
        outcome = _result(value, order["result_chars"])
    except monty.MontyError as error:
        outcome = _failure(error)
    except (TypeError, ValueError) as error:
        outcome = {"error": "Result", "text": str(error), "where": ""}
    return {**outcome, "printed": printed.text}


def _result(value: Any, most_chars: int) -> dict[str, Any]:
    if isinstance(value, str):
        if value.startswith("<coroutine "):
            raise TypeError("a call was not awaited: write `await call_tool(…)`")
        return {"result": value[:most_chars], "is_cut": len(value) > most_chars}
    text, is_cut = as_json(value, most_chars)
    return {"result": text, "is_cut": is_cut}


def _failure(error: Any) -> dict[str, Any]:
    cause = error.exception()
    frames: Callable[[], list[Any]] = getattr(error, "traceback", list)
    where = ", ".join(dict.fromkeys(f"line {frame.line}" for frame in frames()[-5:]))
    kind = "Ended" if cause is None else type(cause).__name__
    return {"error": kind, "text": str(error if cause is None else cause), "where": where}


def say(line: dict[str, Any]) -> None:
    """Write a line to the server."""
    sys.stdout.buffer.write(json.dumps(line).encode() + b"\n")
    sys.stdout.buffer.flush()


def hear(loop: asyncio.AbstractEventLoop, calls: Calls) -> None:
    """Read the server's answers; where there is no server any more, end at once."""
    for line in sys.stdin.buffer:
        loop.call_soon_threadsafe(calls.answered, json.loads(line))
    end_at_once()


def end_at_once() -> None:
    """End this process and the sandbox, which would outlive it."""
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def limit_process() -> None:
    """Let the system end this process, whatever it is stuck in."""
    if sys.platform != "win32":
        import resource

        # A lower limit that stands already is kept.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CPU, (PROCESS_COMPUTING_S, PROCESS_COMPUTING_S))


async def main() -> None:
    """Run the code of the first line, and say what came of it."""
    order = json.loads(sys.stdin.buffer.readline())
    calls = Calls(order["argument_chars"])
    loop = asyncio.get_running_loop()
    threading.Thread(target=hear, args=(loop, calls), daemon=True).start()
    say(await outcome_of(order, calls))
    end_at_once()


if __name__ == "__main__":
    limit_process()
    asyncio.run(main())

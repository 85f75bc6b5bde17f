"""The process that runs one piece of code in pydantic-monty, connected to the server by JSON lines.

The sandbox itself is a program of pydantic-monty, a child of this process. This process is between
it and the server, because values that the code passes become Python objects here: hashing thirty
nested tuples takes minutes, and nothing else can run in the same process meanwhile.

In: a first line with `code`, `limits` (of pydantic-monty), the CPU seconds of this process
(`cpu_s`), and how many characters a result (`result_chars`), the arguments of a call
(`argument_chars`), what is printed (`printed_chars`) and the text of an error (`error_chars`) may
have; then answers to calls, `{"call": number, "answer" or "error"}`.
Out: calls, `{"call": number, "name", "arguments"}`, the arguments as JSON in a string; what is
printed, at once, `{"printed": text}`; a last line with `result` and `is_cut`, or with `error`,
`text` and `where`.
"""

import asyncio
import itertools
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

SENDING = threading.Lock()
"""Held while a line is written, because printed text may come from another thread."""


class Calls:
    """The tool calls that the code waits for."""

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def call_tool(self, name: str, arguments: Any = None) -> Any:
        """Send a call to the server and wait for its answer; the code can catch the errors."""
        text, is_cut = as_json({} if arguments is None else arguments, self._max_chars)
        if is_cut:
            raise ValueError(f"The arguments are longer than {self._max_chars:,} characters.")
        number = next(self._numbers)
        self._waiting[number] = future = asyncio.get_running_loop().create_future()
        send({"call": number, "name": str(name)[:200], "arguments": text})
        reply: dict[str, Any] = await future
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply["answer"]

    def receive(self, line: dict[str, Any]) -> None:
        """Pass a reply of the server to its call."""
        future = self._waiting.pop(line["call"])
        if not future.done():
            future.set_result(line)


class Printed:
    """Sends printed text to the server at once, up to a length; the rest is dropped."""

    def __init__(self, max_chars: int) -> None:
        self._remaining = max_chars

    def send(self, _stream: Literal["stdout", "stderr"], text: str) -> None:
        """Send text, up to the maximum length in total."""
        if self._remaining > 0:
            cut = "…" if len(text) > self._remaining else ""
            send({"printed": text[: self._remaining] + cut})
        self._remaining -= len(text)


def as_json(value: Any, max_chars: int) -> tuple[str, bool]:
    """The first `max_chars` characters of compact JSON, and whether something was cut off.

    Written piece by piece, because a value that is small in memory may be huge as JSON.
    Raises TypeError or ValueError for a value that JSON cannot represent.
    """
    encoder = json.JSONEncoder(
        ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain
    )
    parts, length = [], 0
    for part in encoder.iterencode(value):
        parts.append(part)
        length += len(part)
        if length > max_chars:
            return "".join(parts)[:max_chars], True
    return "".join(parts), False


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return list(value)
    if isinstance(value, date | time | Decimal):
        return str(value)
    raise TypeError(
        f"a {type(value).__name__} is no JSON: pass dicts with text as keys, lists, text, "
        "numbers, booleans and None"
    )


async def run_code(order: dict[str, Any], calls: Calls) -> dict[str, Any]:
    """Run the code; the last line for the server, which tells how it ended."""
    import pydantic_monty as monty

    printed = Printed(order["printed_chars"])
    try:
        async with monty.AsyncMonty() as pool, pool.checkout(limits=order["limits"]) as session:
            value = await session.feed_run(
                order["code"],
                external_lookup={"call_tool": calls.call_tool},
                print_callback=printed.send,
            )
        return _result(value, order["result_chars"])
    except monty.MontyError as error:
        return _failure(error, order["error_chars"])
    except (TypeError, ValueError) as error:
        return {"error": "Result", "text": str(error)[: order["error_chars"]], "where": ""}


def _result(value: Any, max_chars: int) -> dict[str, Any]:
    if isinstance(value, str):
        if value.startswith("<coroutine "):
            raise TypeError("a call was not awaited: write `await call_tool(…)`")
        return {"result": value[:max_chars], "is_cut": len(value) > max_chars}
    text, is_cut = as_json(value, max_chars)
    return {"result": text, "is_cut": is_cut}


def _failure(error: Any, max_chars: int) -> dict[str, Any]:
    cause = error.exception()
    frames: Callable[[], list[Any]] = getattr(error, "traceback", list)
    where = ", ".join(dict.fromkeys(f"line {frame.line}" for frame in frames()[-5:]))
    kind = "Ended" if cause is None else type(cause).__name__
    text = str(error if cause is None else cause)
    return {"error": kind, "text": text[:max_chars], "where": where}


def send(line: dict[str, Any]) -> None:
    """Write a line to the server."""
    data = json.dumps(line).encode() + b"\n"
    with SENDING:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def listen(loop: asyncio.AbstractEventLoop, calls: Calls) -> None:
    """Read the server's replies; end at once if the server has ended."""
    for line in sys.stdin.buffer:
        loop.call_soon_threadsafe(calls.receive, json.loads(line))
    end_at_once()


def end_at_once() -> None:
    """End this process and the sandbox, which would otherwise go on."""
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def limit_process(cpu_s: int) -> None:
    """Let the system end this process if it computes for longer.

    The sandbox inherits the limit, and has a lower one of its own.
    """
    if sys.platform != "win32":
        import resource

        # An existing lower limit is kept.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))


async def main() -> None:
    """Run the code of the first line, and report how it ended."""
    order = json.loads(sys.stdin.buffer.readline())
    limit_process(order["cpu_s"])
    calls = Calls(order["argument_chars"])
    loop = asyncio.get_running_loop()
    threading.Thread(target=listen, args=(loop, calls), daemon=True).start()
    send(await run_code(order, calls))
    end_at_once()


if __name__ == "__main__":
    asyncio.run(main())

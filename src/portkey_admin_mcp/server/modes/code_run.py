"""One execution of code: its limits, its tool calls, and the report of its result."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from anyio import CancelScope

from ..calls.outcome import Outcome
from ..calls.result_size import max_chars_for_code
from ..offer.offer import Offer
from .mode import Call

PROCESS = (sys.executable, "-P", str(Path(__file__).with_name("code_process.py")))
"""Run by its path, because the package may not be installed. `-P` keeps the files beside it from
hiding modules of the standard library."""
TIMEOUT_S = 50.0
"""Seconds in total, with the waiting for Portkey. Clients give up after 60."""
MAX_COMPUTING_S = 5.0
"""Seconds the code may compute, not counting the time it waits."""
MAX_MEMORY_BYTES = 64_000_000
MAX_RECURSION_DEPTH = 200
MAX_TOOL_CALLS = 50
MAX_SUSPENSIONS = 1_000
"""Maximum number of times the code may wait: calls, refused calls and sleeps."""
MAX_CODE_CHARS = 100_000
MAX_ARGUMENT_CHARS = 500_000
"""Characters of JSON in the arguments of one call."""
MAX_ANSWER_CHARS = 2_000_000
"""Characters of JSON in the answer to one call of the code; the result has the usual limit."""
MAX_PRINTED_CHARS = 4_000
MAX_NOTES = 5

LIMITS = {
    "limits": {
        "max_feed_duration_secs": MAX_COMPUTING_S,
        "max_memory": MAX_MEMORY_BYTES,
        "max_recursion_depth": MAX_RECURSION_DEPTH,
        "max_suspensions": MAX_SUSPENSIONS,
    },
    "argument_chars": MAX_ARGUMENT_CHARS,
    "printed_chars": MAX_PRINTED_CHARS,
}
TOO_MANY_CALLS = (
    f"Stopped: one execution may call {MAX_TOOL_CALLS} tools. Return what you have and go on from "
    "there in the next, or ask for larger pages."
)
TOO_LONG = (
    f"Stopped after {TIMEOUT_S:.0f} s. Do less in one execution: fewer calls, or calls side by "
    "side with asyncio.gather."
)
NOTHING_OUTSIDE = (
    "There are no files, network, environment, processes or packages here: only call_tool, "
    "Python's own types, and modules that compute (json, re, math, datetime, collections, csv)."
)
CORRECT = "Correct the code and call execute again."
ADVICE = {
    "TimeoutError": f"Stopped: the code computed for more than {MAX_COMPUTING_S:.0f} s. End its "
    "loops, or let the tools filter and count.",
    "MemoryError": f"Stopped: the code needs more than {MAX_MEMORY_BYTES // 1_000_000} MB. Go "
    "page by page, and keep only the fields you need.",
    "RecursionError": f"Stopped: calls are nested {MAX_RECURSION_DEPTH} deep. Use a loop.",
    "Ended": "The sandbox had to be ended. Do less in one execution, and pass nothing but "
    "JSON: tuples in tuples as keys take too long to read.",
    "Result": "What was returned cannot be shown. Return dicts, lists, text and numbers.",
    "ModuleNotFoundError": NOTHING_OUTSIDE,
    "ImportError": NOTHING_OUTSIDE,
    "PermissionError": NOTHING_OUTSIDE,
    "RuntimeError": f"{CORRECT} {NOTHING_OUTSIDE}",
    "AttributeError": f"{CORRECT} {NOTHING_OUTSIDE}",
    "NameError": f"{CORRECT} {NOTHING_OUTSIDE}",
}
"""Advice, by the exception that ended the code."""
CUT = "Cut, because the result would be too long: return fewer records, or chosen fields of them."
NO_OUTCOME = {"error": "Ended", "text": "", "where": "", "printed": ""}


class ToolRefused(Exception):
    """A tool call of the code failed; the message is the advice that a client would get."""


class CodeRun:
    """One execution. `call` calls a tool as a client would; `offer` holds those it may call."""

    def __init__(self, offer: Offer, call: Call, max_result_chars: int) -> None:
        self._offer = offer
        self._call = call
        self._max_result_chars = max_result_chars
        self._call_count = 0
        self._failures: set[str] = set()
        self._notes: dict[str, None] = {}
        self._writes: Counter[str] = Counter()

    async def run(self, code: str) -> Outcome:
        """Run the code until it ends or is stopped; its processes are ended too."""
        process = await asyncio.create_subprocess_exec(
            *PROCESS,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            limit=12 * (self._max_result_chars + MAX_ARGUMENT_CHARS + MAX_PRINTED_CHARS),
            # A group of its own, so that it ends together with the sandbox.
            start_new_session=True,
        )
        order = {**LIMITS, "code": code, "result_chars": self._max_result_chars}
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await _write(process, order)
                end = await self._serve(process)
        except TimeoutError:
            return self._stopped(TOO_LONG, "")
        finally:
            _kill(process)
            # Shielded, because a cancelled request would end an await at once.
            with CancelScope(shield=True):
                await process.wait()
        return self._report(end)

    async def _serve(self, process: Process) -> dict[str, Any]:
        """Answer the calls of the code until it reports how it ended."""
        assert process.stdout is not None
        line: dict[str, Any] = NO_OUTCOME
        async with asyncio.TaskGroup() as group:
            answers = []
            while text := await process.stdout.readline():
                line = json.loads(text)
                if "call" not in line:
                    break
                answers.append(group.create_task(self._answer(process, line)))
            for task in answers:
                task.cancel()
        return NO_OUTCOME if "call" in line else line

    async def _answer(self, process: Process, call: dict[str, Any]) -> None:
        try:
            answer = await self._answer_of(call["name"], json.loads(call["arguments"]))
            reply = {"call": call["call"], "answer": answer}
        except ToolRefused as error:
            self._failures.add(str(error))
            reply = {"call": call["call"], "error": str(error)}
        await _write(process, reply)

    async def _answer_of(self, name: str, arguments: Any) -> Any:
        """The answer of a tool; raises ToolRefused with advice."""
        self._call_count += 1
        if self._call_count > MAX_TOOL_CALLS:
            raise ToolRefused(TOO_MANY_CALLS)
        if name not in self._offer.tools:
            raise ToolRefused(self._offer.unknown_tool(name))
        if not isinstance(arguments, dict):
            raise ToolRefused(f'The arguments of {name} are a dict: call_tool("{name}", {{…}}).')
        # Set in the task of this call, so it holds for this call alone.
        max_chars_for_code.set(MAX_ANSWER_CHARS)
        is_write = self._offer.tools[name].effect != "read"
        self._writes[name] += is_write
        outcome = await self._call(name, arguments)
        if outcome.is_error:
            self._writes[name] -= is_write
            raise ToolRefused("\n".join(outcome.texts))
        for note in outcome.texts[1:]:
            self._notes[f"{name}: {note}"] = None
        return outcome.structured

    def _report(self, end: dict[str, Any]) -> Outcome:
        if "result" in end:
            cut = CUT if end["is_cut"] else ""
            return _outcome([end["result"], cut, *self._notes_and_print(end["printed"])])
        if end["text"] in self._failures:
            return self._stopped(end["text"], end["printed"])
        # Calls beyond the limit are refused one by one; code that catches these errors ends here.
        if end["error"] == "RuntimeError" and self._call_count > MAX_TOOL_CALLS:
            return self._stopped(TOO_MANY_CALLS, end["printed"])
        where = f" ({end['where']})" if end["where"] else ""
        error = ": ".join(filter(None, (end["error"], end["text"][:500]))) + where
        return self._stopped(f"{error}\n{ADVICE.get(end['error'], CORRECT)}", end["printed"])

    def _stopped(self, advice: str, printed: str) -> Outcome:
        done = ", ".join(f"{name} ({count})" for name, count in (+self._writes).items())
        writes = f"Done or begun already: {done}. Read the state before you repeat any."
        texts = [advice, writes if done else "", *self._notes_and_print(printed)]
        return _outcome(texts, is_error=True)

    def _notes_and_print(self, printed: str) -> list[str]:
        return [f"Printed:\n{printed}" if printed else "", *[*self._notes][:MAX_NOTES]]


def _outcome(texts: list[str], *, is_error: bool = False) -> Outcome:
    first, *others = texts
    return Outcome([first, *filter(None, others)], is_error=is_error)


async def _write(process: Process, line: dict[str, Any]) -> None:
    """Write a line to the process; if it has ended, the reader notices."""
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(json.dumps(line).encode() + b"\n")
        await process.stdin.drain()


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)

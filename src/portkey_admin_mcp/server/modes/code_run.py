"""One piece of code, run: its limits, the tools it calls, and what is said about how it ended."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import mcp_types
from anyio import CancelScope
from fastmcp.exceptions import ToolError
from fastmcp.tools.base import Tool as McpTool
from fastmcp.tools.base import ToolResult

from ..calls.result_size import max_chars_for_code
from ..selection import unknown_tool

PROCESS = (sys.executable, "-P", str(Path(__file__).with_name("code_process.py")))
"""By its file: not every host has the package installed. Without -P its neighbours here would hide
modules of Python."""
ALL_S = 50.0
"""Seconds from beginning to end, waiting for Portkey included. Clients give up after 60."""
COMPUTING_S = 5.0
"""Seconds the code may compute, waiting left out."""
MEMORY_BYTES = 64_000_000
RECURSION_DEPTH = 200
TOOL_CALLS = 50
MAX_SUSPENSIONS = 1_000
"""Times the code may ask for anything at all, refused calls and naps included."""
CODE_CHARS = 100_000
ARGUMENT_CHARS = 500_000
"""Of JSON, in one call."""
ANSWER_CHARS = 2_000_000
"""Of JSON, in the answer to one call inside; what comes out is limited as any result is."""
PRINTED_CHARS = 4_000
NOTES = 5

LIMITS = {
    "limits": {
        "max_feed_duration_secs": COMPUTING_S,
        "max_memory": MEMORY_BYTES,
        "max_recursion_depth": RECURSION_DEPTH,
        "max_suspensions": MAX_SUSPENSIONS,
    },
    "argument_chars": ARGUMENT_CHARS,
    "printed_chars": PRINTED_CHARS,
}
TOO_MANY_CALLS = (
    f"Stopped: one execution may call {TOOL_CALLS} tools. Return what you have and go on from "
    "there in the next, or ask for larger pages."
)
TOO_LONG = (
    f"Stopped after {ALL_S:.0f} s. Do less in one execution: fewer calls, or calls side by side "
    "with asyncio.gather."
)
NOTHING_OUTSIDE = (
    "There are no files, network, environment, processes or packages here: only call_tool, "
    "Python's own types, and modules that compute (json, re, math, datetime, collections, csv)."
)
CORRECT = "Correct the code and call execute again."
ADVICE = {
    "TimeoutError": f"Stopped: the code computed for more than {COMPUTING_S:.0f} s. End its loops, "
    "or let the tools filter and count.",
    "MemoryError": f"Stopped: the code needs more than {MEMORY_BYTES // 1_000_000} MB. Go page by "
    "page, and keep only the fields you need.",
    "RecursionError": f"Stopped: calls stand {RECURSION_DEPTH} deep in each other. Use a loop.",
    "Ended": "The sandbox had to be ended. Do less in one execution, and hand over nothing but "
    "JSON: tuples in tuples as keys take too long to read.",
    "Result": "What was returned cannot be shown. Return dicts, lists, text and numbers.",
    "ModuleNotFoundError": NOTHING_OUTSIDE,
    "ImportError": NOTHING_OUTSIDE,
    "PermissionError": NOTHING_OUTSIDE,
    "RuntimeError": f"{CORRECT} {NOTHING_OUTSIDE}",
    "AttributeError": f"{CORRECT} {NOTHING_OUTSIDE}",
    "NameError": f"{CORRECT} {NOTHING_OUTSIDE}",
}
"""What to do, by the exception that ended the code."""
CUT = "Cut, for the result would be too long: return fewer records, or chosen fields of them."
NO_OUTCOME = {"error": "Ended", "text": "", "where": "", "printed": ""}


class CodeRun:
    """One execution. `call` calls a tool as a client would; `tools` are those it may call."""

    def __init__(
        self,
        tools: Mapping[str, McpTool],
        call: Callable[[str, dict[str, Any]], Awaitable[ToolResult]],
        result_chars: int,
    ) -> None:
        self._tools = tools
        self._call = call
        self._result_chars = result_chars
        self._called = 0
        self._failures: set[str] = set()
        self._notes: dict[str, None] = {}
        self._writes: Counter[str] = Counter()

    async def run(self, code: str) -> ToolResult:
        """Run it to its end, whichever that is; nothing of it is left then."""
        process = await asyncio.create_subprocess_exec(
            *PROCESS,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            limit=12 * (self._result_chars + ARGUMENT_CHARS + PRINTED_CHARS),
            # A group of its own, so that it ends together with the sandbox.
            start_new_session=True,
        )
        order = {**LIMITS, "code": code, "result_chars": self._result_chars}
        try:
            async with asyncio.timeout(ALL_S):
                await _write(process, order)
                outcome = await self._served(process)
        except TimeoutError:
            return self._stopped(TOO_LONG, "")
        finally:
            _kill(process)
            # Also where the client has called it off: an await would end at once then.
            with CancelScope(shield=True):
                await process.wait()
        return self._told(outcome)

    async def _served(self, process: Process) -> dict[str, Any]:
        """Answer its calls until it says what came of it."""
        assert process.stdout is not None
        async with asyncio.TaskGroup() as group:
            calls = []
            while line := await process.stdout.readline():
                said = json.loads(line)
                if "call" not in said:
                    break
                calls.append(group.create_task(self._answer(process, said)))
            for task in calls:
                task.cancel()
        return said if line else NO_OUTCOME

    async def _answer(self, process: Process, said: dict[str, Any]) -> None:
        try:
            answer = await self._asked(said["name"], json.loads(said["arguments"]))
            reply = {"call": said["call"], "answer": answer}
        except ToolError as error:
            self._failures.add(str(error))
            reply = {"call": said["call"], "error": str(error)}
        await _write(process, reply)

    async def _asked(self, name: str, arguments: Any) -> Any:
        """The answer of a tool; raises ToolError with advice, as a client would read it."""
        self._called += 1
        if self._called > TOOL_CALLS:
            raise ToolError(TOO_MANY_CALLS)
        if name not in self._tools:
            raise ToolError(unknown_tool(name, [*self._tools]))
        if not isinstance(arguments, dict):
            raise ToolError(f'The arguments of {name} are a dict: call_tool("{name}", {{…}}).')
        # In the task of this call, so for it alone.
        max_chars_for_code.set(ANSWER_CHARS)
        hints = self._tools[name].annotations
        is_write = not (hints and hints.read_only_hint)
        self._writes[name] += is_write
        try:
            result = await self._call(name, arguments)
        except ToolError:
            self._writes[name] -= is_write
            raise
        for block in result.content[1:]:
            self._notes[f"{name}: {getattr(block, 'text', '')}"] = None
        return result.structured_content

    def _told(self, outcome: dict[str, Any]) -> ToolResult:
        if "result" in outcome:
            cut = CUT if outcome["is_cut"] else ""
            return _answer_of([outcome["result"], cut, *self._also(outcome["printed"])])
        if outcome["text"] in self._failures:
            return self._stopped(outcome["text"], outcome["printed"])
        # Calls beyond the limit are refused one by one; who goes on all the same ends here.
        if outcome["error"] == "RuntimeError" and self._called > TOOL_CALLS:
            return self._stopped(TOO_MANY_CALLS, outcome["printed"])
        where = f" ({outcome['where']})" if outcome["where"] else ""
        happened = ": ".join(filter(None, (outcome["error"], outcome["text"][:500]))) + where
        advice = ADVICE.get(outcome["error"], CORRECT)
        return self._stopped(f"{happened}\n{advice}", outcome["printed"])

    def _stopped(self, advice: str, printed: str) -> ToolResult:
        done = ", ".join(f"{name} ({count})" for name, count in (+self._writes).items())
        writes = f"Done or begun already: {done}. Read the state before you repeat any."
        return _answer_of([advice, writes if done else "", *self._also(printed)], is_error=True)

    def _also(self, printed: str) -> list[str]:
        return [f"Printed:\n{printed}" if printed else "", *[*self._notes][:NOTES]]


def _answer_of(texts: list[str], *, is_error: bool = False) -> ToolResult:
    first, *rest = texts
    told = [first, *filter(None, rest)]
    blocks = [mcp_types.TextContent(type="text", text=text) for text in told]
    return ToolResult(content=blocks, is_error=is_error)


async def _write(process: Process, line: dict[str, Any]) -> None:
    """Write a line to it; it may have ended, which is seen where it is read."""
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

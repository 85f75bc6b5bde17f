"""One execution of code: its limits, its tool calls, and the report of its result."""

import asyncio
import json
import logging
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from ...models.core.icons import without_icon
from ...safety.asking import current_asker
from ..calls.outcome import Outcome
from ..calls.result_size import cut_text, max_chars_for_code
from ..offer.offer import ListedTool, Offer
from .code_child import PROCESS, child_environment, end_child, next_line
from .mode import Call
from .writes import Writes

TIMEOUT_S = 50.0
"""Seconds in total, with the waiting for Portkey. Clients give up after 60."""
MAX_COMPUTING_S = 5.0
"""Seconds the code may compute, not counting the time it waits."""
MAX_CPU_S = 7
"""CPU seconds of each process, enforced by the system if MAX_COMPUTING_S is not."""
MAX_MEMORY_BYTES = 64_000_000
MAX_RECURSION_DEPTH = 200
MAX_TOOL_CALLS = 50
MAX_OPEN_CALLS = 8
"""Tool calls of one execution that are carried out at a time, and so its answers in memory."""
MAX_SUSPENSIONS = 1_000
"""Maximum number of times the code may wait: calls, refused calls and sleeps."""
MAX_CODE_CHARS = 100_000
MAX_ARGUMENT_CHARS = 500_000
"""Characters of JSON in the arguments of one call."""
MAX_ANSWER_CHARS = 2_000_000
"""Characters of JSON in the answer to one call of the code; the result has the usual limit."""
MAX_PRINTED_CHARS = 4_000
MAX_ERROR_CHARS = 10_000
"""Characters of the text of an error in the code, of which MAX_SHOWN_ERROR_CHARS are shown. Advice
of a tool is shorter, and shown in full."""
MAX_SHOWN_ERROR_CHARS = 500
MAX_NOTES = 5

LIMITS = {
    "limits": {
        "max_feed_duration_secs": MAX_COMPUTING_S,
        "max_memory": MAX_MEMORY_BYTES,
        "max_recursion_depth": MAX_RECURSION_DEPTH,
        "max_suspensions": MAX_SUSPENSIONS,
    },
    "cpu_s": MAX_CPU_S,
    "argument_chars": MAX_ARGUMENT_CHARS,
    "printed_chars": MAX_PRINTED_CHARS,
    "error_chars": MAX_ERROR_CHARS,
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
NOTHING_MORE = "The execution ended at this call: nothing after it was done."
NO_OUTCOME = {"error": "Ended", "text": "", "where": ""}

log = logging.getLogger(__name__)


class ToolRefused(Exception):
    """A tool call of the code failed; the message is the advice that a client would get."""


class PersonNeeded(Exception):
    """A call needs a person's approval, so the execution ends; the message says how to get it."""


class CodeRun:
    """One execution. `call` calls a tool as a client would; `offer` holds those it may call."""

    def __init__(self, offer: Offer, call: Call, max_result_chars: int) -> None:
        self._offer = offer
        self._call = call
        self._max_result_chars = max_result_chars
        self._call_count = 0
        self._open_calls = asyncio.Semaphore(MAX_OPEN_CALLS)
        self._sending = asyncio.Lock()
        self._failures: set[str] = set()
        self._notes: dict[str, None] = {}
        self._printed: list[str] = []
        self._writes = Writes()

    async def run(self, code: str) -> Outcome:
        """Run the code until it ends or is stopped; its processes are ended too."""
        process = await asyncio.create_subprocess_exec(
            *PROCESS,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=child_environment(),
            limit=12 * (self._max_result_chars + MAX_ARGUMENT_CHARS + MAX_PRINTED_CHARS),
            # A group of its own, so that it ends together with the sandbox.
            start_new_session=True,
        )
        order = {**LIMITS, "code": code, "result_chars": self._max_result_chars}
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._send(process, order)
                end = await self._serve(process)
        except TimeoutError:
            return self._stopped(TOO_LONG)
        except ExceptionGroup as group:
            needed, others = group.split(PersonNeeded)
            if needed is None or others is not None:
                raise
            return self._stopped(f"{_first(needed)}\n{NOTHING_MORE}")
        except asyncio.CancelledError:
            # A cancelled request gets no answer, so only the log can tell.
            if counts := self._writes.counts():
                log.warning("an execution was cancelled after it called %s", counts)
            raise
        finally:
            await end_child(process)
        return self._report(end)

    async def _serve(self, process: Process) -> dict[str, Any]:
        """Answer the calls of the code until it reports how it ended."""
        async with asyncio.TaskGroup() as group:
            answers = []
            while (line := await next_line(process)) is not None:
                if "printed" in line:
                    self._printed.append(line["printed"])
                elif "call" in line:
                    answers.append(group.create_task(self._reply(process, line)))
                else:
                    break
            for task in answers:
                task.cancel()
        return NO_OUTCOME if line is None else line

    def _reply(self, process: Process, call: dict[str, Any]) -> Coroutine[Any, Any, None]:
        """Answer a call; one too many is refused at once, and its arguments are dropped."""
        self._call_count += 1
        if self._call_count > MAX_TOOL_CALLS:
            self._failures.add(TOO_MANY_CALLS)
            return self._send(process, {"call": call["call"], "error": TOO_MANY_CALLS})
        return self._answer(process, call)

    async def _answer(self, process: Process, call: dict[str, Any]) -> None:
        async with self._open_calls:
            reply = {"call": call["call"]}
            try:
                reply["answer"] = await self._answer_of(call["name"], json.loads(call["arguments"]))
            except ToolRefused as error:
                self._failures.add(str(error))
                reply["error"] = str(error)
            await self._send(process, reply)

    async def _answer_of(self, name: str, arguments: Any) -> Any:
        """The answer of a tool; raises ToolRefused with advice."""
        if name not in self._offer.tools:
            raise ToolRefused(self._offer.unknown_tool(name))
        if not isinstance(arguments, dict):
            raise ToolRefused(f'The arguments of {name} are a dict: call_tool("{name}", {{…}}).')
        # Set in the task of this call, so it holds for this call alone.
        max_chars_for_code.set(MAX_ANSWER_CHARS)
        # Nobody at the client would see which of many calls a question is about.
        current_asker.set(None)
        tool = self._offer.tools[name]
        outcome = await self._outcome(tool, arguments)
        if outcome.needs_person:
            raise PersonNeeded("\n".join(outcome.texts))
        if outcome.is_error:
            raise ToolRefused("\n".join(outcome.texts))
        for note in outcome.texts[1:]:
            self._notes[f"{name}: {note}"] = None
        is_workspace = tool.domain == "workspaces" and "name_format" not in arguments
        return with_plain_names(outcome.structured) if is_workspace else outcome.structured

    async def _outcome(self, tool: ListedTool, arguments: dict[str, Any]) -> Outcome:
        """Call a tool; a write stays recorded as uncertain if this is cancelled."""
        if tool.effect == "read":
            return await self._call(tool.name, arguments)
        write = self._writes.begin(tool, arguments)
        outcome = await self._call(tool.name, arguments)
        self._writes.end(write, outcome)
        return outcome

    async def _send(self, process: Process, line: dict[str, Any]) -> None:
        """Write a line to the process; if it has ended, the reader notices.

        One line at a time, so that no second answer is held as JSON while the process reads none.
        """
        assert process.stdin is not None
        async with self._sending:
            with suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(json.dumps(line).encode() + b"\n")
                await process.stdin.drain()

    def _report(self, end: dict[str, Any]) -> Outcome:
        if "result" in end:
            result = cut_text(end["result"], self._max_result_chars)
            cut = CUT if end["is_cut"] or result != end["result"] else ""
            return _outcome([result, cut, self._writes.uncertain(), *self._printed_and_notes()])
        if end["text"] in self._failures:
            return self._stopped(end["text"])
        # Calls beyond the limit are refused one by one; code that catches these errors ends here.
        if end["error"] == "RuntimeError" and self._call_count > MAX_TOOL_CALLS:
            return self._stopped(TOO_MANY_CALLS)
        where = f" ({end['where']})" if end["where"] else ""
        text = end["text"][:MAX_SHOWN_ERROR_CHARS]
        error = ": ".join(filter(None, (end["error"], text))) + where
        return self._stopped(f"{error}\n{ADVICE.get(end['error'], CORRECT)}")

    def _stopped(self, advice: str) -> Outcome:
        texts = [advice, self._writes.report(), *self._printed_and_notes()]
        return _outcome(texts, is_error=True)

    def _printed_and_notes(self) -> list[str]:
        printed = "".join(self._printed)
        return [f"Printed:\n{printed}" if printed else "", *[*self._notes][:MAX_NOTES]]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error in a group, of several calls that were made at once."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def with_plain_names(answer: Any) -> Any:
    """An answer about workspaces, with their names as users write them: without the icon.

    Portkey puts the icon before the name; it stays in the field `icon`.
    """
    if not isinstance(answer, dict):
        return answer
    plain = {**answer}
    if isinstance(name := answer.get("name"), str):
        plain["name"] = without_icon(name)
    if isinstance(rows := answer.get("data"), list):
        plain["data"] = [with_plain_names(row) for row in rows]
    return plain


def _outcome(texts: list[str], *, is_error: bool = False) -> Outcome:
    first, *others = texts
    return Outcome([first, *filter(None, others)], is_error=is_error)

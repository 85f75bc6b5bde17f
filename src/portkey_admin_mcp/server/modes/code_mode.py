"""Code mode: one tool to find the others, one to describe them, one to run code that calls them.

`PORTKEY_TOOL_MODE=code`. Answers stay where the code runs; a model sees what the code returns.
"""

import asyncio
from typing import Annotated

from pydantic import Field

from ...portkey.http.slots import CALLER, Slots
from ..calls.fencing import fenced_report
from ..calls.outcome import Outcome
from ..offer.offer import Offer
from .code_run import (
    MAX_CODE_CHARS,
    MAX_COMPUTING_S,
    MAX_MEMORY_BYTES,
    MAX_TOOL_CALLS,
    TIMEOUT_S,
    CodeRun,
)
from .mode import Call, Mode, ModeArguments, ModeTool
from .search_mode import MAX_LIMIT, SearchArguments
from .signatures import head, signatures

MAX_RUNNING = 8
"""Maximum number of executions at a time; each takes a little more than MAX_MEMORY_BYTES. One of
several users may have half of them, by the rule of `Slots`."""
MAX_WAIT_S = 5.0
"""Seconds that an execution may wait for others to end. With TIMEOUT_S less than 60, after which
clients give up."""
BUSY = (
    f"Busy: {MAX_RUNNING} executions may run here at a time, and half of them for one user. Call "
    f"execute again when another of yours has ended, or in {TIMEOUT_S:.0f} s."
)
EXECUTE = f"""\
Run Python that calls tools: `await call_tool(name, arguments)` gives a tool's answer as a dict, and
`return` gives yours.

Do a whole task in one execution: page, loop, join, `asyncio.gather`. Only what you return or print
is seen: return the few fields that matter. A tool that fails raises RuntimeError with advice.
At most {MAX_TOOL_CALLS} calls, {TIMEOUT_S:.0f} s, {MAX_COMPUTING_S:.0f} s of computing and
{MAX_MEMORY_BYTES // 1_000_000} MB; no files, no network."""


class SchemaArguments(ModeArguments):
    """The tools to describe."""

    tools: Annotated[list[str], Field(min_length=1, max_length=MAX_LIMIT)]


class ExecuteArguments(ModeArguments):
    """The code to run."""

    code: str


class CodeMode(Mode):
    """Lists three tools, which reach all others."""

    instructions = """\
Three tools reach all the others, named below in part: find them with search, read their arguments
with get_schema, then do the task in one execute, where code calls them with call_tool. Return a
small result: ids, names and counts, not whole answers.

"""
    listed = ()
    finds_tools = "search finds tools by what you want to do."
    tools = (
        ModeTool(
            "search",
            "Search tools",
            "Find Portkey tools by what you want: name, required arguments and a sentence of each.",
            SearchArguments,
        ),
        ModeTool(
            "get_schema",
            "Get schemas",
            "Get what tools take and answer: descriptions, arguments and the fields of an answer.",
            SchemaArguments,
        ),
        ModeTool("execute", "Execute", EXECUTE, ExecuteArguments, calls_tools=True),
    )

    def __init__(self, offer: Offer, call: Call, max_result_chars: int) -> None:
        super().__init__(offer, call, max_result_chars)
        self._slots = Slots(MAX_RUNNING)

    async def search(self, arguments: SearchArguments) -> Outcome:
        """A line for each match."""
        tools = self.find(arguments.query, arguments.limit)
        return Outcome(["\n".join(map(head, tools)) or self.nothing_found()])

    async def get_schema(self, arguments: SchemaArguments) -> Outcome:
        """The signatures of tools, and a correction for each unknown name."""
        offer = self._offer.current
        names = dict.fromkeys(arguments.tools)
        tools = [offer.tools[name] for name in names if name in offer.tools]
        unknown = [offer.unknown_tool(name) for name in names if name not in offer.tools]
        text = "\n\n".join(filter(None, [signatures(tools, with_answers=True), *unknown]))
        return Outcome([text], is_error=not tools)

    async def execute(self, arguments: ExecuteArguments) -> Outcome:
        """Run code; the outcome is its result, or the reason why it was stopped."""
        if len(arguments.code) > MAX_CODE_CHARS:
            return _refusal(f"The code has more than {MAX_CODE_CHARS:,} characters. Send less.")
        caller = CALLER.get()
        if not await self._take_slot(caller):
            return _refusal(BUSY)
        try:
            run = CodeRun(self._offer.current, self._call, self._max_result_chars)
            return fenced_report(await run.run(arguments.code))
        finally:
            self._slots.release(caller)

    async def _take_slot(self, caller: str | None) -> bool:
        """Whether a slot was free within MAX_WAIT_S."""
        if self._slots.take(caller):
            return True
        try:
            async with asyncio.timeout(MAX_WAIT_S):
                await self._slots.wait(caller)
        except TimeoutError:
            return False
        return True


def _refusal(advice: str) -> Outcome:
    return Outcome([advice], is_error=True)

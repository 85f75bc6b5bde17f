"""The write calls of one execution: what each was about, and whether it took effect.

An execution that breaks off reports them, because its code can no longer do so.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from ...errors import OutcomeUnknown, UnexpectedAnswer
from ..calls.failures import ADVICE
from ..calls.outcome import Outcome
from ..calls.result_size import one_line
from ..offer.offer import ListedTool

IDENTIFYING = re.compile(r"(\w+_)?(id|slug|name|email)")
"""Names of arguments that say what a call is about. Only required ones count, and `name`: an
optional one may be the id of a key of another service."""
NEW_IDS = ("slug", "id", "prompt_id")
"""Fields of an answer that identify a new record, the best first."""
MAX_NAMED = 20
"""Maximum number of writes with the same effect that are named; further ones are counted."""
MAX_VALUES = 3
MAX_VALUE_CHARS = 60
WORKFLOW_STEPS = "Done before: "
"""How workflows begin the note with the steps that were carried out before one failed."""

Effect = Literal["unknown", "carried out", "none"]


@dataclass
class Write:
    """A call of a tool that writes. Its effect is unknown until the call has ended."""

    tool: str
    subject: str
    effect: Effect = "unknown"


class Writes:
    """The write calls of one execution, in the order in which they were sent."""

    def __init__(self) -> None:
        self._writes: list[Write] = []

    def begin(self, tool: ListedTool, arguments: dict[str, Any]) -> Write:
        """Record a call before it is sent."""
        names = dict.fromkeys([*tool.input_schema.get("required", ()), "name"])
        values = [
            one_line(str(arguments[name])[:1_000], MAX_VALUE_CHARS)
            for name in names
            if IDENTIFYING.fullmatch(name) and isinstance(arguments.get(name), str | int)
        ]
        write = Write(tool.name, " ".join(values[:MAX_VALUES]))
        self._writes.append(write)
        return write

    @staticmethod
    def end(write: Write, outcome: Outcome) -> None:
        """Record the outcome of a call."""
        write.effect = _effect(write.tool, outcome)
        if write.tool.startswith("create_") and outcome.structured:
            ids = (outcome.structured.get(name) for name in NEW_IDS)
            if id := next(filter(None, ids), None):
                new = one_line(str(id), MAX_VALUE_CHARS)
                write.subject = f"{write.subject} → {new}" if write.subject else new

    def report(self) -> str:
        """All writes that took effect or may have; empty if there are none."""
        completed = self._named("carried out")
        lines = [f"Carried out before: {completed}." if completed else "", self.uncertain()]
        if any(lines):
            lines.append("Read the state before you repeat any.")
        return "\n".join(filter(None, lines))

    def uncertain(self) -> str:
        """The writes whose outcome is unknown; empty if there are none."""
        names = self._named("unknown")
        return f"May have taken effect, the outcome is unknown: {names}." if names else ""

    def counts(self) -> str:
        """The number of writes of each tool, without what they were about."""
        tools = Counter(write.tool for write in self._writes if write.effect != "none")
        return ", ".join(f"{name} ({count})" for name, count in tools.items())

    def _named(self, effect: Effect) -> str:
        """For each tool the number of its writes and what they were about, up to MAX_NAMED."""
        writes = [write for write in self._writes if write.effect == effect]
        writes.sort(key=lambda write: write.tool)
        return "; ".join(_groups(writes))


def _groups(writes: list[Write]) -> Iterator[str]:
    """A text for each tool; `writes` are sorted by tool."""
    remaining = MAX_NAMED
    for tool, group in groupby(writes, key=lambda write: write.tool):
        subjects = [write.subject for write in group]
        names = [subject for subject in subjects if subject][:remaining]
        remaining -= len(names)
        if names and len(names) < len(subjects):
            names.append(f"and {len(subjects) - len(names)} more")
        yield f"{tool} ({len(subjects)})" + (f": {', '.join(names)}" if names else "")


def _effect(tool: str, outcome: Outcome) -> Effect:
    """Whether a call took effect. Its advice is all that an outcome tells of an error."""
    if not outcome.is_error:
        return "carried out"
    text = "\n".join(outcome.texts)
    if text.endswith(ADVICE[UnexpectedAnswer]):
        return "carried out"
    is_unknown = text.endswith(ADVICE[OutcomeUnknown]) or WORKFLOW_STEPS in text
    # The second is the text of an error in this server.
    return "unknown" if is_unknown or text == f"Error calling tool {tool!r}" else "none"

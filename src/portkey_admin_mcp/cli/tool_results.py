"""Turn the outcomes of tool calls into results for a command: complete, as tables, or fenced."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import Forbidden
from ..portkey.catalog import Tool
from ..server.calls.fencing import fenced
from ..server.calls.hints import optional_workspace
from ..server.calls.outcome import Outcome
from ..server.calls.result_size import compact
from .exit_codes import FAILED, kind_of
from .exit_codes import cure_of as cure_of_error
from .output import Failed

OWN_FIELDS = ("notes", "more_fields")
"""Fields that the presentation adds, which a person reads as notes."""


class Result(NamedTuple):
    """The answer of a tool, and what was noted beside it."""

    answer: dict[str, Any]
    notes: list[str]


def result_of(outcome: Outcome, tool: Tool, *, is_agent: bool) -> Result:
    """The answer of a call of a tool. Raises Failed if it failed."""
    if outcome.is_error or outcome.structured is None:
        raise failure_of(outcome, tool, is_agent=is_agent)
    return Result(outcome.structured, outcome.texts[1:])


def failure_of(outcome: Outcome, tool: Tool, *, is_agent: bool) -> Failed:
    """The end of a command because a call failed.

    A person reads what to do next in the words of `exit_codes`; an agent as a model would by MCP.
    """
    happened, _, advice = outcome.texts[0].rpartition("\n")
    error = outcome.error
    if error is None:
        return Failed(FAILED, outcome.texts[0])
    details: dict[str, Any] = {}
    if (id := getattr(error, "approval_id", "")) and "\n{" in happened:
        happened, _, preview = happened.partition("\n")
        details = {"approval": {"id": id, "how": getattr(error, "how", "")}}
        details["preview"] = json.loads(preview)
    cure = advice if is_agent else " ".join([cure_of_error(error), *_workspace_cure(error, tool)])
    return Failed(kind_of(error), happened, cure, **details)


def _workspace_cure(error: Exception, tool: Tool) -> list[str]:
    """What else to try after a 403 if a tool takes a workspace: some keys must name one."""
    name = optional_workspace(tool)
    if not name or not isinstance(error, Forbidden):
        return []
    return [f"Or name the workspace: {name}=ID; `call list_workspaces` lists them."]


def for_agent(answer: dict[str, Any], outcome: Outcome | None) -> dict[str, Any]:
    """The answer with long texts of others between marks, as a model gets it by MCP.

    `outcome` is None if the answer was joined of several pages.
    """
    if outcome is None:
        outcome = fenced(Outcome([compact(answer)], answer, is_json=True))
    text = outcome.texts[0]
    if outcome.is_json or outcome.json is not None:
        marked: dict[str, Any] = json.loads(text)
        return marked
    return {"text": text}


def without_own_fields(answer: dict[str, Any], note: Callable[[str], None]) -> dict[str, Any]:
    """The answer without the fields that the presentation added, which are printed as notes."""
    for text in answer.get("notes", ()):
        note(str(text))
    if more := answer.get("more_fields"):
        note(
            f"Fields that are not shown: {', '.join(more)}. fields=NAME,… shows them, fields=* all."
        )
    return {name: value for name, value in answer.items() if name not in OWN_FIELDS}


def text_of_preview(answer: dict[str, Any]) -> str:
    """A preview of a change as a person reads it; empty for any other answer."""
    from ..safety.preview_lines import is_preview, lines_of

    if not is_preview(answer):
        return ""
    return "\n".join([*lines_of(answer), "Nothing was sent. -o json shows the requests."])

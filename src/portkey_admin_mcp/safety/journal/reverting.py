"""Revert a change in the journal: check the object, then make the call that undoes the change."""

import hashlib
import json
from typing import Any

from ...errors import InputError, NotPermitted, PortkeyAdminError
from ...models.core.base import Record
from ...portkey.api import Portkey
from ...portkey.gate import Change as Request
from ...portkey.masking import masked
from ..inspection import Inspector
from ..objects import created_object, read_object
from ..preview_answer import PreviewAnswer
from .changes import UNKNOWN, Change, find_change
from .recording import reverting
from .undo import NotUndoable, Plan, plan_for, rule_of
from .undo_rules import Never

TOOLS = "portkey_admin_mcp.tools"
VOLATILE = frozenset(
    (
        "last_updated_at",
        "updated_at",
        "last_used_at",
        "last_reset_at",
        "next_usage_reset_at",
        "current_usage",
        "usage",
        "counts",
    )
)
"""Fields that change by use or by the clock, which is no change of the object."""
MAX_SHOWN_FIELDS = 10


async def revert(api: Portkey, inspector: Inspector, id: str, state: str) -> Record:
    """Undo a change, by an ordinary call of another tool.

    `state` names the state of an object that has changed since. Raises InputError for an unknown
    id, NotPermitted if the change cannot be undone or the object has changed, and the errors of
    the call.
    """
    async with inspector.alone(f"revert the change {id}"):
        return await _revert(api, inspector, id, state)


async def _revert(api: Portkey, inspector: Inspector, id: str, state: str) -> Record:
    change = await find_change(inspector.journal, id)
    if change is None:
        raise InputError(f"the journal has no change {id[:60]!r}; `list_changes` shows their ids")
    plan = _plan(change, inspector)
    await _require_same_object(api, change, state)
    with reverting(id):
        try:
            answer = await inspector.call(plan.tool, plan.arguments)
        except PortkeyAdminError as error:
            error.add_note(f"This was the call of {plan.tool} that would have reverted {id}.")
            raise
    report: dict[str, Any] = {"change": id, "tool": plan.tool, "arguments": plan.arguments}
    if plan.lost:
        report["does_not_come_back"] = list(plan.lost)
    if isinstance(answer, PreviewAnswer):
        return PreviewAnswer.read({**answer.answer(), **report})
    return Record.read({**report, "answer": masked(answer.answer())})


def undo_of(change: Change, inspector: Inspector) -> dict[str, Any]:
    """How a change is undone: `{tool, arguments, does_not_come_back}` or `{not_possible}`."""
    try:
        plan = _plan(change, inspector)
    except (NotPermitted, InputError) as error:
        return {"not_possible": str(error)}
    undo: dict[str, Any] = {"tool": plan.tool, "arguments": plan.arguments}
    return {**undo, "does_not_come_back": list(plan.lost)} if plan.lost else undo


def _plan(change: Change, inspector: Inspector) -> Plan:
    rule = rule_of(change)
    if change["state"] == "reverted":
        raise NotPermitted(f"it was reverted already, by the change {change['reverted_by']}")
    if isinstance(rule, Never):
        raise NotPermitted(f"it cannot be reverted: {rule.why}")
    try:
        return plan_for(change, rule, inspector.tool(rule.tool))
    except NotUndoable as error:
        raise NotPermitted(f"it cannot be reverted: {error}") from None


async def _require_same_object(api: Portkey, change: Change, state: str) -> None:
    """Raise NotPermitted if the object is not as the change left it, unless `state` names that."""
    request = _request_of(change)
    if request is None:
        return
    now = await read_object(api, request)
    after = change.get("after")
    if now.fields is None:
        raise NotPermitted(f"it cannot be reverted: what it changed is not there ({now.why})")
    shown = _stable(masked(now.fields))
    if isinstance(after, dict) and shown == _stable(after):
        return
    name = _name_of(shown)
    if state == name:
        return
    if change["state"] == UNKNOWN or not isinstance(after, dict):
        differs = "how the change left it is not on record"
    else:
        names = [n for n in {**shown, **after} if shown.get(n) != _stable(after).get(n)]
        differs = f"it differs in {', '.join(names[:MAX_SHOWN_FIELDS])}"
    raise NotPermitted(
        f"nothing was reverted, because the object may have changed since: {differs}. Show the "
        f"user what it is now; to revert all the same, give even_if_changed: {name}"
    )


def _request_of(change: Change) -> Request | None:
    """The change's object as something to read; None if there is nothing to compare."""
    method, _, path = change["endpoint"].partition(" ")
    request = Request(
        method,
        path,
        change["ids"],
        change.get("query") or {},
        change.get("body"),
        f"{TOOLS}.{change['module']}" if change["module"] else "",
    )
    if method == "DELETE":
        return None
    if change.get("before") is not None:
        return request
    return created_object(request, change.get("after"))


def _stable(value: Any) -> Any:
    """A value without the fields that change by themselves."""
    if isinstance(value, dict):
        return {name: _stable(item) for name, item in value.items() if name not in VOLATILE}
    if isinstance(value, list):
        return [_stable(item) for item in value]
    return value


def _name_of(state: Any) -> str:
    text = json.dumps(state, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]

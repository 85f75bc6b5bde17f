"""Plan the call that undoes a change in the journal. Nothing is sent here."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

from ...models.core.icons import without_icon
from ...portkey.catalog import Tool
from ...portkey.masking import MASK
from ..objects import PLACES
from .changes import NOT_CONFIRMED, Change
from .tool_arguments import Argument, arguments_of, fitted, takes_null, without_none
from .undo_rules import RULES, RULES_BY_FIELD, Again, Call, Former, Never, Rows, Rule, Switches

MISSING = object()
"""The value of a field that an object does not have."""
HIDDEN = "its former value was masked, and cannot come back"
NOT_SHOWN = "Portkey does not show its former value"
NO_NULL = "it had no value, and Portkey does not take it away again"
NO_ARGUMENT = "no argument of the tool sets it"
NO_SINGLE_VALUE = "sending a former value does not undo it"


class NotUndoable(Exception):
    """A change that cannot be undone; the message says why."""


@dataclass(frozen=True)
class Plan:
    """The call that undoes a change, and in sentences what does not come back."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    lost: tuple[str, ...] = ()


def rule_of(change: Change) -> Rule:
    """The rule that undoes a change; `Never` if it has changed nothing."""
    if change["state"] in ("refused", "not sent", NOT_CONFIRMED):
        return Never("it changed nothing")
    endpoint = change["endpoint"]
    for (other, name), rule in RULES_BY_FIELD.items():
        if other == endpoint and name in (change.get("body") or {}):
            return rule
    return RULES.get(endpoint, Never("no rule says how"))


def plan_for(change: Change, rule: Rule, tool: Tool) -> Plan:
    """The plan that follows from a rule; `tool` is the one that it names.

    Raises NotUndoable.
    """
    arguments = arguments_of(tool)
    if isinstance(rule, Call):
        plan = _call(change, rule, arguments)
    elif isinstance(rule, Former):
        plan = _former(change, rule, arguments)
    elif isinstance(rule, Again):
        plan = _again(change, rule, arguments)
    elif isinstance(rule, Switches):
        plan = _switches(change, rule)
    else:
        raise NotUndoable(rule.why)
    return plan


def _call(change: Change, rule: Call, arguments: Mapping[str, Argument]) -> Plan:
    values = {}
    for name, source in rule.arguments.items():
        value = source[1:] if source.startswith("=") else _value(change, source)
        if value is MISSING:
            raise NotUndoable(f"the {name} is not on record: the journal has no {source}")
        if _is_masked(value):
            raise NotUndoable(f"{name}: {HIDDEN}")
        values[name] = fitted(arguments[name].type, value)
    place = _place(change, arguments)
    return Plan(rule.tool, {**place, **values}, (rule.lost,) if rule.lost else ())


def _switches(change: Change, rule: Switches) -> Plan:
    before, sent = _before(change).get(rule.inside) or {}, _sent(change)[rule.inside]
    changed = {name: before[name] for name in sent if name in before and before[name] != sent[name]}
    if not changed:
        raise NotUndoable("the values that were sent are those it had before")
    lists = {
        rule.on: [name for name, value in changed.items() if value],
        rule.off: [name for name, value in changed.items() if not value],
    }
    lost = tuple(f"{name}: {NOT_SHOWN}" for name in sent if name not in before)
    return Plan(rule.tool, {**change["ids"], **{k: v for k, v in lists.items() if v}}, lost)


def _again(change: Change, rule: Again, arguments: Mapping[str, Argument]) -> Plan:
    before = _before(change)
    values: dict[str, Any] = {}
    lost = [rule.lost]
    for name, argument in arguments.items():
        value = _shown(before, name, argument.path)
        parent = argument.path.partition(".")[0]
        if value in (MISSING, None) or name in rule.without or parent in values:
            continue
        if _is_masked(value):
            lost.append(f"{name}: {HIDDEN}")
            continue
        values[name] = fitted(argument.type, value)
    if "workspace_id" in values:
        values.pop("organisation_id", None)
    return Plan(rule.tool, values, tuple(lost))


def _former(change: Change, rule: Former, arguments: Mapping[str, Argument]) -> Plan:
    before, sent = _before(change), _sent(change)
    if rule.inside:
        before, sent = _unfolded(before, rule.inside), _unfolded(sent, rule.inside)
    values: dict[str, Any] = {}
    lost: list[str] = [rule.lost] if rule.lost else []
    for name, path in _fields_sent(sent, arguments):
        is_list = rule.rows is not None and path == rule.rows.body
        if {name, path} & {*PLACES, *rule.skipped} or (
            not is_list and _is_same(_shown(before, name, path), _value(sent, path))
        ):
            continue
        try:
            values[name] = _former_field(change, rule, name, arguments[name], before)
        except NotUndoable as error:
            lost.append(f"{name}: {error}")
    lost += [f"{path}: {NO_ARGUMENT}" for path in _fields_without(sent, arguments, rule)]
    if not values:
        raise NotUndoable("; ".join(lost) or "the values that were sent are those it had before")
    ids = {name: value for name, value in change["ids"].items() if name in arguments}
    return Plan(rule.tool, {**ids, **_place(change, arguments), **values}, tuple(lost))


def _fields_sent(
    sent: dict[str, Any], arguments: Mapping[str, Argument]
) -> Iterator[tuple[str, str]]:
    """The arguments that fields of a body belong to, each with its path in the body."""
    by_path = {argument.path: name for name, argument in arguments.items()}
    for top in sent:
        if top in by_path:
            yield by_path[top], top
            continue
        for path, name in by_path.items():
            if path.startswith(f"{top}.") and _value(sent, path) is not MISSING:
                yield name, path


def _fields_without(
    sent: dict[str, Any], arguments: Mapping[str, Argument], rule: Former
) -> list[str]:
    """The fields of a body that no argument of the tool sets."""
    known = {path.partition(".")[0] for _name, path in _fields_sent(sent, arguments)}
    return [top for top in sent if top not in {*known, *PLACES, *rule.skipped}]


def _is_same(before: Any, sent: Any) -> bool:
    """Whether a field had the value that was sent; masked values are not known to be the same."""
    return before == sent and not _is_masked(sent)


def _is_masked(value: Any) -> bool:
    return value is not MISSING and MASK in json.dumps(value)


def _former_field(
    change: Change, rule: Former, name: str, argument: Argument, before: dict[str, Any]
) -> Any:
    if name in rule.not_undone:
        raise NotUndoable(NO_SINGLE_VALUE)
    if rule.rows is not None and argument.path == rule.rows.body:
        return _former_rows(change, rule.rows, argument, before)
    return _former_value(before, name, argument)


def _former_value(before: dict[str, Any], name: str, argument: Argument) -> Any:
    value = _shown(before, name, argument.path)
    if value is MISSING:
        raise NotUndoable(NOT_SHOWN)
    if _is_masked(value):
        raise NotUndoable(HIDDEN)
    if before.get("icon") and argument.path == "name":
        value = without_icon(str(value))  # Portkey shows it before the name
    if value is None and not takes_null(argument.type):
        return _empty(argument)
    return fitted(argument.type, value)


def _former_rows(
    change: Change, rows: Rows, argument: Argument, before: dict[str, Any]
) -> list[Any]:
    """The items that were sent as they were before; all former ones if others were dropped."""
    sent, after = _sent(change), change.get("after")
    keyed = {_key(row, rows): row for row in before.get(rows.before) or []}
    keyed_after = {_key(row, rows) for row in _items(after, rows.before)}
    (item_type,) = get_args(without_none(argument.type))
    items = []
    for item in sent[rows.body]:
        row = keyed.get(_key(item, rows))
        if row is not None:
            fields = {name: row[name] for name in item if name in row}
            items.append(fitted(item_type, {**fields, **rows.present}))
        elif rows.absent is not None and _key(item, rows) in keyed_after:
            items.append({**{name: item[name] for name in rows.keys}, **rows.absent})
        else:
            raise NotUndoable(f"{NOT_SHOWN} of {', '.join(map(str, _key(item, rows)))}")
    if any(name.startswith("override_existing") and sent[name] for name in sent):
        named = {_key(item, rows) for item in sent[rows.body]}
        others = [row for key, row in keyed.items() if key not in named]
        items += [fitted(item_type, {**row, **rows.present}) for row in others]
    if _is_masked(items):
        raise NotUndoable(HIDDEN)
    return items


def _items(value: Any, name: str) -> list[dict[str, Any]]:
    rows = value.get(name) if isinstance(value, dict) else None
    return rows if isinstance(rows, list) else []


def _key(row: dict[str, Any], rows: Rows) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in rows.keys)


def _before(change: Change) -> dict[str, Any]:
    before = change.get("before")
    if not isinstance(before, dict):
        raise NotUndoable(f"the former state is not on record: {change.get('before_unknown')}")
    if "too_large_to_keep" in before:
        raise NotUndoable("the object was too large to keep in the journal")
    if isinstance(before.get("config"), str):
        before = {**before, "config": _decoded(before["config"])}
    return before


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _unfolded(fields: dict[str, Any], name: str) -> dict[str, Any]:
    """The fields with those of the one with this name in its place."""
    others = {each: fields[each] for each in fields if each != name}
    return {**others, **(fields.get(name) or {})}


def _sent(change: Change) -> dict[str, Any]:
    return {**(change.get("query") or {}), **(change.get("body") or {})}


def _place(change: Change, arguments: Mapping[str, Argument]) -> dict[str, Any]:
    """The workspace or organisation that the request named, where the tool takes it too."""
    sent = _sent(change)
    return {name: sent[name] for name in PLACES if sent.get(name) and name in arguments}


def _shown(before: dict[str, Any], name: str, path: str) -> Any:
    """A field of an object by the path under which it is sent, or by the argument's name."""
    value = _value(before, path)
    return _value(before, name) if value is MISSING else value


def _value(node: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(node, list) and part.isdecimal() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, dict) and part in node:
            node = node[part]
        else:
            return MISSING
    return node


def _empty(argument: Argument) -> Any:
    """The empty value of a type that takes no null; raises NotUndoable if it has none."""
    plain = without_none(argument.type)
    has_minimum = any(hasattr(each, "min_length") for each in _metadata(argument))
    kind = get_origin(plain) or plain
    if kind in (str, list, dict) and not has_minimum and not hasattr(plain, "__metadata__"):
        return kind()
    raise NotUndoable(NO_NULL)


def _metadata(argument: Argument) -> list[Any]:
    return argument.field.metadata if argument.field is not None else []

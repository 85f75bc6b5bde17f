"""What a change changes, field by field. Two ways to write the same value are no difference."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

MISSING: Any = object()
"""The value of a field that an object does not show."""
REPLACED_WHOLE = frozenset(
    ("config", "metadata", "tags", "parameters", "template_metadata", "mcp_servers", "tool_choice")
)
"""Objects of which a change replaces all fields; of another one it keeps those it does not send."""
KEEPS_OTHERS = frozenset(("workspaces", "models", "capabilities", "users", "user_access"))
"""Lists of which a change keeps the items that it does not send."""
SHOWN_AS = {
    "version": ("prompt_version",),
    "label_id": ("prompt_version_label_id",),
    "workspaces": ("data",),
    "user_access": ("data",),
    "capabilities": ("data",),
}
"""Fields of an object that show what is sent under another name."""
IDS = ("id", "slug", "workspace_id", "user_id", "key", "type", "name")
"""Fields that tell the items of a list apart; the first that each item has is used."""
EMPTY: tuple[Any, ...] = (None, [], {})
MAX_ITEMS = 5
Difference = dict[str, Any]
Differences = dict[str, Difference]


def differences(before: Mapping[str, Any], sent: Mapping[str, Any]) -> Differences:
    """Each field that is sent and differs, by its dotted path.

    `{"from": …, "to": …}`, without `from` if the object does not show the field, with
    `"clears": True` if null clears it; `{"added": […], "removed": […]}` for a list.
    """
    result: Differences = {}
    for name, value in sent.items():
        _compare(name, _shown(before, name), value, name, result)
    return result


def _shown(before: Mapping[str, Any], name: str) -> Any:
    for each in (name, *SHOWN_AS.get(name, ())):
        if each in before:
            return before[each]
    return MISSING


def _compare(path: str, old: Any, new: Any, name: str, result: Differences) -> None:
    """Add the differences between two values to the result."""
    old, new = _alike(old, new)
    if old is MISSING:
        result[path] = {"to": new} | ({"clears": True} if new is None else {})
    elif _is_same(old, new):
        return
    elif new is None:
        result[path] = {"from": old, "to": None, "clears": True}
    elif isinstance(old, dict) and isinstance(new, dict):
        _compare_objects(path, old, new, name, result)
    elif isinstance(old, list) and isinstance(new, list):
        _compare_lists(path, old, new, name, result)
    else:
        result[path] = {"from": old, "to": new}


def _compare_objects(
    path: str, old: dict[str, Any], new: dict[str, Any], name: str, result: Differences
) -> None:
    for key, value in new.items():
        inner = key if key in REPLACED_WHOLE else name
        _compare(f"{path}.{key}", old.get(key, MISSING), value, inner, result)
    if name in REPLACED_WHOLE:
        for key in old.keys() - new.keys():
            result[f"{path}.{key}"] = {"from": old[key], "to": None, "removed": True}


def _compare_lists(
    path: str, old: list[Any], new: list[Any], name: str, result: Differences
) -> None:
    """Compare items by their id, or as a whole if they have none. Their order counts for none."""
    id_field = _id_field(old, new)
    if id_field is None:
        difference = _with_counts(_without(new, old), _without(old, new))
        if difference:
            result[path] = difference
        elif old != new:
            result[path] = {"from": old, "to": new}
        return
    olds = {str(item[id_field]): item for item in old}
    news = {str(item[id_field]): item for item in new}
    for id in news.keys() & olds.keys():
        _compare(f"{path}[{id}]", olds[id], news[id], name, result)
    removed = [] if name in KEEPS_OTHERS else [olds[id] for id in olds if id not in news]
    if difference := _with_counts([news[id] for id in news if id not in olds], removed):
        result[path] = difference


def _with_counts(added: list[Any], removed: list[Any]) -> Difference:
    result: Difference = {}
    for name, items in (("added", added), ("removed", removed)):
        if items:
            result[name] = items[:MAX_ITEMS]
        if len(items) > MAX_ITEMS:
            result[f"{name}_in_all"] = len(items)
    return result


def _without(items: list[Any], others: list[Any]) -> list[Any]:
    return [item for item in items if item not in others]


def _id_field(old: list[Any], new: list[Any]) -> str | None:
    """The field that tells the items of either list apart; None if there is none."""
    items = [*old, *new]
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    for name in IDS:
        if all(_are_different([item.get(name) for item in each]) for each in (old, new)):
            return name
    return None


def _are_different(ids: list[Any]) -> bool:
    return all(isinstance(id, str) for id in ids) and len({*ids}) == len(ids)


def _alike(old: Any, new: Any) -> tuple[Any, Any]:
    """Two values in the same form: JSON in a text as its value, a list of one as its item."""
    if isinstance(old, str) != isinstance(new, str):
        old, new = _parsed(old), _parsed(new)
    if isinstance(old, dict) and isinstance(new, list) and len(new) == 1:
        new = new[0]
    if isinstance(new, dict) and isinstance(old, list) and len(old) == 1:
        old = old[0]
    return old, new


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _is_same(old: Any, new: Any) -> bool:
    """Whether two values are the same, as numbers, times, JSON or texts; nothing is empty."""
    if old == new or (old in EMPTY and new in EMPTY):
        return True
    if not (isinstance(old, str) and isinstance(new, str)):
        return False
    if (moment := _moment(old)) is not None and moment == _moment(new):
        return True
    values = _parsed(old), _parsed(new)
    return values != (old, new) and values[0] == values[1]


def _moment(text: str) -> datetime | None:
    if len(text) < len("2026-11-02T09:00Z") or "T" not in text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None

"""Notes beside an answer: what it covers, what was not understood, and what a write set."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from ...models.core.base import Record, Unsent, unsent
from ...models.core.vocabulary import OneWorkspace
from ...portkey.catalog import Tool
from ...portkey.masking import is_secret
from ...suggestions import suggest
from .arguments import OBJECT_ID, ignored_arguments
from .presentation import ALL_FIELDS, chosen_fields, row_type
from .result_size import one_line

MAX_SHOWN_LENGTH = 80
"""Characters of a value that a note on a write shows."""
MAX_UNKNOWN = 5
"""Unknown names of fields that a note explains."""
WORKSPACE_FIELDS = ("workspace_id", "workspace_slug", "workspace")
"""Names of arguments whose values are secrets. Other keys are named by `_id` or `_slug`."""


def notes_on(tool: Tool, record: Record, arguments: BaseModel) -> list[str]:
    """The notes on the answer of a call, the most important first; each is a sentence or two."""
    answer = record.answer()
    texts = [
        _ignored_note(arguments),
        _fields_note(record, answer, arguments),
        _workspace_note(tool, record, answer, arguments),
        _write_note(tool, answer, arguments),
    ]
    return [text for text in texts if text]


def _ignored_note(arguments: BaseModel) -> str:
    names = ", ".join(ignored_arguments(arguments))
    return f"Not sent, because Portkey has no such field here: {names}." if names else ""


def _workspace_note(
    tool: Tool, record: Record, answer: dict[str, Any], arguments: BaseModel
) -> str:
    """Which workspace Portkey chose, if the call could have named one and did not."""
    name = _unnamed_workspace(type(arguments), arguments)
    if not name or _name_an_object(tool.endpoints):
        return ""
    rows = answer.get(record.rows_in) if record.rows_in else None
    objects = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else [answer]
    workspaces = {_workspace_of(each) for each in objects} - {None}
    if len(workspaces) > 1:
        return ""
    which = workspaces.pop() if workspaces else "the key's own, or an organisation key's default"
    return f"This covers one workspace only: {which}. `{name}` chooses another."


def _unnamed_workspace(model: type[BaseModel], arguments: BaseModel) -> str:
    """The argument that names the workspace, if it was left out and nothing else replaces it."""
    name, mark = _workspace_argument(model)
    if name in arguments.model_fields_set:
        return ""
    is_replaced = any(_is_set(arguments, condition) for condition in mark.unless)
    return "" if is_replaced else name


@cache
def _workspace_argument(model: type[BaseModel]) -> tuple[str, OneWorkspace]:
    """The optional argument that names the workspace, and its mark; an empty name if none does."""
    for name, field in model.model_fields.items():
        for each in field.metadata:
            if isinstance(each, OneWorkspace):
                return name, each
    return "", OneWorkspace()


@cache
def _name_an_object(endpoints: tuple[str, ...]) -> bool:
    """Whether a path names one object, which tells its workspace."""
    return any(map(OBJECT_ID.search, endpoints))


def _is_set(arguments: BaseModel, condition: str | tuple[str, str]) -> bool:
    """Whether an argument is given, or has the value that the condition names."""
    if isinstance(condition, str):
        return condition in arguments.model_fields_set
    name, value = condition
    return getattr(arguments, name, None) == value


def _workspace_of(row: dict[str, Any]) -> str | None:
    for name in WORKSPACE_FIELDS:
        if row.get(name):
            return str(row[name])
    return None


def _fields_note(record: Record, answer: dict[str, Any], arguments: BaseModel) -> str:
    """Which names in `fields` no row has, with the tool that shows it or the nearest there are."""
    chosen = chosen_fields(arguments)
    rows = answer.get(record.rows_in)
    if not chosen or not isinstance(rows, list) or not rows:
        return ""
    declared = row_type(type(record))
    sent = {name for row in rows if isinstance(row, dict) for name in row}
    missing = declared.missing_fields if declared else {}
    by_place: dict[str, list[str]] = {}
    for name, place in missing.items():
        if name not in sent and (name in chosen or ALL_FIELDS in chosen):
            by_place.setdefault(place, []).append(name)
    texts = [f"Portkey sends no {', '.join(n)} here: {place}." for place, n in by_place.items()]
    names = sent | {*(declared.model_fields if declared else ())}
    texts += [_unknown_fields(chosen, names - missing.keys(), missing)]
    return " ".join(filter(None, texts))


def _unknown_fields(chosen: tuple[str, ...], names: set[str], explained: Mapping[str, str]) -> str:
    """The chosen names that are neither fields nor explained, with the nearest that there are."""
    unknown = [name for name in dict.fromkeys(chosen) if name not in {*names, *explained}]
    if ALL_FIELDS in chosen:
        return ""
    hints = [f"{name} ({suggest(name, sorted(names)) or 'none is like it'})" for name in unknown]
    if not hints:
        return ""
    all_names = ", ".join(sorted(names))
    return f"`fields`: there is no {', '.join(hints[:MAX_UNKNOWN])}. There are: {all_names}."


def _write_note(tool: Tool, answer: dict[str, Any], arguments: BaseModel) -> str:
    """What a write sent, if its answer does not show it, so that it need not be read back."""
    if tool.effect not in ("create", "overwrite") or tool.is_billable:
        return ""
    fields = type(arguments).model_fields
    marks = {name: unsent(fields[name]) for name in fields if name in arguments.model_fields_set}
    if any(mark is Unsent.LOCAL and getattr(arguments, name) for name, mark in marks.items()):
        return ""  # a dry run
    sent = [name for name, mark in marks.items() if mark in (None, Unsent.FOLDED)]
    paths = " ".join(tool.endpoints)
    ids = [name for name in sent if f"{{{name}}}" in paths]
    if OBJECT_ID.search(paths):  # then the workspace only says where the object is
        ids += [name for name in sent if name == "workspace_id" and name not in ids]
    values = [name for name in sent if name not in ids]
    if not values or answer.keys() & {*values}:
        return ""
    texts = [_shown(name, getattr(arguments, name)) for name in values]
    where = [_shown(name, getattr(arguments, name)) for name in ids if name not in answer]
    target = f" to {', '.join(where)}" if where else ""
    return f"Sent{target}: {', '.join(texts)}."


def _shown(name: str, value: Any) -> str:
    """An argument with its value: secrets are masked, and of a part only its size is shown."""
    if is_secret(name):
        return f"{name} ***"
    if value is None or isinstance(value, bool):
        return f"{name} {str(value).lower() if value is not None else 'null'}"
    if isinstance(value, int | float):
        return f"{name} {value}"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value)
    if isinstance(value, str):
        text = re.sub(r"(://)[^/@\s]*@|\?\S*", r"\1", value) if "://" in value else value
        return f'{name} "{one_line(text, MAX_SHOWN_LENGTH)}"'
    return f"{name} ({len(value)})" if isinstance(value, list | dict) else name

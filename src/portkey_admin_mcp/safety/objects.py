"""The object that a change is about: where it is read, and what it is called."""

import hashlib
import json
import re
from dataclasses import replace
from importlib import import_module
from typing import Any, NamedTuple

from ..errors import PortkeyAdminError
from ..models.core.base import unwrapped
from ..portkey.api import Base, Portkey
from ..portkey.catalog import tools_in
from ..portkey.gate import Change

PLACEHOLDER = re.compile(r"\{(\w+)\}")
LABELS = ("name", "title", "email", "slug", "id")
"""Fields that name an object for a person; the first that has a text is used."""
NO_OBJECT = "/{type}/{sub_type}"
"""The end of a path whose placeholders name a kind, not an object."""
ROWS_OF_LISTS = {
    "/prompts/{prompt_id}/versions/{version_id}": "data",
    "/scim/workspaces/{mapping_id}": "mappings",
}
"""Objects that only a list shows, or shows whole: their path without the last part, and the field
that holds its rows."""
PLACES = ("workspace_id", "organisation_id")
"""Fields that say where an object is, and that its read takes too."""


class ObjectNow(NamedTuple):
    """An object as it is before a change. `fields` is None if it could not be read; see `why`."""

    fields: dict[str, Any] | None
    why: str = ""

    @property
    def hash(self) -> str:
        """Changes whenever the object changes; empty if it was not read."""
        if self.fields is None:
            return ""
        text = json.dumps(self.fields, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


NOTHING_YET = ObjectNow(None, "it does not exist yet")


async def read_object(api: Portkey, change: Change) -> ObjectNow:
    """Read what a change is about, by the endpoint of its own path or of the path above it."""
    path = readable_path(change)
    if path is None:
        is_new = change.method == "POST" and (not change.ids or change.path.endswith(NO_OBJECT))
        return NOTHING_YET if is_new else ObjectNow(None, "Portkey has no request that reads it")
    values = [change.ids[name] for name in PLACEHOLDER.findall(change.path)]
    ids = dict(zip(PLACEHOLDER.findall(path), values, strict=False))
    given = {**change.query, **(change.body or {})}
    place = {name: given[name] for name in PLACES if given.get(name) and name not in ids}
    base: Base = "root" if path.startswith("/v2/") else "v1"
    try:
        answer: Any = await api.read(path, ids, place, base)
    except PortkeyAdminError as error:
        return ObjectNow(None, f"it could not be read: {type(error).__name__}")
    if change.path in ROWS_OF_LISTS:
        return _row(answer, ROWS_OF_LISTS[change.path], values[-1])
    answer = unwrapped(answer)
    return ObjectNow(answer if isinstance(answer, dict) else {"data": answer})


def _row(answer: Any, field: str, id: str) -> ObjectNow:
    """The row of a list that has an id."""
    rows = answer.get(field) if isinstance(answer, dict) else None
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("id") == id:
            return ObjectNow(row)
    return ObjectNow(None, "the list does not show it")


def readable_path(change: Change) -> str | None:
    """The path by which a change's object is read, as its module declares it; None if by none."""
    declared = _paths_read(change.module)
    path = change.path
    if path in ROWS_OF_LISTS:
        return path.rpartition("/")[0]
    while "{" in path and not path.endswith(NO_OBJECT):
        if _shape(path) in declared:
            return declared[_shape(path)]
        path = path.rpartition("/")[0]
    return declared.get(_shape(change.path)) if change.method != "POST" else None


def created_object(change: Change, answer: Any) -> Change | None:
    """What a change created, as a change of it; None if the answer or its module do not tell."""
    if change.method != "POST" or not isinstance(answer, dict):
        return None
    parent = change.path.removesuffix(NO_OBJECT)
    path = _paths_read(change.module).get(f"{_shape(parent)}/{{}}", "")
    name = PLACEHOLDER.findall(path)[-1] if path else ""
    id = answer.get(name) or answer.get("id") or answer.get("slug")
    if not path or not isinstance(id, str):
        return None
    parents = {} if parent != change.path else dict(change.ids)
    return replace(change, method="PUT", path=path, ids={**parents, name: id})


def _paths_read(module: str) -> dict[str, str]:
    """The paths that the tools of a module read, by their shape."""
    return {
        _shape(path): path
        for tool in tools_in([import_module(module)] if module else [])
        for verb, _, path in (endpoint.partition(" ") for endpoint in tool.endpoints)
        if verb == "GET"
    }


def label_of(change: Change, now: ObjectNow) -> str:
    """What a person types to confirm a change: the object's name, else its id."""
    for fields in (now.fields or {}, change.body or {}):
        for name in LABELS:
            if isinstance(text := fields.get(name), str) and text.strip():
                return text.strip()
    return "".join([*change.ids.values()][-1:]) or change.path.rpartition("/")[2]


def _shape(path: str) -> str:
    return PLACEHOLDER.sub("{}", path)

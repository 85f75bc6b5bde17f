"""The object that a change is about: where it is read, and what it is called."""

import hashlib
import json
import re
from importlib import import_module
from typing import Any, NamedTuple

from ..errors import PortkeyAdminError
from ..models.core.base import unwrapped
from ..portkey.api import Portkey
from ..portkey.catalog import tools_in
from ..portkey.gate import Change

PLACEHOLDER = re.compile(r"\{(\w+)\}")
LABELS = ("name", "title", "email", "slug", "id")
"""Fields that name an object for a person; the first that has a text is used."""
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
        is_new = change.method == "POST" and not change.ids
        return NOTHING_YET if is_new else ObjectNow(None, "Portkey has no request that reads it")
    names = PLACEHOLDER.findall(path)
    ids = dict(zip(names, change.ids.values(), strict=False))
    given = {**change.query, **(change.body or {})}
    place = {name: given[name] for name in PLACES if given.get(name) and name not in ids}
    try:
        answer = unwrapped(await api.read(path, ids, place))
    except PortkeyAdminError as error:
        return ObjectNow(None, f"it could not be read: {type(error).__name__}")
    return ObjectNow(answer if isinstance(answer, dict) else {"data": answer})


def readable_path(change: Change) -> str | None:
    """The path by which a change's object is read, as its module declares it; None if by none."""
    declared = {
        _shape(path): path
        for tool in tools_in([import_module(change.module)] if change.module else [])
        for verb, _, path in (endpoint.partition(" ") for endpoint in tool.endpoints)
        if verb == "GET"
    }
    path = change.path
    while "{" in path:
        if _shape(path) in declared:
            return declared[_shape(path)]
        path = path.rpartition("/")[0]
    return declared.get(_shape(change.path)) if change.method != "POST" else None


def label_of(change: Change, now: ObjectNow) -> str:
    """What a person types to confirm a change: the object's name, else its id."""
    for fields in (now.fields or {}, change.body or {}):
        for name in LABELS:
            if isinstance(text := fields.get(name), str) and text.strip():
                return text.strip()
    return "".join([*change.ids.values()][-1:]) or change.path.rpartition("/")[2]


def _shape(path: str) -> str:
    return PLACEHOLDER.sub("{}", path)

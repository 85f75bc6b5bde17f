"""The object that a change is about: where it is read, and what it is called."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple
from unicodedata import category

from ..errors import ApiError, PortkeyAdminError
from ..models.core.base import unwrapped
from ..portkey.api import Portkey
from ..portkey.catalog import tools_in
from ..portkey.gate import Change

PLACEHOLDER = re.compile(r"\{(\w+)\}")
NAMES = ("name", "title", "email", "scim_group", "value_key", "model_name")
"""Fields that name an object for a person; the first that has a text is used."""
IDS = ("slug", "id")
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
SELECTORS = {"slug": "slug", "slugs": "slug", "user_id": "user_id"}
"""Fields of the query of a deletion that select a row of the list that the path reads, each with
the field of the row."""
VOLATILE = re.compile(r"(^|_)(last_used|last_seen|last_synced|current_usage)|alerts_sent$")
"""Fields that change by the traffic, without an edit."""
USED_UP = "exhausted"
"""The status that an active object gets by the traffic."""
MAX_TYPED_CHARS = 60
"""A longer name is not typed: its id is."""


class ObjectNow(NamedTuple):
    """An object as it is before a change. `fields` is None if it could not be read; see `why`.

    `above` has the fields of the object above it, if it has no name of its own, as a list has not.
    """

    fields: dict[str, Any] | None
    why: str = ""
    above: Mapping[str, Any] = MappingProxyType({})

    @property
    def name_above(self) -> str:
        """The name of the object above it; empty if it has a name of its own."""
        return _name_in(self.above, NAMES)

    @property
    def hash(self) -> str:
        """Changes with each edit of the object, not with traffic; empty if it was not read."""
        if self.fields is None:
            return ""
        text = json.dumps(_lasting(self.fields), sort_keys=True, default=str)
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
    try:
        answer = await _read(api, path, ids, place)
    except PortkeyAdminError as error:
        return ObjectNow(None, why_not_read(error))
    selectors = {*values[len(ids) :]}
    if change.method == "DELETE":
        selectors |= {str(change.query[name]) for name in SELECTORS if change.query.get(name)}
    rows = _rows_of(answer, ROWS_OF_LISTS.get(change.path)) if selectors else None
    if rows is not None:
        now = _row(rows, selectors)
    else:
        fields = unwrapped(answer)
        now = ObjectNow(fields if isinstance(fields, dict) else {"data": fields})
    if now.fields is None or _name_in(now.fields, NAMES):
        return now
    return now._replace(above=await _read_above(api, change))


def why_not_read(error: PortkeyAdminError) -> str:
    """Why a read failed, without what Portkey wrote: that could be anything."""
    status = f", status {error.status}" if isinstance(error, ApiError) and error.status else ""
    return f"it could not be read ({type(error).__name__}{status})"


def readable_path(change: Change) -> str | None:
    """The path by which a change's object is read, as its module declares it; None if by none."""
    declared = _paths_read(change.module)
    path = change.path
    if path in ROWS_OF_LISTS:
        return path.rpartition("/")[0]
    while "{" in path and not path.endswith(NO_OBJECT):
        is_list = path == change.path and change.method == "POST"
        if _shape(path) in declared and not is_list:
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


def label_of(change: Change, now: ObjectNow) -> str:
    """What a person calls the object of a change: its name, else its id."""
    sent = {**change.query, **(change.body or {})}
    is_named_by_call = change.method == "DELETE" or (change.method == "POST" and now.fields is None)
    # Of an object that was not read, what a call sends may be its new name: it is called by its id.
    ids = [*reversed([*change.ids.values()])]
    labels = (
        _name_in(now.fields or {}, NAMES),
        label_in(sent) if is_named_by_call else "",
        now.name_above,
        label_in(now.fields or {}),
        *(ids if now.fields is None else []),
        label_in(sent),
        *ids,
        " ".join(change.path.split("/")[-2:]).replace("-", " ").strip(),
    )
    return next(filter(None, labels), change.path)


def label_in(fields: Mapping[str, Any]) -> str:
    """The name, e-mail address, slug or id among these fields; empty if there is none."""
    people = " ".join(str(fields[name]) for name in ("first_name", "last_name") if fields.get(name))
    return _name_in(fields, NAMES) or people or _name_in(fields, IDS)


def id_of(change: Change, now: ObjectNow) -> str:
    """The id of the object of a change, else its slug; empty for a new one."""
    fields = now.fields or {}
    texts = (fields.get("id"), fields.get("slug"), *reversed([*change.ids.values()]))
    return next((text for text in texts if isinstance(text, str) and text), "")


def is_typable(label: str) -> bool:
    """Whether a person can read this name and type it: short, and nothing in it is hidden."""
    return 0 < len(label) <= MAX_TYPED_CHARS and not any(map(is_hidden, label))


def is_hidden(character: str) -> bool:
    """Whether a character does not show what it is: control, format, bidi, spaces but one."""
    if "\ufe00" <= character <= "\ufe0f":  # variation selectors
        return True
    kind = category(character)
    return kind.startswith("C") or kind in ("Zl", "Zp") or (kind == "Zs" and character != " ")


def _paths_read(module: str) -> dict[str, str]:
    """The paths that the tools of a module read, by their shape."""
    return {
        _shape(path): path
        for tool in tools_in([import_module(module)] if module else [])
        for verb, _, path in (endpoint.partition(" ") for endpoint in tool.endpoints)
        if verb == "GET"
    }


async def _read(api: Portkey, path: str, ids: Mapping[str, str], query: Mapping[str, Any]) -> Any:
    return await api.read(path, ids, query, "root" if path.startswith("/v2/") else "v1")


def _rows_of(answer: Any, field: str | None) -> list[Any] | None:
    """The rows of an answer that is a list, in a field if it is known; None if it is none."""
    if isinstance(answer, dict) and not ({"id", "name"} & answer.keys()):
        values = [answer.get(field)] if field else [*answer.values()]
        return next((value for value in values if isinstance(value, list)), None)
    return answer if isinstance(answer, list) else None


def _row(rows: list[Any], selectors: set[str]) -> ObjectNow:
    """The row of a list that has one of these ids or slugs."""
    for row in rows:
        if isinstance(row, dict) and selectors & {
            str(row.get(n)) for n in ("id", *SELECTORS.values())
        }:
            return ObjectNow(row)
    return ObjectNow(None, "the list does not show it")


def _name_in(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    texts = (fields.get(name) for name in names)
    return next((text.strip() for text in texts if isinstance(text, str) and text.strip()), "")


async def _read_above(api: Portkey, change: Change) -> dict[str, Any]:
    """The object that a list belongs to, such as the MCP server of connections; empty if none."""
    declared, path = _paths_read(change.module), change.path.rpartition("/")[0]
    while "{" in path:
        if readable := declared.get(_shape(path)):
            ids = dict(zip(PLACEHOLDER.findall(readable), change.ids.values(), strict=False))
            try:
                answer = unwrapped(await _read(api, readable, ids, {}))
            except PortkeyAdminError:
                return {}
            if isinstance(answer, dict) and _name_in(answer, NAMES):
                return answer
        path = path.rpartition("/")[0]
    return {}


def _lasting(node: Any) -> Any:
    """An object without what changes by the traffic."""
    if isinstance(node, list):
        return [_lasting(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        name: "active" if name == "status" and value == USED_UP else _lasting(value)
        for name, value in node.items()
        if not VOLATILE.search(name)
    }


def _shape(path: str) -> str:
    return PLACEHOLDER.sub("{}", path)

"""What a request, or the arguments of a call, name: workspaces, and objects that are in one."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from ..errors import NotPermitted
from .policy_reach import WORKSPACE_ARGUMENTS, segments_of

WORKSPACE_FIELDS = ("workspace_id", "workspace_slug", "prompt_owning_workspace_id")
"""Fields of an object, or of what is sent, that name one workspace by its id or slug."""
WORKSPACE_LISTS = ("workspaces", "workspace_ids", "allowed_workspaces")
"""Fields that name several."""
ORGANISATION_FIELDS = ("organisation_id", "allow_all_workspaces", "global_workspace_access")
"""Fields with which a request is about the whole organisation."""
REFERENCES = {
    "collection_id": ("collections",),
    "config_id": ("configs",),
    "mcp_server_id": ("mcp-servers",),
    "mcp_servers": ("mcp-servers",),
}
"""Fields that name an object, and the path it is read at: it must be in an allowed workspace."""
MAX_DEPTH = 30


class Request(NamedTuple):
    """A request that is about to be sent, with what it names."""

    method: str
    segments: tuple[str, ...]
    query: dict[str, Any]
    body: Any

    @property
    def fields(self) -> list[Any]:
        """What is sent in the query and in the body."""
        return [self.query, self.body]


def named_in(fields: Mapping[str, Any]) -> str | None:
    """The workspace that an object names; a name that is no text is one that nobody is allowed."""
    for name in WORKSPACE_FIELDS:
        if (value := fields.get(name)) not in (None, ""):
            return str(value)
    return None


def workspaces_named(arguments: Any) -> list[str]:
    """The workspaces that the arguments of a call name, at any depth."""
    return list(dict.fromkeys(workspaces_in([arguments])))


def request_of(method: str, target: str, body: bytes | None) -> Request:
    """The request with a target, which is a path with its query, or a full address."""
    parts = urlsplit(target)
    segments = tuple(unquote(segment) for segment in segments_of(parts.path))
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(method, segments, query, json.loads(body) if body else None)


def names_place(request: Request) -> bool:
    """Whether a list, or a new object, names its workspace, or the collection that it is in."""
    names = (*WORKSPACE_ARGUMENTS, "collection_id", "parent_collection_id")
    return any(
        isinstance(fields, dict) and any(fields.get(name) for name in names)
        for fields in request.fields
    )


def where(request: Request) -> dict[str, str]:
    """The workspace with which an object of a request is read."""
    for fields in request.fields:
        if isinstance(fields, dict) and (name := fields.get("workspace_id")):
            return {"workspace_id": str(name)}
    return {}


def workspaces_in(node: Any, depth: int = 0) -> Iterator[str]:
    """The workspaces that a value names, at any depth."""
    if depth > MAX_DEPTH:
        raise NotPermitted("the arguments are nested too deeply to know their workspaces")
    if isinstance(node, list):
        for item in node:
            yield from workspaces_in(item, depth + 1)
    if not isinstance(node, dict):
        return
    for name, value in node.items():
        if name in WORKSPACE_ARGUMENTS:
            yield from (str(each) for each in _items(value) if each)
        elif name in WORKSPACE_LISTS:
            yield from _workspaces_in_list(value)
        yield from workspaces_in(value, depth + 1)


def _workspaces_in_list(value: Any) -> Iterator[str]:
    for item in _items(value):
        if isinstance(item, dict):
            yield from (str(item[n]) for n in ("id", "slug") if item.get(n))
        elif item:
            yield str(item)


def _items(value: Any) -> list[Any]:
    """A value as a list: one, several, or several in a text with commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return value if isinstance(value, list) else [value]


def organisation_field(fields: list[Any]) -> str:
    """The field that makes a request be about the whole organisation; empty if there is none."""
    for part in fields:
        for name in ORGANISATION_FIELDS if isinstance(part, dict) else ():
            if part.get(name):
                return name
    return ""


def references_in(node: Any, depth: int = 0) -> Iterator[tuple[tuple[str, ...], str]]:
    """The objects that a value refers to, each with the path that it is read at."""
    if isinstance(node, list):
        for item in node:
            yield from references_in(item, depth + 1)
    if not isinstance(node, dict):
        return
    for name, value in node.items():
        if collection := _collection_of(name):
            for each in value if isinstance(value, dict) else _items(value):
                if isinstance(each, str) and each:
                    yield collection, each
        yield from references_in(value, depth + 1)


def _collection_of(field: str) -> tuple[str, ...]:
    """The path at which the object that a field names is read; empty if it names none."""
    return (
        REFERENCES["collection_id"]
        if field.endswith("collection_id")
        else REFERENCES.get(field, ())
    )

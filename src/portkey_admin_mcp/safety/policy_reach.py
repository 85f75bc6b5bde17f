"""How far a request or a tool reaches: into one workspace, or over the whole organisation.

Derived from the path of a request, and from the arguments of a tool. Whatever is not known to stay
in a workspace counts as the organisation's.
"""

import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple, get_type_hints

from ..domains import CHANGES
from ..models.core.base import Arguments
from ..models.core.vocabulary import OneWorkspace
from ..portkey.catalog import Function, Tool

Reach = Literal["none", "workspace", "list", "item", "organisation"]
"""What a request is about: nothing of a workspace, a workspace itself, the objects of one
workspace (to list or create), one object in it, or the whole organisation."""

PRICES = ("model-configs", "pricing")
"""The first segments of the paths of public price lists."""
WORKSPACES = ("admin", "workspaces")
COLLECTIONS: tuple[tuple[str, ...], ...] = (
    ("analytics",),
    ("api-keys",),
    ("audit-logs",),
    ("collections",),
    ("configs",),
    ("guardrails",),
    ("integrations",),
    ("labels",),
    ("logs", "exports"),
    ("mcp-integrations",),
    ("mcp-servers",),
    ("policies", "rate-limits"),
    ("policies", "usage-limits"),
    ("prompts",),
    ("prompts", "partials"),
    ("providers",),
    ("scim", "workspaces"),
    ("v0.1", "servers"),
    ("virtual-keys",),
)
"""The paths under which each object is in one workspace."""
WITHOUT_OBJECTS = (
    ("analytics",),
    ("audit-logs",),
    ("v0.1", "servers"),
    ("logs", "exports", "field-restrictions"),
)
"""The paths under which nothing is read by an id: what follows is a part of the path."""
UNREADABLE = (("scim", "workspaces"),)
"""The paths whose objects Portkey has no request to read, so that their workspace is not known."""
ORGANISATION = (
    ("api-keys", "organisation"),
    ("analytics", "groups", "workspaces"),
    ("analytics", "groups", "workspace"),
)
"""The paths under these collections that are about the whole organisation."""
GRANTS = ("integrations", "mcp-integrations")
"""The collections whose objects can be given to other workspaces, at `{id}/workspaces`."""
API_KEY_KINDS = ("workspace", "{type}")

WITHOUT_WORKSPACE = ("preview_change", "whoami")
"""The server's own tools that show nothing of another workspace; the others may."""
WORKSPACE_ARGUMENTS = ("workspace_id", "workspace_slug")


class Place(NamedTuple):
    """The reach of a path; `collection` and `object_id` are those of an object in a workspace."""

    reach: Reach
    collection: tuple[str, ...] = ()
    object_id: str = ""


def place_of(method: str, segments: tuple[str, ...]) -> Place:
    """What a request is about. `segments` are those of its path, without `v1`, unquoted."""
    if segments[0] in PRICES:
        return Place("none")
    if segments[:2] == WORKSPACES:
        if len(segments) > 2 and (method != "DELETE" or len(segments) > 3):
            return Place("workspace", WORKSPACES, segments[2])
        return Place("list" if method == "GET" else "organisation", WORKSPACES)
    collection = _longest(COLLECTIONS, segments)
    rest = segments[len(collection) :]
    if not collection or _is_of_organisation(collection, segments):
        return Place("organisation")
    if not rest or _longest(WITHOUT_OBJECTS, segments):
        return Place("list", collection)
    if collection == ("api-keys",) and len(rest) == 2 and rest[0] in API_KEY_KINDS:
        return Place("list", collection)
    return Place("item", collection, rest[0])


def _is_of_organisation(collection: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    """Whether a path under a collection is about more than the objects of one workspace."""
    rest = segments[len(collection) :]
    return (
        bool(_longest(ORGANISATION, segments))
        or (collection in UNREADABLE and bool(rest))
        or (collection[0] in GRANTS and rest[1:2] == ("workspaces",))
    )


def segments_of(path: str) -> tuple[str, ...]:
    """The segments of a path as Portkey documents it, without the version."""
    segments = tuple(path.split("?")[0].strip("/").split("/"))
    return segments[1:] if segments[0] == "v1" else segments


def place_of_endpoint(endpoint: str) -> Place:
    """The same for an endpoint as it is documented: `GET /configs/{slug}`."""
    method, _, path = endpoint.partition(" ")
    return place_of(method, segments_of(path))


@cache
def reach_of(tool: Tool) -> Reach:
    """How far a tool reaches, by the requests that it cannot do without."""
    if tool.domain == CHANGES:
        return "none" if tool.name in WITHOUT_WORKSPACE else "organisation"
    places = [
        place_of_endpoint(endpoint) for endpoint in tool.endpoints if endpoint not in tool.optional
    ]
    if tool.endpoints and not places:
        # It does without each of its requests, so the bound on the requests is enough.
        return "workspace"
    if any(place.reach == "organisation" for place in places):
        return "organisation"
    first = next((place for place in places if place.reach != "none"), Place("none"))
    has_workspace = workspace_argument(tool) or first.collection == WORKSPACES
    is_list = first.reach == "list" and not has_workspace and not _has_collection(tool)
    return "organisation" if is_list else first.reach


class WorkspaceArgument(NamedTuple):
    """The argument of a tool that names its workspace.

    `replaced_by` are arguments that say where the objects are instead of it.
    """

    name: str
    is_required: bool
    replaced_by: tuple[str, ...] = ()


@cache
def workspace_argument(tool: Tool) -> WorkspaceArgument | None:
    """The argument that names the workspace of a tool; None if it has none."""
    fields = dict(_arguments(tool.function))
    for name in WORKSPACE_ARGUMENTS:
        if name in fields:
            is_required, marks = fields[name]
            replaced_by = tuple(
                each
                for mark in marks
                if isinstance(mark, OneWorkspace)
                for each in mark.unless
                if isinstance(each, str) and each in fields
            )
            return WorkspaceArgument(name, is_required, replaced_by)
    return None


def _has_collection(tool: Tool) -> bool:
    """Whether a collection says where the objects of a tool are."""
    return any(name.endswith("collection_id") for name, _ in _arguments(tool.function))


def _arguments(function: Function) -> Iterator[tuple[str, tuple[bool, tuple[Any, ...]]]]:
    """Each flat argument of a tool: its name, whether it is required, and its marks."""
    hints = get_type_hints(function, include_extras=True)
    _api, *parameters = inspect.signature(function).parameters.values()
    for parameter in parameters:
        hint = hints[parameter.name]
        if isinstance(hint, type) and issubclass(hint, Arguments):
            for name, field in hint.model_fields.items():
                yield name, (field.is_required(), tuple(field.metadata))
        else:
            is_required = parameter.default is inspect.Parameter.empty
            yield parameter.name, (is_required, getattr(hint, "__metadata__", ()))


def _longest(paths: tuple[tuple[str, ...], ...], segments: tuple[str, ...]) -> tuple[str, ...]:
    """The longest of these paths that the segments begin with; empty if none."""
    fitting = [path for path in paths if segments[: len(path)] == path]
    return max(fitting, key=len, default=())

"""The bound on workspaces: what every request of a call must keep to, and every answer.

It stands between the client and its transport, so that workflows and previews cannot pass it. What
it cannot prove to be in an allowed workspace is refused.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from weakref import WeakKeyDictionary

from ..errors import ApiError, NotPermitted
from ..models.core.base import unwrapped
from ..portkey.api import Portkey, Transport
from ..portkey.http.answer import Answer
from .policy_reach import WORKSPACE_ARGUMENTS, WORKSPACES, Place, place_of, segments_of

Names = frozenset[str]

WORKSPACE_FIELDS = ("workspace_id", "workspace_slug", "prompt_owning_workspace_id")
"""Fields of an object, or of what is sent, that name one workspace by its id or slug."""
WORKSPACE_LISTS = ("workspaces", "workspace_ids", "allowed_workspaces")
"""Fields that name several."""
ORGANISATION_FIELDS = ("organisation_id", "allow_all_workspaces", "global_workspace_access")
"""Fields with which a request is about the whole organisation."""
ROWS = ("data", "records", "mappings", "servers", "objects")
"""Fields of an answer that hold the rows of a list."""
REFERENCES = {
    "collection_id": ("collections",),
    "config_id": ("configs",),
    "mcp_server_id": ("mcp-servers",),
    "mcp_servers": ("mcp-servers",),
}
"""Fields that name an object, and the path it is read at: it must be in an allowed workspace."""
LINK = "signed_url"
MAX_DEPTH = 30

_names: "WeakKeyDictionary[Portkey, dict[str, Names]]" = WeakKeyDictionary()
"""For each client, the names (id and slug) of workspaces that it has read."""


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


async def names_of(api: Portkey, workspace: str) -> Names | None:
    """All names of a workspace, its id and its slug; None if they cannot be read."""
    cache = _names.setdefault(api, {})
    if workspace not in cache:
        try:
            answer = unwrapped(
                await api.read("/admin/workspaces/{workspace}", {"workspace": workspace}, {})
            )
        except ApiError:
            return None
        names = frozenset(str(answer[name]) for name in ("id", "slug") if answer.get(name))
        # A key of a workspace may be answered with its own, whichever was named.
        cache[workspace] = names if workspace in names else frozenset((workspace,))
        cache.update(dict.fromkeys(cache[workspace], cache[workspace]))
    return cache[workspace]


class Lookup:
    """Finds out which workspace an object is in, by reading it; each is read once."""

    def __init__(self, api: Portkey) -> None:
        self._api = api
        self._owners: dict[tuple[tuple[str, ...], str], str | None] = {}

    async def owner(
        self, collection: tuple[str, ...], object_id: str, place: Mapping[str, str]
    ) -> str | None:
        """The workspace of an object; None if it cannot be known."""
        key = (collection, object_id)
        if key not in self._owners:
            path = f"/{'/'.join(collection)}/{{object_id}}"
            try:
                answer = unwrapped(await self._api.read(path, {"object_id": object_id}, place))
            except ApiError:
                return None
            self._owners[key] = await self.owner_in(answer, place)
        return self._owners[key]

    async def owner_in(self, answer: Any, place: Mapping[str, str]) -> str | None:
        """The workspace that an object names, itself or by its collection."""
        if not isinstance(answer, dict):
            return None
        if owner := named_in(answer):
            return owner
        collection = answer.get("collection_id")
        if isinstance(collection, str) and collection:
            return await self.owner(("collections",), collection, place)
        return None


class Bound:
    """The transport of one call that may only reach these workspaces."""

    def __init__(self, transport: Transport, api: Portkey, allowed: Iterable[Names]) -> None:
        self._transport = transport
        self._api = api
        self._groups = [*allowed]
        self._allowed: Names = frozenset().union(*self._groups)
        self._lookup = Lookup(api)
        self._links: set[str] = set()

    async def __call__(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send a request that keeps to the bound; raises NotPermitted for any other."""
        if target in self._links:
            return await self._transport(method, target, headers, body)
        request = _request(method, target, body)
        place = place_of(method, request.segments)
        await self._check(request, place)
        if place == (Place("list", WORKSPACES)):
            return await self._own_workspaces(request, headers)
        answer = await self._transport(method, target, headers, body)
        if place.reach == "none" or not 200 <= answer[0] < 300:
            return answer
        return await self._checked(request, place, answer)

    async def _check(self, request: Request, place: Place) -> None:
        """Raise NotPermitted unless all that a request names is in an allowed workspace."""
        if place.reach == "none":
            return
        named = [*_workspaces_in(request.fields)]
        for name in named:
            self._require(name)
        is_audit = request.segments == ("audit-logs",) and bool(named)
        if not is_audit and (field := _organisation_field(request.fields)):
            raise NotPermitted(f"{field}: {self._only()}, not the whole organisation")
        await self._check_references(request)
        await self._check_place(request, place)

    async def _check_place(self, request: Request, place: Place) -> None:
        """Raise NotPermitted unless what the path is about is in an allowed workspace.

        An object that is only read is checked by its answer.
        """
        if place.reach == "workspace":
            self._require(place.object_id)
        elif place.reach == "item":
            is_read = request.method == "GET"
            if not is_read or len(request.segments) > len(place.collection) + 1:
                await self._require_object(place.collection, place.object_id, request)
        elif place.reach != "list":
            raise NotPermitted(f"this is about the whole organisation, and {self._only()}")
        elif place.collection != WORKSPACES and not _names_place(request):
            raise NotPermitted(f"name the workspace: {self._only()}")

    async def _own_workspaces(self, request: Request, headers: Mapping[str, str]) -> Answer:
        """The list of the allowed workspaces, each read by its name."""
        rows = []
        for names in self._groups:
            name = quote(min(names, key=_slug_first), safe="")
            status, more, content = await self._transport(
                "GET", f"/v1/admin/workspaces/{name}", headers, None
            )
            if not 200 <= status < 300:
                return status, more, content
            row = unwrapped(json.loads(content))
            if not names.isdisjoint({str(row.get("id")), str(row.get("slug"))}):
                rows.append({key: value for key, value in row.items() if key != "users"})
        rows = [row for row in rows if _is_listed(row, request.query)]
        size = int(request.query.get("page_size") or len(rows) or 1)
        start = size * int(request.query.get("current_page") or 0)
        page = {"object": "list", "total": len(rows), "data": rows[start : start + size]}
        return 200, {"content-type": "application/json"}, json.dumps(page).encode()

    async def _check_references(self, request: Request) -> None:
        for collection, object_id in references_in(request.fields):
            await self._require_object(collection, object_id, request)
        if request.segments[2:3] == ("mcp-servers",) and len(request.segments) > 3:
            await self._require_object(("mcp-servers",), request.segments[3], request)

    async def _require_object(
        self, collection: tuple[str, ...], object_id: str, request: Request
    ) -> None:
        owner = await self._lookup.owner(collection, object_id, _where(request))
        if owner is None:
            raise NotPermitted(f"the workspace of {object_id!r} is not known, and {self._only()}")
        self._require(owner)

    def _require(self, name: str) -> None:
        if name not in self._allowed:
            raise NotPermitted(f"{name!r} is another workspace; {self._only()}")

    def _only(self) -> str:
        """The bound, in words for a model."""
        names = ", ".join(sorted(min(names, key=_slug_first) for names in self._groups))
        return f"this server is limited to {names or 'no workspace'}"

    async def _checked(self, request: Request, place: Place, answer: Answer) -> Answer:
        """The answer without the rows of other workspaces; raises NotPermitted for their object."""
        status, headers, content = answer
        try:
            decoded = json.loads(content) if content else None
        except ValueError:
            raise NotPermitted("the answer cannot be read, so its workspace is not known") from None
        rows_in = _rows_field(decoded)
        if rows_in is not None:
            return status, headers, self._filtered(decoded, rows_in, content)
        if not isinstance(decoded, dict):
            return answer
        inner = unwrapped(decoded)
        if place.reach == "item" and request.method == "GET":
            await self._require_answer(request, place, inner)
        elif (owner := named_in(inner)) is not None:
            self._require(owner)
        if isinstance(link := inner.get(LINK), str):
            self._links.add(link)
        return answer

    async def _require_answer(self, request: Request, place: Place, inner: Any) -> None:
        """Raise NotPermitted unless an object, or the one that it is a part of, is allowed."""
        owner = await self._lookup.owner_in(inner, _where(request))
        if owner is None and len(request.segments) == len(place.collection) + 1:
            raise NotPermitted(f"its workspace is not known, and {self._only()}")
        if owner is not None:
            self._require(owner)

    def _filtered(self, decoded: Any, rows_in: str, content: bytes) -> bytes:
        rows = decoded[rows_in]
        kept = [row for row in rows if self._is_allowed(row)]
        if len(kept) == len(rows):
            return content
        changed = {**decoded, rows_in: kept}
        for name in ("total", "total_count"):
            if isinstance(changed.get(name), int):
                changed[name] = len(kept)
        return json.dumps(changed, ensure_ascii=False).encode()

    def _is_allowed(self, row: Any) -> bool:
        if not isinstance(row, dict):
            return True
        owner = named_in(row)
        return owner is None or owner in self._allowed


def named_in(fields: Mapping[str, Any]) -> str | None:
    """The workspace that an object names."""
    for name in WORKSPACE_FIELDS:
        if isinstance(value := fields.get(name), str) and value:
            return value
    return None


def workspaces_named(arguments: Any) -> list[str]:
    """The workspaces that the arguments of a call name, at any depth."""
    return list(dict.fromkeys(_workspaces_in([arguments])))


def _request(method: str, target: str, body: bytes | None) -> Request:
    parts = urlsplit(target)
    segments = tuple(unquote(segment) for segment in segments_of(parts.path))
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(method, segments, query, json.loads(body) if body else None)


def _names_place(request: Request) -> bool:
    """Whether a list, or a new object, names its workspace, or the collection that it is in."""
    names = (*WORKSPACE_ARGUMENTS, "collection_id", "parent_collection_id")
    return any(
        isinstance(fields, dict) and any(fields.get(name) for name in names)
        for fields in request.fields
    )


def _where(request: Request) -> dict[str, str]:
    """The workspace with which an object of a request is read."""
    for fields in request.fields:
        if isinstance(fields, dict) and (name := fields.get("workspace_id")):
            return {"workspace_id": str(name)}
    return {}


def _workspaces_in(node: Any, depth: int = 0) -> Iterator[str]:
    """The workspaces that a value names, at any depth."""
    if depth > MAX_DEPTH:
        raise NotPermitted("the arguments are nested too deeply to know their workspaces")
    if isinstance(node, list):
        for item in node:
            yield from _workspaces_in(item, depth + 1)
    if not isinstance(node, dict):
        return
    for name, value in node.items():
        if name in WORKSPACE_ARGUMENTS:
            yield from (str(each) for each in _items(value) if each)
        elif name in WORKSPACE_LISTS:
            yield from _workspaces_in_list(value)
        yield from _workspaces_in(value, depth + 1)


def _workspaces_in_list(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else _items(value):
        if isinstance(item, dict):
            yield from (str(item[n]) for n in ("id", "slug") if item.get(n))
        elif item:
            yield str(item)


def _items(value: Any) -> list[Any]:
    """A value as a list: one, several, or several in a text with commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return value if isinstance(value, list) else [value]


def _organisation_field(fields: list[Any]) -> str:
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
            for each in value if isinstance(value, dict | list) else _items(value):
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


def _rows_field(decoded: Any) -> str | None:
    if not isinstance(decoded, dict):
        return None
    return next((name for name in ROWS if isinstance(decoded.get(name), list)), None)


def _is_listed(row: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    """Whether a workspace fits the filters of a list."""
    name = str(row.get("name"))
    return (
        query.get("name", "") in name
        and name.endswith(query.get("exact_name", ""))
        and query.get("status") in (None, row.get("status"))
    )


def _slug_first(name: str) -> tuple[bool, str]:
    return not name.startswith("ws-"), name

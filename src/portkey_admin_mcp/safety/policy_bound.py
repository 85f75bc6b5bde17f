"""The bound on workspaces: what every request of a call must keep to, and every answer.

It stands between the client and its transport, so that workflows and previews cannot pass it. What
it cannot prove to be in an allowed workspace is refused.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ..errors import NotPermitted
from ..models.core.base import unwrapped
from ..portkey.api import Portkey
from ..portkey.http.answer import Answer
from ..portkey.transport import Transport
from .policy_lookup import Lookup, Names
from .policy_reach import WORKSPACES, Place, place_of
from .policy_request import (
    Request,
    named_in,
    names_place,
    organisation_field,
    references_in,
    request_of,
    where,
    workspaces_in,
)

ROWS = ("data", "records", "mappings", "servers", "objects")
"""Fields of an answer that hold the rows of a list."""
LINK = "signed_url"
"""The field of an answer that holds the address of a file, which may then be read."""


class Bound:
    """The transport of one call that may only reach these workspaces."""

    def __init__(self, transport: Transport, api: Portkey, allowed: Iterable[Names]) -> None:
        self._forward = transport
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
            return await self._forward(method, target, headers, body)
        request = request_of(method, target, body)
        place = place_of(method, request.segments)
        await self._check(request, place)
        if place == (Place("list", WORKSPACES)):
            return await self._own_workspaces(request, headers)
        answer = await self._forward(method, target, headers, body)
        if place.reach == "none" or not 200 <= answer[0] < 300:
            return answer
        return await self._checked(request, place, answer)

    async def _check(self, request: Request, place: Place) -> None:
        """Raise NotPermitted unless all that a request names is in an allowed workspace."""
        if place.reach == "none":
            return
        named = [*workspaces_in(request.fields)]
        for name in named:
            self._require(name)
        is_audit = request.segments == ("audit-logs",) and bool(named)
        if not is_audit and (field := organisation_field(request.fields)):
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
        elif place.collection != WORKSPACES and not names_place(request):
            raise NotPermitted(f"name the workspace: {self._only()}")

    async def _own_workspaces(self, request: Request, headers: Mapping[str, str]) -> Answer:
        """The list of the allowed workspaces, each read by its name."""
        rows = []
        for names in self._groups:
            name = quote(min(names, key=_slug_first), safe="")
            status, more, content = await self._forward(
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
        owner = await self._lookup.owner(collection, object_id, where(request))
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
        if not content:
            return answer
        decoded = _decoded(content)
        if place.reach == "item" and len(request.segments) == len(place.collection) + 1:
            await self._require_answer(request, decoded)
        elif isinstance(decoded, list):
            rows = [row for row in decoded if self._is_allowed(row)]
            return status, headers, json.dumps(rows, ensure_ascii=False).encode()
        elif (rows_in := _rows_field(decoded)) is not None:
            return status, headers, self._filtered(decoded, rows_in, content)
        elif (owner := named_in(unwrapped(decoded))) is not None:
            self._require(owner)
        inner = unwrapped(decoded)
        if isinstance(inner, dict) and isinstance(link := inner.get(LINK), str):
            self._links.add(link)
        return answer

    async def _require_answer(self, request: Request, decoded: Any) -> None:
        """Raise NotPermitted unless an object that was read, not changed, is in a workspace here.

        One that is changed was looked up before.
        """
        owner = await self._lookup.owner_in(unwrapped(decoded), where(request))
        if owner is None and request.method == "GET":
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


def _decoded(content: bytes) -> Any:
    """The object or list of an answer; raises NotPermitted if it is neither."""
    try:
        decoded = json.loads(content)
    except ValueError:
        decoded = None
    if not isinstance(decoded, dict | list):
        raise NotPermitted("the answer cannot be read, so its workspace is not known")
    return decoded


def _rows_field(decoded: dict[str, Any]) -> str | None:
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

"""Routes, request bodies, and requests as handlers see them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from .answers import Refusal, forbidden, invalid, list_answer, not_found
from .bodies import Body
from .rows import Row, Rows, StoredTable
from .store import Store

Handler = Callable[["Call"], Any]
Who = Literal["admin", "any", "workspace", "anyone"]
AnyOf = tuple[str, ...]
Scopes = frozenset[AnyOf]

ADMIN = "organisation-service"
VERSIONS = ("v1", "v2")
VERSION = ":version"
ORGANISATION = "_organisation"
"""The table with settings of the organisation: its plan, its default guardrails, its exclusions."""


B = TypeVar("B", bound=Body)


@dataclass(frozen=True)
class Route:
    """One endpoint.

    `who` may call it: keys of the organisation ("admin"), of a workspace ("workspace"), both
    ("any"), or anyone without a key ("anyone"). Of each tuple in `scopes` the key needs one.
    `enterprise` endpoints are refused on other plans.
    """

    endpoint: str
    method: str
    segments: tuple[str, ...]
    """The segments of the path; VERSION stands for `v1` or `v2`."""
    scopes: Scopes
    who: Who
    enterprise: bool
    handler: Handler


ROUTES: dict[str, Route] = {}
_BY_SHAPE: dict[tuple[str, int], list[Route]] = {}


def all_of(*scopes: str | AnyOf) -> Scopes:
    """Scopes that a key needs all of; of a tuple among them it needs any one."""
    return frozenset((scope,) if isinstance(scope, str) else scope for scope in scopes)


def route(
    endpoint: str,
    *,
    scope: str | AnyOf | Scopes | None,
    who: Who = "any",
    base: Literal["v1", "root"] = "v1",
    enterprise: bool = False,
) -> Callable[[Handler], Handler]:
    """Declare the handler of an endpoint, written exactly as its tool writes it.

    `scope` is None if no scope is needed. Of a tuple, the key needs any one; the handler then
    checks for the scope that the object needs. `base` is "root" for a path that names its version,
    or that has none. Every route with a version is served under `/v1` and `/v2`: Portkey's
    documentation and clients use both.
    """
    method, path = endpoint.split()
    segments = tuple(path.split("/")[1:])
    if base == "v1":
        segments = (VERSION, *segments)
    elif segments[0] in VERSIONS:
        segments = (VERSION, *segments[1:])
    scopes = scope if isinstance(scope, frozenset) else all_of(*([scope] if scope else ()))

    def register(handler: Handler) -> Handler:
        new = Route(endpoint, method, segments, scopes, who, enterprise, handler)
        ROUTES[endpoint] = new
        _BY_SHAPE.setdefault((method, len(segments)), []).append(new)
        return handler

    return register


def kind_of(table: str) -> str:
    """The name of a kind of row, from the name of its table: `virtual key`."""
    return table.strip("_").replace("_", " ").removesuffix("s")


def match(method: str, path: Sequence[str]) -> tuple[Route, dict[str, str]]:
    """Find the route of a path, given in segments, and the values of its placeholders.

    A literal segment wins over a placeholder. Raises Refusal (404) if no route fits.
    """
    candidates = [r for r in _BY_SHAPE.get((method, len(path)), ()) if _fits(r.segments, path)]
    if not candidates:
        raise Refusal(404, "Not found")
    best = min(candidates, key=lambda r: [s.startswith("{") for s in r.segments])
    ids = {}
    for segment, value in zip(best.segments, path, strict=True):
        name, brace, ending = segment[1:].partition("}")
        if brace:
            ids[name] = value.removesuffix(ending)
    return best, ids


def _fits(segments: Sequence[str], path: Sequence[str]) -> bool:
    return all(map(_segment_fits, segments, path))


def _segment_fits(segment: str, value: str) -> bool:
    """Whether a literal equals the value, or the value has the suffix after the placeholder."""
    if segment == VERSION:
        return value in VERSIONS
    if not segment.startswith("{"):
        return segment == value
    return value.endswith(segment.partition("}")[2])


@dataclass
class Call:
    """One request as a handler sees it: authenticated, routed and decoded.

    `key` is the row of the API key, `ids` the values of the path's placeholders.
    """

    store: Store
    key: Row
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = field(default_factory=dict)
    host: str = ""
    """The host that the request names, for links back to this emulator; empty in process."""

    def table(self, name: str) -> StoredTable:
        """The rows of a table."""
        return self.store.table(name)

    def check_permissions(self, route: Route) -> None:
        """Refuse a key of the wrong type or without the scopes, and a plan without the endpoint."""
        if route.who == "admin" and not self.is_admin:
            raise forbidden()
        if route.who == "workspace" and self.is_admin and not self.is_owner:
            raise forbidden()
        if route.enterprise and self.plan != "enterprise":
            raise forbidden()
        for any_of in route.scopes:
            if not any(map(self.may, any_of)):
                raise forbidden()

    def check_workspace(self) -> None:
        """Refuse a workspace's key whose request names another workspace."""
        workspace = None if self.is_admin else self.named_workspace()
        if workspace is not None and workspace["id"] != self.key["workspace_id"]:
            raise forbidden()

    @property
    def plan(self) -> str:
        """The plan of the organisation: enterprise, pro or free."""
        row = self.table(ORGANISATION).get("plan")
        return "enterprise" if row is None else str(row["plan"])

    def require(self, scope: str) -> None:
        """Refuse a key that does not have this scope."""
        if not self.may(scope):
            raise forbidden()

    def may(self, scope: str) -> bool:
        """Whether the key has this scope. Scopes are exact: `list` does not grant `read`."""
        return self.is_owner or scope in self.key["scopes"]

    @property
    def organisation(self) -> str:
        """The id of the only organisation."""
        return str(self.key["organisation_id"])

    @property
    def actor(self) -> str | None:
        """The id of the key's user, for `created_by` and the like; None for a service key."""
        return self.key.get("user_id")

    @property
    def author(self) -> str:
        """The id of the key's user, or of a service key itself."""
        return str(self.actor or self.key["id"])

    @property
    def is_owner(self) -> bool:
        """Whether this is the `owner` key, which may do everything. Portkey has no such key."""
        return bool(self.key.get("_owner"))

    @property
    def is_admin(self) -> bool:
        """Whether the key belongs to the organisation, not to one workspace."""
        return bool(self.key["type"] == ADMIN)

    def read(self, shape: type[B]) -> B:
        """Decode the body, or refuse it with AB01."""
        return self.shaped(shape, self.body)

    @staticmethod
    def shaped(shape: type[B], value: Any) -> B:
        """Decode a value of the body, or refuse it with AB01."""
        try:
            return shape.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            raise invalid(".".join(map(str, first["loc"])) or "body", first["msg"]) from None

    def workspace(self) -> Row:
        """The workspace that this request is about.

        For a workspace's key it is the key's own. The organisation's keys must name one, by id or
        slug, in the query or the body; otherwise they are refused with AB03 (Portkey's help
        center). For the `owner` key it is the default workspace unless another is named.
        """
        if self.is_admin:
            workspace = self.named_workspace()
            if workspace is None and self.is_owner:
                return self.default_workspace()
        else:
            workspace = self.table("workspaces").get(self.key["workspace_id"])
        if workspace is None:
            raise forbidden()
        return workspace

    def default_workspace(self) -> Row:
        """The workspace that every organisation has."""
        workspaces = self.table("workspaces").rows()
        return next(each for each in workspaces if each["defaults"]["is_default"])

    def named_workspace(self) -> Row | None:
        """The workspace that the request names by id or slug; None if it names none.

        An unknown name is refused with AB03, like a workspace that the key may not see.
        """
        name = self.query.get("workspace_id")
        if name is None and isinstance(self.body, dict):
            name = self.body.get("workspace_id")
        if not name:
            return None
        workspace = self.table("workspaces").find(name)
        if workspace is None:
            raise forbidden()
        return workspace

    def find_within(self, table: str, name: str) -> Row:
        """The row with this id or slug, in the workspace that this request is about.

        A key of the organisation need not name the workspace: the row names it (as the Terraform
        provider and the Python SDK rely on). If it does name one, the row must be in it.
        """
        row = self.find(table, name)
        named = self.named_workspace()
        if named is not None and row["workspace_id"] != named["id"]:
            raise forbidden()
        return row

    def find(self, table: str, name: str) -> Row:
        """The row with this id or slug, if this key may see it.

        A row of another workspace, and one that was deleted, is refused with 403 rather than 404.
        """
        row = self.table(table).find(name)
        if row is None:
            if self.store.was_deleted(table, name):
                raise forbidden()
            raise not_found(kind_of(table), name)
        if not self.is_admin and row.get("workspace_id") not in (None, self.key["workspace_id"]):
            raise forbidden()
        return row

    def listing(
        self,
        rows: Rows | Sequence[Row],
        *,
        render: Callable[[Row], Any] | None = None,
        keep: Callable[[Row], bool] | None = None,
        max_size: int = 100,
        default_size: int | None = None,
        parameters: tuple[str, str] = ("current_page", "page_size"),
        first_page: int = 0,
    ) -> dict[str, Any]:
        """A page of rows, newest first; `total` is the number of rows on all pages.

        `rows` are oldest first. Rows for which `keep` is false are neither listed nor counted.
        `render` turns a row into its form in the answer. `default_size` is the length of a page if
        the query names none; without it, the answer has all rows. `parameters` are the names of
        page number and page size in the query; `first_page` is the number of the first page.
        """
        rows = rows if keep is None else [row for row in rows if keep(row)]
        skip, count = self.page_range(len(rows), max_size, default_size, parameters, first_page)
        if isinstance(rows, Rows):
            page = rows.newest(skip, count)
        else:
            page = list(rows[::-1][skip : skip + count])
        return list_answer(page, total=len(rows), render=render)

    def page_range(
        self,
        total: int,
        max_size: int = 100,
        default_size: int | None = None,
        parameters: tuple[str, str] = ("current_page", "page_size"),
        first_page: int = 0,
    ) -> tuple[int, int]:
        """How many rows the page that the query asks for skips, and how many it has at most."""
        number_name, size_name = parameters
        number = self.query_number(number_name, first_page) or 0
        size = self.query_number(size_name, None)
        if number < first_page:
            raise invalid(number_name, f"must be a whole number from {first_page}")
        if size is not None and not 1 <= size <= max_size:
            raise invalid(size_name, f"must be from 1 to {max_size}")
        # Live lists had all rows if the query named no size; a page number alone means 50 a page.
        size = size or default_size or (50 if number_name in self.query else total or 1)
        return (number - first_page) * size, size

    def query_number(self, name: str, default: int | None) -> int | None:
        """A whole number of the query, or the default if it is missing; others are refused."""
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise invalid(name, "must be a whole number from 0")
        return int(text)

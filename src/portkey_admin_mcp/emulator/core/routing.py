"""How the emulator answers: routes, one request as a handler sees it, Portkey's refusals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .rows import Row, Rows, StoredTable
from .store import Store

Handler = Callable[["Call"], Any]
Who = Literal["admin", "any", "workspace", "anyone"]
AnyOf = tuple[str, ...]
Scopes = frozenset[AnyOf]

ADMIN = "organisation-service"
CODES = {400: "AB01", 401: "AB05", 402: "AB09", 403: "AB03", 404: "AB08", 409: "AB07", 429: "AB06"}
NO_PERMISSION = "You do not have enough permissions to execute this request"
ORGANISATION = "_organisation"
"""The table with the one row that says what plan the organisation is on."""


class Refusal(Exception):
    """Answer with an error, in Portkey's form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    def body(self) -> dict[str, Any]:
        """The documented form of a control-plane error."""
        code = CODES.get(self.status, "AB04")
        return {"success": False, "data": {"message": self.message, "errorCode": code}}


def forbidden() -> Refusal:
    """The answer to a missing scope, and to what this key may not see."""
    return Refusal(403, NO_PERMISSION)


def invalid(name: str, problem: str) -> Refusal:
    """The answer to a field that does not fit."""
    return Refusal(400, f"Invalid request. {name}: {problem}")


class Reply(NamedTuple):
    """An answer that is not JSON."""

    content: bytes
    content_type: str
    status: int = 200


class Body(BaseModel):
    """A request body: known fields are checked, unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)


class StrictBody(Body):
    """A part of a request body in which unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


B = TypeVar("B", bound=Body)


@dataclass(frozen=True)
class Route:
    """One endpoint: who may call it, with which scopes, and what answers."""

    endpoint: str
    method: str
    segments: tuple[str, ...]
    scopes: Scopes
    who: Who
    enterprise: bool
    handler: Handler


ROUTES: dict[str, Route] = {}
_BY_SHAPE: dict[tuple[str, int], list[Route]] = {}


def all_of(*scopes: str | AnyOf) -> Scopes:
    """Scopes that are all needed; of a tuple among them any one will do."""
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

    `scope` is None where none is needed, a tuple where any one will do; the handler then asks for
    the one that the object needs. `base` is "root" for a path that does not lie under `/v1`.
    """
    method, path = endpoint.split()
    segments = tuple(f"/v1{path}".split("/")[1:]) if base == "v1" else tuple(path.split("/")[1:])
    scopes = scope if isinstance(scope, frozenset) else all_of(*([scope] if scope else ()))

    def note(handler: Handler) -> Handler:
        noted = Route(endpoint, method, segments, scopes, who, enterprise, handler)
        ROUTES[endpoint] = noted
        _BY_SHAPE.setdefault((method, len(segments)), []).append(noted)
        return handler

    return note


def match(method: str, asked: Sequence[str]) -> tuple[Route, dict[str, str]]:
    """Find the endpoint of a path; a literal segment wins over a placeholder."""
    fits = [r for r in _BY_SHAPE.get((method, len(asked)), ()) if _fits(r.segments, asked)]
    if not fits:
        raise Refusal(404, "Not found")
    best = min(fits, key=lambda r: [s.startswith("{") for s in r.segments])
    ids = {}
    for segment, value in zip(best.segments, asked, strict=True):
        name, brace, ending = segment[1:].partition("}")
        if brace:
            ids[name] = value.removesuffix(ending)
    return best, ids


def _fits(segments: Sequence[str], asked: Sequence[str]) -> bool:
    return all(map(_segment_fits, segments, asked))


def _segment_fits(segment: str, asked: str) -> bool:
    """Whether a literal is the same, or a placeholder has the ending that follows it."""
    if not segment.startswith("{"):
        return segment == asked
    return asked.endswith(segment.partition("}")[2])


@dataclass
class Call:
    """One request as a handler sees it: authenticated, routed and decoded."""

    store: Store
    key: Row
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = field(default_factory=dict)
    host: str = ""
    """Where this was asked over HTTP, for links that lead back here."""

    def table(self, name: str) -> StoredTable:
        """The rows of one kind."""
        return self.store.table(name)

    def admit(self, route: Route) -> None:
        """Refuse a key of the wrong kind, without the scopes, or on a lesser plan."""
        if route.who == "admin" and not self.is_admin:
            raise forbidden()
        if route.who == "workspace" and self.is_admin and not self.may_everything:
            raise forbidden()
        if route.enterprise and self.plan != "enterprise":
            raise forbidden()
        for any_of in route.scopes:
            if not any(map(self.may, any_of)):
                raise forbidden()

    def stay_within(self) -> None:
        """Refuse a workspace's key that names another workspace, whatever it asks for."""
        named = None if self.is_admin else self.named_workspace()
        if named is not None and named["id"] != self.key["workspace_id"]:
            raise forbidden()

    @property
    def plan(self) -> str:
        """What the organisation pays for: enterprise, pro or free."""
        row = self.table(ORGANISATION).get("plan")
        return "enterprise" if row is None else str(row["plan"])

    def require(self, scope: str) -> None:
        """Refuse a key without this scope."""
        if not self.may(scope):
            raise forbidden()

    def may(self, scope: str) -> bool:
        """Whether the key has this scope. Scopes are exact: `list` does not grant `read`."""
        return self.may_everything or scope in self.key["scopes"]

    @property
    def organisation(self) -> str:
        """The id of the only organisation there is."""
        return str(self.key["organisation_id"])

    @property
    def actor(self) -> str | None:
        """Who a row says made or changed it: the key's user, if it has one."""
        return self.key.get("user_id")

    @property
    def may_everything(self) -> bool:
        """Whether this is the sandbox's `owner` key, a departure from Portkey."""
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
        """Decode a part of a body, or refuse it with AB01."""
        try:
            return shape.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            raise invalid(".".join(map(str, first["loc"])) or "body", first["msg"]) from None

    def workspace(self) -> Row:
        """The workspace this request is about.

        A workspace key is pinned to its own; an admin key names one, by id or slug, in the
        query or the body, and without a name is refused with AB03 (Portkey's help center).
        """
        if self.is_admin:
            named = self.named_workspace()
            if named is None and self.may_everything:
                return self.default_workspace()
        else:
            named = self.table("workspaces").get(self.key["workspace_id"])
        if named is None:
            raise forbidden()
        return named

    def default_workspace(self) -> Row:
        """The workspace every organisation has."""
        homes = self.table("workspaces").rows()
        return next(home for home in homes if home["defaults"]["is_default"])

    def named_workspace(self) -> Row | None:
        """The workspace a request names; an unknown name is refused, as a hidden one is."""
        given = self.query.get("workspace_id")
        if given is None and isinstance(self.body, dict):
            given = self.body.get("workspace_id")
        if not given:
            return None
        found = self.table("workspaces").find(given)
        if found is None:
            raise forbidden()
        return found

    def find_within(self, table: str, name: str) -> Row:
        """The row of this id or slug, in the workspace this request is about."""
        row = self.find(table, name)
        unnamed = self.may_everything and self.named_workspace() is None
        if not unnamed and row["workspace_id"] != self.workspace()["id"]:
            raise forbidden()
        return row

    def find(self, table: str, name: str) -> Row:
        """The row of this id or slug, if this key may see it.

        What another workspace owns, or what was deleted, is refused with 403 rather than 404.
        """
        row = self.table(table).find(name)
        if row is None:
            raise forbidden() if self.store.was_deleted(table, name) else Refusal(404, "Not found")
        if not self.is_admin and row.get("workspace_id") not in (None, self.key["workspace_id"]):
            raise forbidden()
        return row

    def listing(
        self,
        rows: Rows | Sequence[Row],
        *,
        render: Callable[[Row], Any] | None = None,
        keep: Callable[[Row], bool] | None = None,
        most: int = 100,
        usual: int | None = None,
        names: tuple[str, str] = ("current_page", "page_size"),
        first: int = 0,
    ) -> dict[str, Any]:
        """A page of rows, newest first; `total` counts all.

        `rows` are oldest first. Only the rows shown are rendered, those that `keep` refuses are
        not counted. `usual` is how many a page has where no size is asked for; without one,
        everything is shown. `first` is the number of the first page.
        """
        found = rows if keep is None else [row for row in rows if keep(row)]
        skip, count = self.window(len(found), most, usual, names, first)
        if isinstance(found, Rows):
            shown = found.newest(skip, count)
        else:
            shown = list(found[::-1][skip : skip + count])
        return whole_list(shown, total=len(found), render=render)

    def window(
        self,
        total: int,
        most: int = 100,
        usual: int | None = None,
        names: tuple[str, str] = ("current_page", "page_size"),
        first: int = 0,
    ) -> tuple[int, int]:
        """How many rows a page skips, and how many it shows at most."""
        current, size = names
        page = self.whole_number(current, first) or 0
        per_page = self.whole_number(size, None)
        if page < first:
            raise invalid(current, f"must be a whole number from {first}")
        if per_page is not None and not 1 <= per_page <= most:
            raise invalid(size, f"must be from 1 to {most}")
        # Live lists came back whole when no size was asked for; a page alone means 50 a page.
        per_page = per_page or usual or (50 if current in self.query else total or 1)
        return (page - first) * per_page, per_page

    def whole_number(self, name: str, default: int | None) -> int | None:
        """A number of the query, or the default; anything else is refused."""
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise invalid(name, "must be a whole number from 0")
        return int(text)


def whole_list(
    rows: Iterable[Row], *, total: int | None = None, render: Callable[[Row], Any] | None = None
) -> dict[str, Any]:
    """A list as Portkey answers it, of rows in the order shown."""
    data = [(render or public)(row) for row in rows]
    return {"object": "list", "total": len(data) if total is None else total, "data": data}


def public(row: Row) -> dict[str, Any]:
    """The row without what only the emulator knows."""
    return {name: value for name, value in row.items() if not name.startswith("_")}

"""How the emulator answers: routes, one request as a handler sees it, Portkey's refusals."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from .store import Row, Store, Table, instant, moment

Handler = Callable[["Call"], Any]
Who = Literal["admin", "any"]

ADMIN = "organisation-service"
CODES = {400: "AB01", 401: "AB05", 402: "AB09", 403: "AB03", 404: "AB08", 409: "AB07", 429: "AB06"}
NO_PERMISSION = "You do not have enough permissions to execute this request"


class Refusal(Exception):
    """Answer with an error, in Portkey's form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    def body(self) -> Row:
        """The documented form of a control-plane error."""
        code = CODES.get(self.status, "AB04")
        return {"success": False, "data": {"message": self.message, "errorCode": code}}


def forbidden() -> Refusal:
    """The answer to a missing scope, and to what this key may not see."""
    return Refusal(403, NO_PERMISSION)


class Body(BaseModel):
    """A request body: what is known is checked, what is not is ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Strict(Body):
    """A part of a body in which nothing unknown is allowed."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _midnight(text: str) -> str:
    return moment(instant(text).replace(hour=0, minute=0, second=0))


Time = Annotated[str, AfterValidator(lambda text: moment(instant(text)))]
Midnight = Annotated[str, AfterValidator(_midnight)]
"""A time that Portkey moves back to the start of its day, UTC."""

B = TypeVar("B", bound=Body)


@dataclass(frozen=True)
class Route:
    """One endpoint: who may call it, with which scope, and what answers."""

    method: str
    segments: tuple[str, ...]
    scope: str | None
    who: Who
    handler: Handler


ROUTES: dict[str, Route] = {}


def route(endpoint: str, *, scope: str | None, who: Who = "any") -> Callable[[Handler], Handler]:
    """Declare the handler of an endpoint, written exactly as its tool writes it.

    A `scope` of None is decided by the handler, where it depends on the object.
    """
    method, path = endpoint.split()

    def note(handler: Handler) -> Handler:
        ROUTES[endpoint] = Route(method, tuple(path.split("/")[1:]), scope, who, handler)
        return handler

    return note


@dataclass
class Call:
    """One request as a handler sees it: authenticated, routed and decoded."""

    store: Store
    key: Row
    ids: dict[str, str]
    query: dict[str, str]
    body: Any = field(default_factory=dict)

    def table(self, name: str) -> Table:
        """The rows of one kind."""
        return self.store.tables[name]

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
            place = ".".join(map(str, first["loc"])) or "body"
            raise Refusal(400, f"Invalid request. {place}: {first['msg']}") from None

    def workspace(self) -> Row:
        """The workspace this request is about.

        A workspace key is pinned to its own; an admin key names one, by id or slug, in the
        query or the body, and without a name is refused with AB03 (Portkey's help center).
        """
        named = self.named_workspace()
        if self.is_admin:
            if named is None and self.may_everything:
                return self.default_workspace()
            if named is None:
                raise forbidden()
            return named
        own = self.table("workspaces").get(self.key["workspace_id"])
        if own is None or (named is not None and named is not own):
            raise forbidden()
        return own

    def default_workspace(self) -> Row:
        """The workspace every organisation has."""
        homes = self.table("workspaces").values()
        return next(home for home in homes if home["defaults"]["is_default"])

    def named_workspace(self) -> Row | None:
        """The workspace a request names; an unknown name is refused, as a hidden one is."""
        given = self.query.get("workspace_id")
        if given is None and isinstance(self.body, dict):
            given = self.body.get("workspace_id")
        if not given:
            return None
        found = by_name(self.table("workspaces"), given)
        if found is None:
            raise forbidden()
        return found

    def find_within(self, table: str, name: str) -> Row:
        """The row of this slug, in the workspace this request is about."""
        row = self.find(table, name)
        unnamed = self.may_everything and self.named_workspace() is None
        if not unnamed and row["workspace_id"] != self.workspace()["id"]:
            raise forbidden()
        return row

    def find(self, table: str, name: str) -> Row:
        """The row of this id or slug, if this key may see it.

        What another workspace owns, or what was deleted, is refused with 403 rather than 404.
        """
        row = by_name(self.table(table), name)
        if row is None:
            raise forbidden() if self.store.was(table, name) else Refusal(404, "Not found")
        if not self.is_admin and row.get("workspace_id") not in (None, self.key["workspace_id"]):
            raise forbidden()
        return row

    def listing(
        self,
        rows: Iterable[Row],
        *,
        most: int = 100,
        names: tuple[str, str] = ("current_page", "page_size"),
    ) -> Row:
        """A page of rows, newest first; `total` counts all. Without paging, everything."""
        found = list(rows)[::-1]
        current, size = names
        page, per_page = self._whole(current, 0), self._whole(size, None)
        if per_page is not None and not 1 <= per_page <= most:
            raise Refusal(400, f"Invalid request. {size}: must be from 1 to {most}")
        # Live lists came back whole when no size was asked for; a page alone means 50 a page.
        per_page = per_page or (50 if current in self.query else len(found) or 1)
        shown = found[(page or 0) * per_page :][:per_page]
        return whole_list(shown, total=len(found))

    def _whole(self, name: str, default: int | None) -> int | None:
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise Refusal(400, f"Invalid request. {name}: must be a whole number from 0")
        return int(text)


def by_name(table: Table, name: Any) -> Row | None:
    """The row of this id or slug."""
    if not isinstance(name, str):
        return None
    return table.get(name) or next((r for r in table.values() if r.get("slug") == name), None)


def whole_list(rows: Iterable[Row], *, total: int | None = None) -> Row:
    """A list as Portkey answers it, of rows in the order shown."""
    data = [public(row) for row in rows]
    return {"object": "list", "total": len(data) if total is None else total, "data": data}


def public(row: Row) -> Row:
    """The row without what only the emulator knows."""
    return {name: value for name, value in row.items() if not name.startswith("_")}

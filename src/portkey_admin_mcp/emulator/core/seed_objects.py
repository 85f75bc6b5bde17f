"""Creates the objects of a seed file through the endpoints of the emulator.

An entry holds the fields of the request that creates the object, and may hold:

- `workspace`: the name of a workspace, instead of `workspace_id`
- `user`: the email address of a user, instead of `user_id`
- `slug`: for every object that has one, also where Portkey chooses it
- of an API key: `type` and `sub_type` (by default, a service key of a workspace), `key`, which is
  then its secret, and `scopes: all`
- in any text: `${COLLECTION.NAME.FIELD}`, a field of an object that exists already
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..users import accept_invitation
from .answers import Refusal, public
from .routing import ROUTES, B, Call, Route
from .rows import Row
from .seed_file import Document, SeedError, advice
from .seeder import all_scopes, workspace_scopes
from .store import Store

Created = dict[str, dict[str, Row]]
"""The created objects, by collection and name: their rows, and what the answers had besides."""
Observer = Callable[[Call, Route], None]


@dataclass(frozen=True)
class Collection:
    """One kind of object of a seed file."""

    endpoint: str
    """Creates an object."""
    table: str
    name_field: str = "name"
    """Tells the objects apart."""


COLLECTIONS = {
    "users": Collection("POST /admin/users/invites", "users", "email"),
    "workspaces": Collection("POST /admin/workspaces", "workspaces"),
    "secret_references": Collection("POST /secret-references", "secret_references"),
    "integrations": Collection("POST /integrations", "integrations"),
    "providers": Collection("POST /providers", "virtual_keys"),
    "virtual_keys": Collection("POST /virtual-keys", "virtual_keys"),
    "guardrails": Collection("POST /guardrails", "guardrails"),
    "configs": Collection("POST /configs", "configs"),
    "api_keys": Collection("POST /api-keys/{type}/{sub_type}", "api_keys"),
    "collections": Collection("POST /collections", "collections"),
    "labels": Collection("POST /labels", "labels"),
    "partials": Collection("POST /prompts/partials", "partials"),
    "prompts": Collection("POST /prompts", "prompts"),
    "usage_limits": Collection("POST /policies/usage-limits", "usage_limits"),
    "rate_limits": Collection("POST /policies/rate-limits", "rate_limits"),
    "mcp_integrations": Collection("POST /mcp-integrations", "mcp_integrations"),
    "mcp_servers": Collection("POST /mcp-servers", "mcp_servers"),
}
"""By the name in the file, in the order of creation: each may refer to those before it."""
REFERENCE = re.compile(rf"\$\{{({'|'.join(COLLECTIONS)})\.([^{{}}]+)\.(\w+)\}}")
SLUG = re.compile(r"[a-zA-Z0-9_-]{1,255}")


class _Entry(dict[str, Any]):
    """The body of a request that remembers which fields its handler read."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


@dataclass
class _SeedCall(Call):
    """A request of a seed, which knows which fields its body may have."""

    fields: set[str] = field(default_factory=set)
    """The fields of the models with which the handler has read the body."""

    def read(self, shape: type[B]) -> B:
        for name, info in shape.model_fields.items():
            self.fields |= {name, info.alias or name}
        return super().read(shape)


def create_objects(store: Store, document: Document, observer: Observer | None = None) -> Created:
    """Create the objects of a checked document; call it within a transaction.

    `observer` is called after each request. Raises SeedError.
    """
    creator = _Creator(store, observer)
    for name in COLLECTIONS:
        for index, entry in enumerate(document.get(name, ())):
            creator.create(name, index, entry)
    return creator.created


def find_object(store: Store, collection: str, name: str) -> Row | None:
    """The object of a collection with this name (users: email address), id or slug, if any.

    Of several, the newest. Raises SeedError for an unknown collection.
    """
    kind = COLLECTIONS.get(collection)
    if kind is None:
        raise SeedError(f"{collection}: no such collection; {advice(collection, COLLECTIONS)}")
    table = store.table(kind.table)
    row = next(reversed(table.where(**{kind.name_field: name})), None) or table.find(name)
    return None if row is None else public(row)


class _Creator:
    """Creates objects one by one, and remembers them."""

    def __init__(self, store: Store, observer: Observer | None) -> None:
        self.store = store
        self.observer = observer
        self.created: Created = {}
        rows = store.table("api_keys").rows()
        self.owner = next(row for row in rows if row.get("_owner"))

    def create(self, collection: str, index: int, entry: Mapping[str, Any]) -> None:
        """Create the object of one entry. Raises SeedError."""
        kind, place = COLLECTIONS[collection], f"{collection}[{index}]"
        name = entry.get(kind.name_field)
        if not isinstance(name, str) or not name:
            raise SeedError(f"{place}.{kind.name_field}: is missing; give the object one")
        if name in self.created.get(collection, {}):
            raise SeedError(f"{place}.{kind.name_field}: {name!r} is there twice; rename one")
        body = self._body(collection, place, {**entry})
        ids = {each: body.pop(each) for each in ("type", "sub_type") if collection == "api_keys"}
        options = _take_options(collection, body)
        call = _SeedCall(self.store, self.owner, ids, {}, _Entry(body))
        answer = self._request(kind.endpoint, call, place)
        self._check_fields(call, place)
        row = self._row(kind, call, answer)
        row = self._with_options(kind, row, options, place)
        visible = {**public(row), **{k: v for k, v in answer.items() if k not in row}}
        if collection == "api_keys":
            visible["key"] = row["_secrets"][0]["value"]
        self.created.setdefault(collection, {})[name] = visible

    def _body(self, collection: str, place: str, body: dict[str, Any]) -> dict[str, Any]:
        """The body of the request, from an entry without the fields that only entries have."""
        body = {name: self._resolved(value, f"{place}.{name}") for name, value in body.items()}
        for short, long, kind in (
            ("workspace", "workspace_id", "workspaces"),
            ("user", "user_id", "users"),
        ):
            if short in body:
                body[long] = self._field(kind, body.pop(short), "id", f"{place}.{short}")
        if collection == "workspaces" and isinstance(body.get("users"), list):
            body["users"] = [
                self._field("users", user, "id", f"{place}.users[{index}]")
                for index, user in enumerate(body["users"])
            ]
        if collection == "api_keys":
            self._complete_api_key(body, place)
        if collection == "prompts":
            body.setdefault("parameters", {})
            body.setdefault("collection_id", self._default_collection(body))
        if collection == "users":
            body.setdefault("role", "member")
        return body

    def _complete_api_key(self, body: dict[str, Any], place: str) -> None:
        if find_seeded(self.store, body["name"]):
            raise SeedError(f"{place}.name: the key {body['name']!r} exists already; rename it")
        body.setdefault("type", "workspace")
        body.setdefault("sub_type", "user" if "user_id" in body else "service")
        of_workspace = body["type"] == "workspace"
        if of_workspace and "workspace_id" not in body:
            body["workspace_id"] = self._call({}).default_workspace()["id"]
        if body.get("scopes", "all") == "all":
            body["scopes"] = workspace_scopes() if of_workspace else all_scopes()

    def _default_collection(self, body: Mapping[str, Any]) -> Any:
        workspace = self._call({"workspace_id": body.get("workspace_id")}).workspace()
        rows = self.store.table("collections").where(workspace_id=workspace["id"])
        return next((row["id"] for row in rows if row["is_default"]), None)

    def _call(self, body: Any) -> Call:
        return Call(self.store, self.owner, {}, {}, body)

    def _request(self, endpoint: str, call: _SeedCall, place: str) -> Row:
        route = ROUTES[endpoint]
        try:
            answer: Row = route.handler(call)
        except Refusal as refusal:
            raise SeedError(f"{place}{_problem(refusal, call.body)}") from None
        if self.observer is not None:
            self.observer(call, route)
        return answer

    def _check_fields(self, call: _SeedCall, place: str) -> None:
        """Refuse a field that the handler did not read: Portkey would ignore it."""
        allowed = call.fields | call.body.read | {"workspace_id"}
        for name in call.body:
            if name not in allowed:
                raise SeedError(f"{place}.{name}: no such field; {advice(name, allowed)}")

    def _row(self, kind: Collection, call: Call, answer: Row) -> Row:
        if kind.table == "users":
            invite = self.store.table("invites")[answer["id"]]
            return accept_invitation(call, invite)
        table = self.store.table(kind.table)
        row = table.find(answer.get("id") or answer["slug"])
        if row is None:
            raise LookupError(f"{kind.endpoint} created no row in {kind.table}")
        return row

    def _with_options(
        self, kind: Collection, row: Row, options: Mapping[str, Any], place: str
    ) -> Row:
        """The row with what no endpoint sets."""
        table = self.store.table(kind.table)
        if (slug := options.get("slug")) and slug != row.get("slug"):
            if not isinstance(slug, str) or not SLUG.fullmatch(slug):
                raise SeedError(f"{place}.slug: use letters, digits, '-' and '_' only")
            if "slug" not in row:
                raise SeedError(f"{place}.slug: such an object has no slug; leave it out")
            if table.find(slug):
                raise SeedError(f"{place}.slug: {slug!r} is in use; choose another")
            row = table.change(row, {"slug": slug})
        names = {name: options[name] for name in ("first_name", "last_name") if name in options}
        if names:
            row = table.change(row, names)
        if kind.table == "api_keys":
            row = table.change(row, {"_seed": row["name"]})
            if "key" in options:
                row = self._with_secret(row, options["key"], place)
        return row

    def _with_secret(self, row: Row, value: Any, place: str) -> Row:
        secrets = self.store.table("_secrets")
        if not isinstance(value, str) or not value.isascii() or not value.strip() == value != "":
            raise SeedError(f"{place}.key: must be text without spaces at its ends")
        if value in secrets:
            raise SeedError(f"{place}.key: another key has this secret; choose another")
        secrets.remove(secrets[row["_secrets"][0]["value"]])
        secrets.add({"id": value, "key_id": row["id"]})
        changes = {"_secrets": [{"value": value, "until": None}]}
        return self.store.table("api_keys").change(row, changes)

    def _resolved(self, value: Any, place: str) -> Any:
        """A value with the fields of other objects in place of references to them."""
        if isinstance(value, dict):
            return {k: self._resolved(each, f"{place}.{k}") for k, each in value.items()}
        if isinstance(value, list):
            return [self._resolved(each, f"{place}[{i}]") for i, each in enumerate(value)]
        if not isinstance(value, str):
            return value
        if match := REFERENCE.fullmatch(value):
            return self._referenced(match, place)
        return REFERENCE.sub(lambda each: str(self._referenced(each, place)), value)

    def _referenced(self, match: re.Match[str], place: str) -> Any:
        return self._field(match[1], match[2], match[3], place)

    def _field(self, collection: str, name: Any, column: str, place: str) -> Any:
        created = self.created.get(collection, {}).get(name) if isinstance(name, str) else None
        row = created or find_object(self.store, collection, str(name))
        if row is None:
            order, at = [*COLLECTIONS], place.partition("[")[0]
            cure = (
                f"define it under {collection!r}"
                if order.index(collection) <= order.index(at)
                else f"{collection!r} are created after {at!r}, so it cannot be named here"
            )
            raise SeedError(f"{place}: there is no {name!r} in {collection!r}; {cure}")
        if column not in row:
            raise SeedError(f"{place}: {name!r} has no field {column!r}; {advice(column, {*row})}")
        return row[column]


def find_seeded(store: Store, name: str) -> bool:
    """Whether `GET /emulator/keys` lists a key under this name."""
    return any(row.get("_seed") == name for row in store.table("api_keys").rows())


def _take_options(collection: str, body: dict[str, Any]) -> dict[str, Any]:
    """Take from a body what its endpoint does not know, and return it."""
    options = {"slug": body["slug"]} if "slug" in body else {}
    if collection not in TAKES_SLUG:
        body.pop("slug", None)
    special = {"users": ("first_name", "last_name"), "api_keys": ("key",)}
    taken = {name: body.pop(name) for name in special.get(collection, ()) if name in body}
    return {**options, **taken}


TAKES_SLUG = (
    "workspaces", "secret_references", "integrations", "providers", "mcp_integrations",
    "mcp_servers",
)  # fmt: skip
"""The collections whose endpoint takes a slug."""


def _problem(refusal: Refusal, body: Mapping[str, Any]) -> str:
    """What is wrong with an entry, from the refusal of its request, and the cure."""
    message = refusal.message.removeprefix("Invalid request. ")
    if refusal.status == 403:
        return (
            ": names an object that does not exist, or that its workspace may not use; name "
            "objects of the seed as ${COLLECTION.NAME.slug}, and give both the same workspace"
        )
    name, colon, problem = message.partition(": ")
    if refusal.status != 400 or not colon or " " in name:
        return f": {message}"
    first = name.partition(".")[0]
    outer = [field for field, value in body.items() if isinstance(value, dict) and first in value]
    if first not in body and len(outer) == 1:  # some handlers name the fields inside an object
        name = f"{outer[0]}.{name}"
    return f".{name}: {'is missing; add it' if problem == 'Field required' else problem}"

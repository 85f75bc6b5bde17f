"""Collections: folders of prompts. Every workspace has a default one."""

from typing import Any

from .core.answers import Refusal, invalid
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.store import Store
from .core.tables import OWNED_BY_WORKSPACE, Table


class CollectionBody(Body):
    """The body of a collection, new or renamed."""

    name: str | None = None
    parent_collection_id: str | None = None


@route("GET /collections", scope="prompts.list")
def list_collections(call: Call) -> Row:
    """A workspace's collections."""
    search = call.query.get("search", "").lower()
    return call.listing(
        call.table("collections").where(workspace_id=call.workspace()["id"]),
        keep=(lambda row: search in row["name"].lower()) if search else None,
        render=_answer,
    )


@route("POST /collections", scope="prompts.create")
def create_collection(call: Call) -> Row:
    """Create a collection, inside another one if the body names it."""
    workspace, body = call.workspace(), call.read(CollectionBody)
    if not body.name:
        raise invalid("name", "Field required")
    parent = body.parent_collection_id and call.find("collections", body.parent_collection_id)
    if parent and parent["workspace_id"] != workspace["id"]:
        raise invalid("parent_collection_id", "is in another workspace")
    row = _add(call.store, workspace, body.name, parent["id"] if parent else None)
    return {"id": row["id"], "slug": row["slug"]}


@route("GET /collections/{collection_id}", scope="prompts.read")
def get_collection(call: Call) -> Row:
    """One collection, with the collections inside it."""
    row = call.find("collections", call.ids["collection_id"])
    inside = call.table("collections").where(parent_collection_id=row["id"])
    return {**_answer(row), "child_collections": [_answer(child) for child in inside]}


@route("PUT /collections/{collection_id}", scope="prompts.update")
def update_collection(call: Call) -> Row:
    """Change the name; nothing else can change."""
    row, body = call.find("collections", call.ids["collection_id"]), call.read(CollectionBody)
    if not body.name:
        raise invalid("name", "Field required")
    changes = {"name": body.name, "last_updated_at": call.store.stamp()}
    call.table("collections").change(row, changes)
    return {}


@route("DELETE /collections/{collection_id}", scope="prompts.delete")
def delete_collection(call: Call) -> Row:
    """Delete a collection.

    Refused for the default one (404), and for one with prompts (409, an assumption).
    """
    row = call.find("collections", call.ids["collection_id"])
    if row["is_default"]:
        raise Refusal(404, "Default collection cannot be deleted")
    if reason := call.store.reason_to_refuse("collections", row):
        raise Refusal(409, f"Unable to delete. {reason}")
    call.store.delete("collections", row)
    return {}


def _add_default(call: Call, workspace: Row) -> None:
    _add(call.store, workspace, workspace["name"], None, is_default=True)


TABLES = (Table("collections", (OWNED_BY_WORKSPACE,), on_new_workspace=_add_default),)


def _add(
    store: Store, workspace: Row, name: str, parent_id: str | None, *, is_default: bool = False
) -> Row:
    now = store.stamp()
    return store.table("collections").add(
        {
            "id": store.uuid(),
            "slug": store.slug("co", name, 6),
            "name": name,
            "workspace_id": workspace["id"],
            "parent_collection_id": parent_id,
            "is_default": is_default,
            "status": "active",
            "created_at": now,
            "last_updated_at": now,
        }
    )


def _answer(row: Row) -> dict[str, Any]:
    """A collection in answers; without `parent_collection_id` if it has no parent."""
    return {k: v for k, v in row.items() if k != "parent_collection_id" or v is not None}


def seed(seeder: Seeder) -> None:
    """One collection, in the workspace Support."""
    support = seeder.workspace_named("Support")
    seeder.request("POST /collections", {"name": "Macros", "workspace_id": support["id"]})

"""Partials: texts that prompts share, with versions."""

from typing import Any, Literal

from .core.answers import Refusal, invalid, list_answer
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.tables import OWNED_BY_WORKSPACE, Table
from .shared.versions import Versions

VERSIONS = Versions("partial_versions", "partials")
TABLES = (Table("partials", (OWNED_BY_WORKSPACE,)), VERSIONS.declaration)


class PartialBody(Body):
    """The body of a partial, new or changed."""

    name: str | None = None
    string: str | None = None
    description: str | None = None
    version_description: str | None = None
    status: Literal["active", "archived"] | None = None


class PublicationBody(Body):
    """The number of the version to publish."""

    version: int


@route("POST /prompts/partials", scope="prompts.create")
def create_prompt_partial(call: Call) -> Row:
    """Create a partial; its first version is published."""
    workspace, body = call.workspace(), call.read(PartialBody)
    for name in ("name", "string"):
        if not getattr(body, name):
            raise invalid(name, "Field required")
    now = call.store.stamp()
    row = call.table("partials").add(
        {
            "id": call.store.uuid(),
            "slug": call.store.slug("pl", body.name or "", 6),
            "name": body.name,
            "collection_id": _default_collection(call, workspace),
            "created_at": now,
            "last_updated_at": now,
            "status": "active",
            "object": "partial",
            # Answers do not contain the workspace (seen by the Terraform provider).
            "workspace_id": workspace["id"],
        }
    )
    version = VERSIONS.add(call, row, _content(body), publish=True)
    return {"id": row["id"], "slug": row["slug"], "version_id": version["id"]}


@route("GET /prompts/partials", scope="prompts.list")
def list_prompt_partials(call: Call) -> Row:
    """The partials of a collection or a workspace, without their text; this list has no paging."""
    collection = call.query.get("collection_id")
    if collection:
        rows = call.table("partials").where(
            collection_id=call.find("collections", collection)["id"]
        )
    else:
        rows = call.table("partials").where(workspace_id=call.workspace()["id"])
    return list_answer(reversed(rows), render=_answer)


@route("GET /prompts/partials/{prompt_partial_id}", scope="prompts.read")
def get_prompt_partial(call: Call) -> Row:
    """A partial in its published version, or in the version in the query."""
    row = _find(call)
    version = VERSIONS.named(call, row, call.query.get("version") or "default")
    if version is None:
        raise Refusal(404, "Version not found")
    return {
        **_answer(row),
        "string": version["content"]["string"],
        "version": version["number"],
        "version_description": version["content"]["description"],
        "prompt_partial_version_id": version["id"],
    }


@route("PUT /prompts/partials/{prompt_partial_id}", scope="prompts.update")
def update_prompt_partial(call: Call) -> Row:
    """Change a partial. A new text makes a version, which is not published."""
    row, body = _find(call), call.read(PartialBody)
    changes = body.model_dump(include={"name", "status"}, exclude_none=True)
    row = call.table("partials").change(row, {**changes, "last_updated_at": call.store.stamp()})
    if body.string is None:
        return {"prompt_partial_version_id": VERSIONS.latest(call, row)["id"]}
    version = VERSIONS.add(call, row, _content(body), publish=False)
    return {"prompt_partial_version_id": version["id"]}


@route("DELETE /prompts/partials/{prompt_partial_id}", scope="prompts.delete")
def delete_prompt_partial(call: Call) -> Row:
    """Delete a partial, with all versions."""
    row = _find(call)
    call.store.delete("partials", row)
    return {}


@route("GET /prompts/partials/{prompt_partial_id}/versions", scope="prompts.read")
def list_partial_versions(call: Call) -> Row:
    """All versions with their text, newest first."""
    row = _find(call)
    return list_answer(
        {
            "prompt_partial_id": row["id"],
            "prompt_partial_version_id": version["id"],
            "slug": row["slug"],
            "version": str(version["number"]),
            "string": version["content"]["string"],
            "description": version["content"]["description"],
            "created_at": version["created_at"],
            "prompt_version_status": "active" if version["published"] else "archived",
            "object": "partial",
        }
        for version in VERSIONS.all(call, row)
    )


@route("PUT /prompts/partials/{prompt_partial_id}/makeDefault", scope="prompts.publish")
def publish_partial(call: Call) -> Row:
    """Publish a version."""
    VERSIONS.publish(call, _find(call), call.read(PublicationBody).version)
    return {}


def _find(call: Call) -> Row:
    return call.find("partials", call.ids["prompt_partial_id"])


def _content(body: PartialBody) -> dict[str, Any]:
    description = body.version_description or body.description or ""
    return {"string": body.string, "description": description}


def _default_collection(call: Call, workspace: Row) -> str:
    (row,) = call.table("collections").where(workspace_id=workspace["id"], is_default=True)
    return str(row["id"])


def _answer(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "workspace_id"}


def seed(seeder: Seeder) -> None:
    """One partial in the workspace Support."""
    seeder.request(
        "POST /prompts/partials",
        {
            "name": "Closing",
            "string": "Kind regards,\nthe {{team}} team",
            "workspace_id": seeder.workspace_named("Support")["id"],
        },
    )

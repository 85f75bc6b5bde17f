"""Labels of prompt versions: three built-in ones, and those of workspaces."""

import re

from pydantic import Field

from .core.answers import Refusal, forbidden, invalid, public
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.tables import OWNED_BY_WORKSPACE, OnDelete, Reference, Table

BUILT_IN_LABELS = (("production", "#22C55E"), ("staging", "#EAB308"), ("development", "#3B82F6"))
LABEL_NAME = re.compile(r"^(?!latest$)(?!default$)(?!\d+$)[a-zA-Z0-9_-]*[^@\s]?[a-zA-Z0-9_-]*$")


class LabelBody(Body):
    """The body of a label, new or changed."""

    name: str | None = None
    description: str | None = None
    color_code: str | None = Field(None, pattern=r"^#[0-9A-Fa-f]{6}$")
    organisation_id: str | None = None


@route("POST /labels", scope="prompts.create")
def create_prompt_label(call: Call) -> Row:
    """Create a label of a workspace, or of the organisation if the body names it."""
    body = call.read(LabelBody)
    workspace_id = None
    if not body.organisation_id or call.named_workspace() is not None:
        workspace_id = call.workspace()["id"]
    elif not call.is_owner and (not call.is_admin or body.organisation_id != call.organisation):
        raise forbidden()
    row = _add(call, _name(call, body, workspace_id), body, workspace_id)
    return {"id": row["id"]}


@route("GET /labels", scope="prompts.list")
def list_prompt_labels(call: Call) -> Row:
    """The labels of the organisation, and those of the workspace in the query."""
    workspace_id, search = _listed_workspace_id(call), call.query.get("search", "")
    return call.listing(
        call.table("labels").rows(),
        keep=lambda row: row["workspace_id"] in (None, workspace_id) and search in row["name"],
    )


@route("GET /labels/{label_id}", scope="prompts.read")
def get_prompt_label(call: Call) -> Row:
    """One label."""
    return public(call.find("labels", call.ids["label_id"]))


@route("PUT /labels/{label_id}", scope="prompts.update")
def update_prompt_label(call: Call) -> Row:
    """Change the given fields; built-in labels cannot change."""
    row, body = _find_changeable(call), call.read(LabelBody)
    changes = body.model_dump(include={"description", "color_code"}, exclude_unset=True)
    if body.name is not None and body.name != row["name"]:
        changes["name"] = _name(call, body, row["workspace_id"])
    call.table("labels").change(row, {**changes, "last_updated_at": call.store.stamp()})
    return {}


@route("DELETE /labels/{label_id}", scope="prompts.delete")
def delete_prompt_label(call: Call) -> Row:
    """Delete a label; versions lose it."""
    row = _find_changeable(call)
    call.store.delete("labels", row)
    return {}


def _find_changeable(call: Call) -> Row:
    row = call.find("labels", call.ids["label_id"])
    if row["workspace_id"] is None and not call.is_admin:
        raise forbidden()
    if row["is_universal"]:
        raise Refusal(400, "Universal labels cannot be changed")
    return row


def _listed_workspace_id(call: Call) -> str | None:
    if not call.is_admin:
        return str(call.workspace()["id"])
    named = call.named_workspace()
    return None if named is None else str(named["id"])


def _name(call: Call, body: LabelBody, workspace_id: str | None) -> str:
    """The name in the body; refused if it is not allowed or already in use in the workspace."""
    if not body.name or not LABEL_NAME.match(body.name):
        raise invalid("name", "must not be latest, default, a number, or contain spaces")
    same_name = call.table("labels").where(name=body.name)
    if any(row["workspace_id"] in (None, workspace_id) for row in same_name):
        raise Refusal(409, "Label with this name already exists")
    return body.name


def _add(
    call: Call, name: str, body: LabelBody, workspace_id: str | None, *, universal: bool = False
) -> Row:
    now = call.store.stamp()
    return call.table("labels").add(
        {
            "id": call.store.uuid(),
            "name": name,
            "description": body.description or "",
            "color_code": body.color_code or "#6B7280",
            "organisation_id": call.organisation,
            "workspace_id": workspace_id,
            "is_universal": universal,
            "created_at": now,
            "last_updated_at": now,
            "status": "active",
        }
    )


def _add_built_in(call: Call) -> None:
    for name, color in BUILT_IN_LABELS:
        _add(call, name, LabelBody(color_code=color), None, universal=True)


TABLES = (
    Table("labels", (OWNED_BY_WORKSPACE,), on_new_organisation=_add_built_in),
    Table(
        "label_marks",
        (
            Reference("label_id", "labels", OnDelete.DELETE),
            Reference("prompt_id", "prompts", OnDelete.DELETE),
        ),
        is_part=True,
    ),
)
"""A row of `label_marks` is one label on one version of a prompt."""


def seed(seeder: Seeder) -> None:
    """One label in the workspace Support."""
    body = {"name": "reviewed", "workspace_id": seeder.workspace_named("Support")["id"]}
    seeder.request("POST /labels", body)

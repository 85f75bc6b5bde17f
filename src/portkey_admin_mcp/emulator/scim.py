"""SCIM: the mapping of an identity provider's groups to workspaces."""

import re
from typing import Any, Literal

from pydantic import field_validator

from .core.answers import Refusal, forbidden, invalid, public
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.tables import OWNED_BY_WORKSPACE, Table

TABLES = (Table("scim_mappings", (OWNED_BY_WORKSPACE,)), Table("scim_groups"))
AUTOMATIC_GROUP_NAME = re.compile(r"ws-.+-role-.+")
"""The form of names of groups that are mapped automatically (the OpenAPI file)."""


class MappingBody(Body):
    """The body of a mapping."""

    workspace_id: str
    role: Literal["admin", "member", "manager"]
    scim_group_id: str | None = None
    scim_group_name: str | None = None

    @field_validator("role", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value


@route("GET /scim/workspaces", scope=None, who="admin", enterprise=True)
def list_scim_workspace_mappings(call: Call) -> Row:
    """All mappings. The form of this list is unlike the others."""
    named = call.named_workspace()
    filters = {
        "workspace_id": named and named["id"],
        "scim_group_id": call.query.get("scim_group_id"),
        "role": call.query.get("role", "").lower() or None,
    }
    page = call.listing(
        call.table("scim_mappings").rows(),
        keep=lambda row: all(value in (None, row[name]) for name, value in filters.items()),
        parameters=("page", "page_size"),
    )
    return {"mappings": page["data"], "total_count": page["total"]}


@route("POST /scim/workspaces", scope=None, who="admin", enterprise=True)
def create_scim_workspace_mapping(call: Call) -> Row:
    """Create a mapping, or answer the same one if it exists.

    Refused with 400 if the group is mapped with another role.
    """
    body, workspace = call.read(MappingBody), call.named_workspace()
    if workspace is None:
        raise invalid("workspace_id", "Field required")
    group = _group(call, body)
    mappings = call.table("scim_mappings")
    for row in mappings.where(scim_group_id=group["id"]):
        if row["role"] != body.role:
            raise Refusal(
                400,
                "SCIM group is already mapped to other workspace(s) with role "
                f"'{row['role']}'. A group can only be mapped with a single role across "
                "workspaces.",
            )
        if row["workspace_id"] == workspace["id"]:
            return public(row)
    return mappings.add(
        {
            "id": call.store.uuid(),
            "workspace_id": workspace["id"],
            "scim_group": group["name"],
            "scim_group_id": group["id"],
            "role": body.role,
        }
    )


@route("DELETE /scim/workspaces/{mapping_id}", scope=None, who="admin", enterprise=True)
def delete_scim_workspace_mapping(call: Call) -> Row:
    """Delete a mapping; the users stay members of the workspace."""
    call.store.delete("scim_mappings", call.find("scim_mappings", call.ids["mapping_id"]))
    return {"success": True}


@route("GET /v2/scim/groups", scope=None, who="admin", base="root", enterprise=True)
def list_scim_groups(call: Call) -> Row:
    """The groups that the identity provider sent."""
    search = call.query.get("search", "").lower()
    return call.listing(
        call.table("scim_groups").rows(),
        keep=lambda row: search in row["name"].lower(),
        parameters=("page", "page_size"),
    )


def _group(call: Call, body: MappingBody) -> Row:
    groups = call.table("scim_groups")
    if bool(body.scim_group_id) == bool(body.scim_group_name):
        raise invalid("scim_group_id", "give either scim_group_id or scim_group_name")
    if body.scim_group_id:
        group = groups.get(body.scim_group_id)
        if group is None:
            raise forbidden()
        return group
    name = body.scim_group_name or ""
    if AUTOMATIC_GROUP_NAME.match(name):
        raise invalid(
            "scim_group_name",
            "must not be of the form ws-…-role-…: such groups are mapped automatically",
        )
    named = groups.where(name=name)
    return named[0] if len(named) else _add_group(call, name)


def _add_group(call: Call, name: str) -> Row:
    return call.table("scim_groups").add({"id": call.store.uuid(), "name": name})


def seed(seeder: Seeder) -> None:
    """Two groups, one of which is mapped."""
    for name in ("Engineering", "Support staff"):
        _add_group(seeder.call(), name)
    seeder.request(
        "POST /scim/workspaces",
        {
            "workspace_id": seeder.workspace_named("Support")["id"],
            "role": "member",
            "scim_group_name": "Support staff",
        },
    )

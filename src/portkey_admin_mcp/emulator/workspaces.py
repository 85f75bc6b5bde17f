"""Workspaces and their members."""

from typing import Any, Literal

from .core.answers import Refusal, forbidden, invalid, not_found, public
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .core.tables import OnDelete, Reference, Table, all_tables
from .shared.icons import split_icon
from .shared.limits import Budget, Rate, new_budget
from .shared.members import add_member, member_answer, members_of
from .shared.security import (
    check_may_change_settings,
    check_role_given,
    checked_security_settings,
    default_security_settings,
)

WorkspaceRole = Literal["admin", "member", "manager"]
TABLES = (
    Table(
        "workspaces",
        (
            Reference(
                "defaults.user_api_key_config",
                "configs",
                OnDelete.REFUSE,
                "Config is the default of a workspace",
            ),
        ),
    ),
    Table("archived_workspaces"),
    Table(
        "members",
        (
            Reference("workspace_id", "workspaces", OnDelete.DELETE),
            Reference("user_id", "users", OnDelete.DELETE),
        ),
        is_part=True,
    ),
)


class Defaults(Body):
    """What applies to requests in a workspace that set nothing themselves."""

    metadata: dict[str, Any] | None = None
    is_default: int | None = None
    input_guardrails: list[str] | None = None
    output_guardrails: list[str] | None = None
    user_api_key_config: str | None = None


class WorkspaceBody(Body):
    """The body of a workspace, new or changed."""

    name: str | None = None
    slug: str | None = None
    description: str | None = None
    icon: str | None = None
    defaults: Defaults | None = None
    users: list[str] = []
    usage_limits: list[Budget] | None = None
    rate_limits: list[Rate] | None = None
    security_settings: dict[str, Any] | None = None


class WorkspaceDeletion(Body):
    """The body of the deletion of a workspace."""

    name: str | None = None
    force_delete: bool = False


class Membership(Body):
    """A user to add, and the role in the workspace."""

    id: str
    role: WorkspaceRole


class Memberships(Body):
    """The users to add to a workspace."""

    users: list[Membership]


class RoleChange(Body):
    """The new role of a member."""

    role: WorkspaceRole


@route("GET /admin/workspaces", scope="workspaces.list")
def list_workspaces(call: Call) -> Row:
    """All workspaces; for a workspace's key its own. Deleted ones only with `status=archived`."""
    statuses = (call.query.get("status") or "active").split(",")
    rows = [*call.table("archived_workspaces").rows()] if "archived" in statuses else []
    rows += [*call.table("workspaces").rows()] if "active" in statuses else []
    own = None if call.is_admin else call.key["workspace_id"]
    name, exact = call.query.get("name", ""), call.query.get("exact_name")
    is_plain = call.query.get("name_format") == "plain"
    rows.sort(key=lambda row: row["created_at"])
    return call.listing(
        rows,
        keep=lambda row: (
            name in row["name"] and exact in (None, row["name"]) and own in (None, row["id"])
        ),
        render=_plain_answer if is_plain else _answer,
    )


@route("GET /admin/workspaces/{workspace_id}", scope="workspaces.read")
def get_workspace(call: Call) -> Row:
    """One workspace, with its members and settings."""
    workspace = _find(call)
    return {
        **_answer(workspace),
        "users": [member_answer(call, member) for member in members_of(call, workspace)],
        "last_reset_at": None,
        "settings": {
            "debug_log": 1,
            "user_api_key_ttl": 0,
            "user_key_metadata": 1,
            "user_api_key_count": -1,
            "user_api_key_max_ttl": 0,
            "user_key_metadata_override": 1,
        },
    }


@route("POST /admin/workspaces", scope="workspaces.create", who="admin")
def create_workspace(call: Call) -> Row:
    """Create a workspace, with the named users as members."""
    body = call.read(WorkspaceBody)
    if not (body.name or "").strip():
        raise invalid("name", "Field required")
    for user_id in body.users:
        call.find("users", user_id)
    name, icon = split_icon(body.name or "", body.icon)
    slug = body.slug or call.store.slug("ws", name, 6)
    _check_slug(call, slug)
    now = call.store.stamp()
    workspace: Row = {
        "id": call.store.uuid(),
        "slug": slug,
        "name": name,
        "icon": icon,
        "description": body.description,
        "created_at": now,
        "last_updated_at": now,
        "status": "active",
        "defaults": {
            "metadata": (body.defaults and body.defaults.metadata) or {},
            "is_default": 0,
            "input_guardrails": [],
            "output_guardrails": [],
            "user_api_key_config": None,
        },
        "usage_limits": _limits(body.usage_limits),
        "rate_limits": _limits(body.rate_limits),
        "security_settings": default_security_settings(),
        "organisation_id": call.organisation,
        "created_by": call.author,
        "creation_source": "api",
        "scim_source_id": None,
        "object": "workspace",
    }
    call.table("workspaces").add(workspace)
    for table in all_tables().values():
        if table.on_new_workspace is not None:
            table.on_new_workspace(call, workspace)
    for user_id in body.users:
        add_member(call, workspace, user_id, "member")
    return _answer(workspace)


@route("PUT /admin/workspaces/{workspace_id}", scope="workspaces.update")
def update_workspace(call: Call) -> Row:
    """Change the given fields; null clears one. The slug stays when the name changes."""
    workspace = _find(call)
    body = call.read(WorkspaceBody)
    given_fields = body.model_fields_set
    new: dict[str, Any] = {f: getattr(body, f) for f in given_fields & {"description", "icon"}}
    if "rate_limits" in given_fields:
        new["rate_limits"] = _limits(body.rate_limits)
    if "usage_limits" in given_fields:
        new |= new_budget(workspace, _limits(body.usage_limits), call.store.now())
    if body.slug and body.slug != workspace["slug"]:
        _check_slug(call, body.slug)
        new["slug"] = body.slug
    if body.name is not None:
        if not body.name.strip():
            raise invalid("name", "must not be empty")
        name, icon = split_icon(body.name, None)
        new |= {"name": name, "icon": icon or new.get("icon", workspace["icon"])}
    if body.security_settings is not None:
        check_may_change_settings(call)
        new["security_settings"] = checked_security_settings(body.security_settings)
    if body.defaults is not None:
        new["defaults"] = workspace["defaults"] | _defaults(call, workspace, body.defaults)
    call.table("workspaces").change(workspace, {**new, "last_updated_at": call.store.stamp()})
    return {}


@route("DELETE /admin/workspaces/{workspace_id}", scope="workspaces.delete", who="admin")
def delete_workspace(call: Call) -> Row:
    """Delete a workspace; the body must repeat its name.

    Refused for the default workspace, and for one with content unless the deletion is forced.
    Each table says what happens to its rows (a `Reference` to `workspaces`); docs/emulator.md
    lists it table by table.
    """
    workspace = _find(call)
    body = call.read(WorkspaceDeletion)
    if body.name != workspace["name"]:
        raise Refusal(400, "Workspace name does not match. Please provide the workspace name")
    if workspace["defaults"]["is_default"]:
        raise Refusal(400, "Default workspace cannot be deleted")
    if not body.force_delete and (tables := _tables_with_content(call, workspace)):
        # Portkey names virtual keys if there are any (seen by the Terraform provider).
        table = "virtual_keys" if "virtual_keys" in tables else tables[0]
        kind = table.replace("_", " ").title().replace("Api", "API")
        raise Refusal(409, f"Unable to delete. Please ensure that all {kind} are deleted")
    call.store.delete("workspaces", workspace)
    call.table("archived_workspaces").add({**workspace, "status": "archived"})
    return {}


@route("POST /admin/workspaces/{workspace_id}/users", scope="workspace_users.create")
def add_workspace_member(call: Call) -> Row:
    """Add all users or none; each must already be a user of the organisation."""
    workspace = _find(call)
    new_members = call.read(Memberships).users
    for member in new_members:
        call.find("users", member.id)
        check_role_given(call, member.role)
    member_ids = {member["user_id"] for member in members_of(call, workspace)}
    if member_ids & {member.id for member in new_members}:
        raise Refusal(409, "User is already a member of the workspace")
    for member in new_members:
        add_member(call, workspace, member.id, member.role)
    return {}


@route("GET /admin/workspaces/{workspace_id}/users", scope="workspace_users.list")
def list_workspace_members(call: Call) -> Row:
    """The members; owners and admins of the organisation have access without being members."""
    people, role, email = call.table("users"), call.query.get("role"), call.query.get("email")
    return call.listing(
        members_of(call, _find(call)),
        keep=lambda member: (
            role in (None, member["role"]) and email in (None, people[member["user_id"]]["email"])
        ),
        render=lambda member: member_answer(call, member),
    )


@route("GET /admin/workspaces/{workspace_id}/users/{user_id}", scope="workspace_users.read")
def get_workspace_member(call: Call) -> Row:
    """One member."""
    return member_answer(call, _find_member(call))


@route("PUT /admin/workspaces/{workspace_id}/users/{user_id}", scope="workspace_users.update")
def update_workspace_member(call: Call) -> Row:
    """Change the role in this workspace."""
    member, role = _find_member(call), call.read(RoleChange).role
    check_role_given(call, role)
    changes = {"role": role, "last_updated_at": call.store.stamp()}
    call.table("members").change(member, changes)
    return {}


@route("DELETE /admin/workspaces/{workspace_id}/users/{user_id}", scope="workspace_users.delete")
def remove_workspace_member(call: Call) -> Row:
    """Remove a member from the workspace; the user stays in the organisation."""
    call.table("members").remove(_find_member(call))
    return {}


def _find(call: Call) -> Row:
    workspace = call.find("workspaces", call.ids["workspace_id"])
    if not call.is_admin and workspace["id"] != call.key["workspace_id"]:
        raise forbidden()
    return workspace


def _tables_with_content(call: Call, workspace: Row) -> list[str]:
    """The tables with rows that only a forced deletion of the workspace deletes."""
    return [
        table
        for table, reference, rows in call.store.referring("workspaces", workspace)
        if reference.on_delete is OnDelete.DELETE_IF_FORCED
        and any(not row.get("is_default") for row in rows)
    ]


def _check_slug(call: Call, slug: str) -> None:
    if call.table("workspaces").find(slug):
        raise Refusal(409, "Workspace with this slug already exists")


def _answer(workspace: Row) -> Row:
    """The workspace as answers show it: with the icon before the name (changelog 1.18.0)."""
    name = f"{workspace['icon'] or ''} {workspace['name']}".strip()
    return {**_plain_answer(workspace), "name": name}


def _plain_answer(workspace: Row) -> Row:
    return {**public(workspace), "is_default": workspace["defaults"]["is_default"]}


def _limits(values: list[Any] | None) -> list[Row] | None:
    return values and [limit.model_dump(exclude_unset=True) for limit in values]


def _defaults(call: Call, workspace: Row, body: Defaults) -> Row:
    """The changes to the defaults; a config is named by slug or id and stored as its slug."""
    values = body.model_dump(exclude_unset=True, exclude={"is_default"})
    if name := values.get("user_api_key_config"):
        config = call.table("configs").find(name)
        if config is None or config["workspace_id"] != workspace["id"]:
            raise forbidden()
        values["user_api_key_config"] = config["slug"]
    return values


def _find_member(call: Call) -> Row:
    workspace = _find(call)
    member = call.table("members").get(f"{workspace['id']}/{call.ids['user_id']}")
    if member is None:
        raise not_found(f"member of the workspace {workspace['slug']}:", call.ids["user_id"])
    return member

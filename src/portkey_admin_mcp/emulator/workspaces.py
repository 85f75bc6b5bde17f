"""Workspaces and their members."""

import re
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from .kernel import Body, Call, Midnight, Refusal, by_name, forbidden, route
from .store import Row

EMOJI = re.compile(r"^([\U0001F000-\U0001FAFF\u2600-\u27BF]\uFE0F?)\s*(.*)$", re.DOTALL)
SECURITY_OFF = ("membersWriteConfigs", "membersWriteGuardrails", "membersWritePrompts")
DEPENDENTS = ("virtual_keys", "configs", "api_keys")
WorkspaceRole = Literal["admin", "manager", "member"]


class Budget(Body):
    """A usage limit."""

    credit_limit: int | float | None = Field(None, ge=1)
    type: Literal["cost", "tokens"] | None = None
    alert_threshold: int | float | None = Field(None, ge=1)
    periodic_reset: Literal["monthly", "weekly"] | None = None
    periodic_reset_days: int | None = Field(None, ge=1, le=365)
    next_usage_reset_at: Midnight | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.credit_limit and (self.alert_threshold or 0) >= self.credit_limit:
            raise ValueError("alert_threshold must be less than credit_limit")
        if self.periodic_reset and self.periodic_reset_days:
            raise ValueError("periodic_reset and periodic_reset_days exclude each other")
        return self


class Rate(Body):
    """A rate limit."""

    type: Literal["requests", "tokens"] | None = None
    unit: Literal["rpd", "rph", "rpm"] | None = None
    value: int | None = None


class Defaults(Body):
    """What requests in a workspace get unless they say otherwise."""

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


class Farewell(Body):
    """The body of a workspace's deletion."""

    name: str | None = None
    force_delete: bool = False


class Membership(Body):
    """A user who joins."""

    id: str
    role: WorkspaceRole


class Memberships(Body):
    """The body of joining."""

    users: list[Membership]


class RoleChange(Body):
    """The body of a member's update."""

    role: WorkspaceRole


@route("GET /admin/workspaces", scope="workspaces.list", who="admin")
def list_workspaces(call: Call) -> Row:
    """All workspaces; those that were deleted only under `status=archived`."""
    wanted = (call.query.get("status") or "active").split(",")
    rows = [*call.table("archived").values()] if "archived" in wanted else []
    rows += [*call.table("workspaces").values()] if "active" in wanted else []
    name, exact = call.query.get("name", ""), call.query.get("exact_name")
    rows.sort(key=lambda row: row["created_at"])
    fits = [w for w in rows if name in w["name"] and exact in (None, w["name"])]
    return call.listing([_shown(workspace) for workspace in fits])


@route("GET /admin/workspaces/{workspace_id}", scope="workspaces.read")
def get_workspace(call: Call) -> Row:
    """One workspace, with its members and settings."""
    workspace = _find(call)
    return {
        **_shown(workspace),
        "users": [_member(call, member) for member in _members(call, workspace)],
        "security_settings": dict.fromkeys(SECURITY_OFF, False),
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
    """A workspace, with the users named as members."""
    wanted = call.read(WorkspaceBody)
    if not (wanted.name or "").strip():
        raise Refusal(400, "Invalid request. name: Field required")
    for user_id in wanted.users:
        call.find("users", user_id)
    name, icon = _split(wanted.name or "", wanted.icon)
    slug = wanted.slug or call.store.slug("ws", name, 6)
    _check_slug(call, slug)
    now = call.store.stamp()
    workspace: Row = {
        "id": call.store.uuid(),
        "slug": slug,
        "name": name,
        "icon": icon,
        "description": wanted.description,
        "created_at": now,
        "last_updated_at": now,
        "status": "active",
        "defaults": {
            "metadata": (wanted.defaults and wanted.defaults.metadata) or {},
            "is_default": 0,
            "input_guardrails": [],
            "output_guardrails": [],
            "user_api_key_config": None,
        },
        "usage_limits": _limits(wanted.usage_limits),
        "rate_limits": _limits(wanted.rate_limits),
        "object": "workspace",
    }
    call.table("workspaces")[workspace["id"]] = workspace
    for user_id in wanted.users:
        _join(call, workspace, user_id, "member")
    return _shown(workspace)


@route("PUT /admin/workspaces/{workspace_id}", scope="workspaces.update")
def update_workspace(call: Call) -> Row:
    """What is given changes; null clears. The slug stays when the name changes."""
    workspace = _find(call)
    change = call.read(WorkspaceBody)
    given = change.model_fields_set
    new: Row = {field: getattr(change, field) for field in given & {"description", "icon"}}
    new |= {f: _limits(getattr(change, f)) for f in given & {"usage_limits", "rate_limits"}}
    if change.slug and change.slug != workspace["slug"]:
        _check_slug(call, change.slug)
        new["slug"] = change.slug
    if change.name is not None:
        if not change.name.strip():
            raise Refusal(400, "Invalid request. name: must not be empty")
        name, icon = _split(change.name, None)
        new |= {"name": name, "icon": icon or new.get("icon", workspace["icon"])}
    if change.defaults is not None:
        new["defaults"] = workspace["defaults"] | _defaults(call, workspace, change.defaults)
    workspace |= {**new, "last_updated_at": call.store.stamp()}
    return {}


@route("DELETE /admin/workspaces/{workspace_id}", scope="workspaces.delete", who="admin")
def delete_workspace(call: Call) -> Row:
    """Wants the name; refused for the default one, and while it holds anything unless forced."""
    workspace = _find(call)
    wanted = call.read(Farewell)
    if wanted.name != workspace["name"]:
        raise Refusal(400, "Workspace name does not match. Please provide the workspace name")
    if workspace["defaults"]["is_default"]:
        raise Refusal(400, "Default workspace cannot be deleted")
    held = [(t, r) for t in DEPENDENTS for r in call.table(t).values() if _within(r, workspace)]
    if held and not wanted.force_delete:
        kind = held[0][0].replace("_", " ").title().replace("Api", "API")
        raise Refusal(409, f"Unable to delete. Please ensure that all {kind} are deleted")
    for table, row in held:
        call.store.bury(table, row)
    for member in _members(call, workspace):
        del call.table("members")[member["id"]]
    call.store.bury("workspaces", workspace)
    call.table("archived")[workspace["id"]] = {**workspace, "status": "archived"}
    return {}


@route("POST /admin/workspaces/{workspace_id}/users", scope="workspace_users.create")
def add_workspace_member(call: Call) -> Row:
    """All of them or none; each must be a user of the organisation already."""
    workspace = _find(call)
    wanted = call.read(Memberships).users
    for joining in wanted:
        call.find("users", joining.id)
    present = {member["user_id"] for member in _members(call, workspace)}
    if present & {joining.id for joining in wanted}:
        raise Refusal(409, "User is already a member of the workspace")
    for joining in wanted:
        _join(call, workspace, joining.id, joining.role)
    return {}


@route("GET /admin/workspaces/{workspace_id}/users", scope="workspace_users.list")
def list_workspace_members(call: Call) -> Row:
    """The people who were added; owners and admins may enter without."""
    shown = [_member(call, member) for member in _members(call, _find(call))]
    role, email = call.query.get("role"), call.query.get("email")
    return call.listing(
        [m for m in shown if role in (None, m["role"]) and email in (None, m["email"])]
    )


@route("GET /admin/workspaces/{workspace_id}/users/{user_id}", scope="workspace_users.read")
def get_workspace_member(call: Call) -> Row:
    """One member."""
    return _member(call, _find_member(call))


@route("PUT /admin/workspaces/{workspace_id}/users/{user_id}", scope="workspace_users.update")
def update_workspace_member(call: Call) -> Row:
    """The role in this workspace."""
    member = _find_member(call)
    member |= {"role": call.read(RoleChange).role, "last_updated_at": call.store.stamp()}
    return {}


@route("DELETE /admin/workspaces/{workspace_id}/users/{user_id}", scope="workspace_users.delete")
def remove_workspace_member(call: Call) -> Row:
    """Out of the workspace, still in the organisation."""
    del call.table("members")[_find_member(call)["id"]]
    return {}


def _find(call: Call) -> Row:
    workspace = call.find("workspaces", call.ids["workspace_id"])
    if not call.is_admin and workspace["id"] != call.key["workspace_id"]:
        raise forbidden()
    return workspace


def _check_slug(call: Call, slug: str) -> None:
    if by_name(call.table("workspaces"), slug):
        raise Refusal(409, "Workspace with this slug already exists")


def _shown(workspace: Row) -> Row:
    """Portkey puts the icon before the name (changelog 1.18.0)."""
    name = f"{workspace['icon'] or ''} {workspace['name']}".strip()
    return {**workspace, "name": name}


def _split(name: str, icon: str | None) -> tuple[str, str | None]:
    found = EMOJI.match(name.strip())
    if icon is None and found and found[2]:
        return found[2], found[1]
    return name.strip(), icon


def _limits(given: list[Any] | None) -> list[Row] | None:
    return given and [limit.model_dump(exclude_unset=True) for limit in given]


def _defaults(call: Call, workspace: Row, wanted: Defaults) -> Row:
    """A config is named by slug or id and read back as a slug."""
    given = wanted.model_dump(exclude_unset=True, exclude={"is_default"})
    if named := given.get("user_api_key_config"):
        config = by_name(call.table("configs"), named)
        if config is None or config["workspace_id"] != workspace["id"]:
            raise forbidden()
        given["user_api_key_config"] = config["slug"]
    return given


def _within(row: Row, workspace: Row) -> bool:
    return bool(row.get("workspace_id") == workspace["id"])


def _members(call: Call, workspace: Row) -> list[Row]:
    return [m for m in call.table("members").values() if m["workspace_id"] == workspace["id"]]


def _find_member(call: Call) -> Row:
    workspace = _find(call)
    for member in _members(call, workspace):
        if member["user_id"] == call.ids["user_id"]:
            return member
    raise Refusal(404, "Not found")


def _join(call: Call, workspace: Row, user_id: str, role: str) -> None:
    now = call.store.stamp()
    member_id = f"{workspace['id']}/{user_id}"
    call.table("members")[member_id] = {
        "id": member_id,
        "workspace_id": workspace["id"],
        "user_id": user_id,
        "role": role,
        "created_at": now,
        "last_updated_at": now,
    }


def _member(call: Call, member: Row) -> Row:
    user = call.table("users")[member["user_id"]]
    return {
        "object": "workspace-user",
        "id": user["id"],
        "first_name": user["first_name"],
        "last_name": user["last_name"],
        "email": user["email"],
        "org_role": user["role"],
        "role": member["role"],
        "created_at": member["created_at"],
        "last_updated_at": member["last_updated_at"],
        "status": "active",
        "workspace_id": member["workspace_id"],
        "scopes": [],
        "settings": None,
    }

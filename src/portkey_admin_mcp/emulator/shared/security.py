"""Security settings of workspaces: what managers, members and organisation admins may do.

They are held for the keys of users, by the role of the user in the workspace, and for logs that the
organisation's keys read. A service key belongs to nobody. That user keys follow the settings of
their user is an assumption.
"""

from typing import Any

from ..core.answers import forbidden, invalid
from ..core.routing import Call, Route
from ..core.rows import Row

_ROLES_VIEW = (
    "AllData", "Analytics", "ApiKeys", "Configs", "Guardrails", "LogMetadata", "Logs", "Prompts",
    "VirtualKeys",
)  # fmt: skip
_ROLES_WRITE = ("ApiKeys", "Configs", "Guardrails", "Prompts", "VirtualKeys")
SECURITY_SETTINGS = (
    "managersUpdateWs",
    *(f"managersView{name}" for name in _ROLES_VIEW),
    *(f"managersWrite{name}" for name in _ROLES_WRITE),
    "managersWriteMcpServers",
    "managersWriteWsIntegrations",
    "managersWriteWsMcpIntegrations",
    "managersWriteWsUsers",
    *(f"membersView{name}" for name in _ROLES_VIEW),
    *(f"membersWrite{name}" for name in _ROLES_WRITE),
    "organisationAdminsViewLogMetadata",
    "organisationAdminsViewLogs",
)
"""The 35 settings, as live answers have them."""
OFF_BY_DEFAULT = {"membersWriteConfigs", "membersWriteGuardrails", "membersWritePrompts"}
"""False in a new workspace: the first two live, the last by the changelog of 1.10.0."""


def default_security_settings() -> dict[str, bool]:
    """The settings of a new workspace."""
    return {name: name not in OFF_BY_DEFAULT for name in SECURITY_SETTINGS}


def checked_security_settings(values: dict[str, Any]) -> dict[str, bool]:
    """All settings, as a body gives them; refused with 400 unless each is there, as a boolean.

    Unknown ones are ignored (an assumption).
    """
    for name in SECURITY_SETTINGS:
        if name not in values:
            raise invalid(f"security_settings.{name}", "Field required")
        if not isinstance(values[name], bool):
            raise invalid(f"security_settings.{name}", "must be a boolean")
    return {name: values[name] for name in SECURITY_SETTINGS}


_READING = ("list", "read", "view")
_OBJECTS = {
    "configs": "Configs",
    "prompts": "Prompts",
    "guardrails": "Guardrails",
    "virtual_keys": "VirtualKeys",
    "providers": "VirtualKeys",
    "workspace_service_api_keys": "ApiKeys",
    "workspace_user_api_keys": "ApiKeys",
}
"""By the first part of a scope: the objects whose settings are for viewing and writing."""
_WRITING_ONLY = {
    "workspaces": "UpdateWs",
    "workspace_users": "WriteWsUsers",
    "mcp_servers": "WriteMcpServers",
    "workspace_integrations": "WriteWsIntegrations",
    "workspace_mcp_integrations": "WriteWsMcpIntegrations",
}
"""By the first part of a scope: the setting of managers for writing. Members have none."""
_USING = {"prompts.render"}
"""Scopes that use an object, and neither view nor write it."""


def check_person(call: Call, endpoint: Route) -> None:
    """Refuse the key of a user whose role in its workspace may not do this."""
    role = role_of_key(call)
    if role not in ("manager", "member"):
        return
    settings = call.workspace()["security_settings"]
    scopes = (scope for any_of in endpoint.scopes for scope in any_of)
    if not all(_is_on(settings, f"{role}s", scope) for scope in scopes):
        raise forbidden()


def role_of_key(call: Call) -> str | None:
    """The role in the workspace of the user of a key: admin, manager or member; None for others.

    Owners and admins of the organisation are admins of every workspace.
    """
    user = call.table("users").get(call.actor)
    if call.key["type"] != "workspace-user" or user is None:
        return None
    member = call.table("members").get(f"{call.key['workspace_id']}/{user['id']}")
    if user["role"] != "member":
        return "admin"
    return "member" if member is None else str(member["role"])


def visible_api_keys(call: Call) -> list[str] | None:
    """The ids of the keys whose requests a user may see; None if the user may see all requests.

    Who may not view all data sees the requests of the user's own keys (Portkey's documentation of
    data visibility).
    """
    role = role_of_key(call)
    if role not in ("manager", "member"):
        return None
    if call.workspace()["security_settings"][f"{role}sViewAllData"]:
        return None
    return [key["id"] for key in call.table("api_keys").where(user_id=call.actor)]


def may_use_key(call: Call, kind: str, user_id: str | None) -> bool:
    """Whether a key of this type and user is one that the caller may see and change.

    Members may their own user keys only (Portkey's documentation of access to API keys).
    """
    is_own = kind == "workspace-user" and user_id == call.actor
    return is_own or role_of_key(call) != "member"


def check_may_change_settings(call: Call) -> None:
    """Refuse that managers and members change what they may do (an assumption)."""
    if role_of_key(call) in ("manager", "member"):
        raise forbidden()


def check_role_given(call: Call, role: str) -> None:
    """Refuse that a manager makes somebody an admin of the workspace (changelog 1.6.1)."""
    if role == "admin" and role_of_key(call) in ("manager", "member"):
        raise forbidden()


def check_organisation_views_logs(call: Call, workspace: Row | None) -> None:
    """Refuse a key of the organisation the logs of a workspace that keeps them to itself."""
    if workspace is None or call.is_owner or not call.is_admin:
        return
    if not workspace["security_settings"]["organisationAdminsViewLogs"]:
        raise forbidden()


def _is_on(settings: Row, people: str, scope: str) -> bool:
    """Whether managers or members may use a scope; those without a setting they may."""
    name = _setting(scope)
    if name is None or scope in _USING:
        return True
    if name in _WRITING_ONLY.values() and people == "members":
        return False
    return bool(settings[f"{people}{name}"])


def _setting(scope: str) -> str | None:
    """The setting for a scope, without the word for the people; None if there is none."""
    kind, _, action = scope.partition(".")
    reads = action in _READING
    if kind in _OBJECTS:
        return f"{'View' if reads else 'Write'}{_OBJECTS[kind]}"
    if kind == "analytics":
        return "ViewAnalytics"
    if kind == "logs" and action != "write":
        return "ViewLogs"
    return None if reads else _WRITING_ONLY.get(kind)

"""Security settings of workspaces: what managers, members and organisation admins may do."""

from typing import Any

from ..core.answers import invalid

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

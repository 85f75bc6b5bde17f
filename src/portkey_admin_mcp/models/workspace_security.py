"""Security settings of a workspace: what its managers and members may view and write."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from ..suggestions import suggest
from .core.base import ABSENT, Arguments, Done, Patch

VIEWED = (
    "AllData", "Analytics", "ApiKeys", "Configs", "Guardrails", "LogMetadata", "Logs", "Prompts",
    "VirtualKeys",
)  # fmt: skip
WRITTEN = ("ApiKeys", "Configs", "Guardrails", "Prompts", "VirtualKeys")
WRITTEN_BY_MANAGERS = ("McpServers", "WsIntegrations", "WsMcpIntegrations", "WsUsers")
VIEWED_BY_ORGANISATION = ("LogMetadata", "Logs")
SECURITY_SETTINGS = (
    *(f"{role}View{name}" for role in ("managers", "members") for name in VIEWED),
    *(f"{role}Write{name}" for role in ("managers", "members") for name in WRITTEN),
    *(f"managersWrite{name}" for name in WRITTEN_BY_MANAGERS),
    "managersUpdateWs",
    *(f"organisationAdminsView{name}" for name in VIEWED_BY_ORGANISATION),
)
"""The 35 settings that Portkey requires in each change."""
_BY_LETTERS = {name.lower(): name for name in SECURITY_SETTINGS}
NAMES = (
    f"Settings: managers/members + View + {', '.join(VIEWED)}, or + Write + {', '.join(WRITTEN)} "
    f"(membersWriteConfigs); managersWrite + {', '.join(WRITTEN_BY_MANAGERS)}; managersUpdateWs; "
    f"organisationAdminsView + {', '.join(VIEWED_BY_ORGANISATION)}."
)
"""How the names are announced: a list of all of them costs twice as many tokens."""


def _setting(name: str) -> str:
    """The name of a setting, in Portkey's spelling; raises ValueError for an unknown name."""
    setting = _BY_LETTERS.get(name.replace("_", "").lower())
    if setting is None:
        hint = suggest(name, SECURITY_SETTINGS) or "`get_workspace` shows all 35"
        raise ValueError(f"there is no such setting; {hint}")
    return setting


Settings = list[Annotated[str, AfterValidator(_setting)]]


class SecurityChange(Patch):
    """The settings to switch on and off."""

    allow: Settings = Field(default=ABSENT, description=NAMES)
    deny: Settings = Field(default=ABSENT, description="The same.")

    @model_validator(mode="after")
    def _one_value_each(self) -> Self:
        if not self.changes():
            raise ValueError("give at least one setting to allow or to deny")
        if both := {*(self.allow or ())} & {*(self.deny or ())}:
            raise ValueError(f"{', '.join(sorted(both))}: give in allow or in deny, not in both")
        return self

    def changes(self) -> dict[str, bool]:
        """The new value of each setting that is named."""
        allowed = dict.fromkeys(self.allow or (), True)
        return allowed | dict.fromkeys(self.deny or (), False)


class SecuritySettings(Arguments):
    """All settings of a workspace, as Portkey replaces them."""

    security_settings: dict[str, Any]


class SecurityChanged(Done):
    """Which settings have another value than before."""

    changed: dict[str, bool] | None = Field(default=None, description="Setting: its new value")

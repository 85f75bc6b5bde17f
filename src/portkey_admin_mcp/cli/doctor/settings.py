"""The settings: whether they are valid, and where each came from."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from ...errors import ConfigurationError
from ...settings.environment import EnvironmentSettings, names_set, variable_names
from ...suggestions import nearest
from ..options import describe_setting
from ..safety_state import DEFAULT_TOKEN_VARIABLE, Place
from .describe_setting import groups as all_groups
from .findings import Area, Finding

if TYPE_CHECKING:
    from ...settings.hosting import Hosting
    from ...settings.safety import SafetySettings
    from ...settings.settings import Settings

AREA = Area("settings")
PREFIXES = ("PORTKEY_", "MCP_", "CLERK_")
MIN_LIKENESS = 0.85
"""How alike a variable and a setting must be to take the variable for a slip of the pen. Other
programs have variables with these beginnings, too."""
MAX_VALUE_CHARS = 60


class AllSettings:
    """The three groups of settings, as far as they are valid."""

    def __init__(self, sandbox: bool, env_file: Path | None) -> None:
        self._sandbox = sandbox
        self.env_file = env_file
        self.settings: Settings | None = None
        self.safety: SafetySettings | None = None
        self.hosting: Hosting | None = None

    def check(self) -> Iterator[Finding]:
        """Read all settings; what is set, where, and what is wrong."""
        from ...settings.hosting import load_hosting
        from ...settings.safety import load_safety
        from ...settings.settings import load_settings

        cure = f"Correct the variable. {describe_setting()}"
        overrides = {"PORTKEY_SANDBOX": True} if self._sandbox else {}
        try:
            self.settings = load_settings(self.env_file, **overrides)
            self.safety = load_safety(self.env_file)
            self.hosting = load_hosting(self.env_file)
        except ConfigurationError as error:
            yield AREA.failed("values", str(error), cure)
        groups = [each for each in (self.settings, self.safety, self.hosting) if each is not None]
        for warning in (text for group in groups for text in group.warnings):
            yield AREA.warning("values", warning, cure)
        for group in groups:
            yield from _sources(group)
        yield from _slips(self.env_file, all_groups())

    @property
    def is_sandbox(self) -> bool:
        """Whether the sandbox takes the place of Portkey."""
        return self._sandbox or (self.settings is not None and self.settings.sandbox)

    @property
    def options(self) -> str:
        """The options with which another command finds the same key and the same state."""
        return Place(None, DEFAULT_TOKEN_VARIABLE, self.is_sandbox, self.env_file).options


def _sources(group: EnvironmentSettings) -> Iterator[Finding]:
    """What is set in a group, and where."""
    for field, (variable, place) in group.sources.items():
        yield AREA.ok(variable, f"{_shown(getattr(group, field))}, from {place}")


def _shown(value: object) -> str:
    """A value without secrets: of one that may hold any, only that it is set."""
    if isinstance(value, SecretStr):
        return f"set ({len(value.get_secret_value())} characters)"
    if isinstance(value, dict):
        return f"set ({len(value)} entries)"
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    text = str(value)
    if "://" in text:
        scheme, _, rest = text.partition("://")
        text = f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
    return text if len(text) <= MAX_VALUE_CHARS else f"{text[:MAX_VALUE_CHARS]}…"


def _slips(
    env_file: Path | None, kinds: tuple[type[EnvironmentSettings], ...]
) -> Iterator[Finding]:
    """Variables that are nearly settings."""
    known = {
        name for kind in kinds for field in kind.model_fields.values()
        for name in variable_names(field)
    }  # fmt: skip
    for name, place in names_set(env_file).items():
        if not name.startswith(PREFIXES) or name in known:
            continue
        if near := nearest(name, known, 1, MIN_LIKENESS):
            yield AREA.warning(
                name, f"is no setting, and does nothing; from {place}", f"Did you mean {near[0]}?"
            )

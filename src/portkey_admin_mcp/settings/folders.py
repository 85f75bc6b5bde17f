"""The folders in which programs keep their configuration on this machine, from the environment."""

import sys
from pathlib import Path

from pydantic import Field

from .environment import EnvironmentSettings

HOME_VARIABLE = "USERPROFILE" if sys.platform == "win32" else "HOME"


class Folders(EnvironmentSettings):
    """Where the files of a user are."""

    home: Path = Field(default_factory=Path.home, validation_alias=HOME_VARIABLE)
    xdg_config_home: Path | None = Field(None, validation_alias="XDG_CONFIG_HOME")
    app_data: Path | None = Field(None, validation_alias="APPDATA")
    claude_config_dir: Path | None = Field(None, validation_alias="CLAUDE_CONFIG_DIR")
    """The folder that Claude Code uses instead of the home directory."""

    @property
    def config(self) -> Path:
        """The folder for configuration on Linux; a relative one does not count, by the standard."""
        path = self.xdg_config_home
        return path if path is not None and path.is_absolute() else self.home / ".config"

    @property
    def application_data(self) -> Path:
        """The folder of applications on Windows."""
        return self.app_data or self.home / "AppData" / "Roaming"


def load_folders() -> Folders:
    """Read the folders from the environment."""
    return Folders.from_environment(None, {})

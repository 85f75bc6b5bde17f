"""Where the configuration of a client is on this machine."""

import sys
from pathlib import Path

from ..settings.folders import Folders
from .table import Client, Scope, System


def this_system() -> System:
    """The system that this program runs on."""
    if sys.platform == "win32":
        return "windows"
    return "macos" if sys.platform == "darwin" else "linux"


def file_of(client: Client, scope: Scope, folders: Folders, project: Path, system: System) -> Path:
    """The file of a client; raises ValueError if it has none for a project."""
    if scope == "project":
        if client.project_file is None:
            raise ValueError(f"{client.name} has no configuration for a project")
        return project / client.project_file
    if client.key == "claude-code" and folders.claude_config_dir is not None:
        return folders.claude_config_dir / client.user_file.linux.removeprefix("~/")
    return _expanded(client.user_file.on(system), folders)


def skills_folder_of(client: Client, scope: Scope, folders: Folders, project: Path) -> Path:
    """The folder in which a client reads skills; raises ValueError if it reads none from files."""
    if client.skills is None:
        raise ValueError(f"{client.name} reads no skills from files")
    if scope == "project":
        return project / client.skills.project
    if client.key == "claude-code" and folders.claude_config_dir is not None:
        return folders.claude_config_dir / "skills"
    return folders.home / client.skills.user


def _expanded(path: str, folders: Folders) -> Path:
    """The path with the folders of this user."""
    first, _, rest = path.replace("\\", "/").partition("/")
    roots = {
        "~": folders.home,
        "%USERPROFILE%": folders.home,
        "$XDG_CONFIG_HOME": folders.config,
        "%APPDATA%": folders.application_data,
    }
    return roots[first] / rest


def shown_places(client: Client) -> list[str]:
    """The path of the user's file on each system, one if it is the same, for a person."""
    file = client.user_file
    linux = file.linux.replace("$XDG_CONFIG_HOME", "~/.config")
    windows = file.windows.replace("%USERPROFILE%\\", "~\\")
    if file.macos == linux and windows.replace("\\", "/") == linux:
        return [linux]
    return [f"Linux: {linux}", f"macOS: {file.macos}", f"Windows: {file.windows}"]

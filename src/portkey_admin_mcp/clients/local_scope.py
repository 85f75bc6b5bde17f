"""Claude Code's local scope: servers for one folder, which it prefers to all others of their name.

They are in the user's file, under `projects`, and `claude mcp add` writes them there by default.
"""

from dataclasses import replace
from pathlib import Path

from . import jsonc
from .edits import owner_of
from .forms import Form
from .table import Client

SECTION = "projects"


def local_form(client: Client, folder: Path) -> Form | None:
    """The form of the entries for one folder; None if the client has no such scope."""
    if not client.has_local_scope:
        return None
    return _form_for(client, _project_of(folder).as_posix())


def other_folders(client: Client, text: str, name: str, folder: Path) -> list[str]:
    """The other folders that have an entry of ours by this name; raises JsoncError."""
    projects = jsonc.parse(text).get(SECTION) if client.has_local_scope else None
    if not isinstance(projects, dict):
        return []
    here = _project_of(folder).as_posix()
    return [
        path
        for path in projects
        if path != here and owner_of(text, _form_for(client, path), name) == "ours"
    ]


def _form_for(client: Client, folder: str) -> Form:
    return replace(client.form, section=(SECTION, folder, *client.form.section))


def _project_of(folder: Path) -> Path:
    """The folder that stands for this one: the root of its Git repository, if it is in one."""
    parents = (folder, *folder.parents)
    return next((each for each in parents if (each / ".git").exists()), folder)

"""The skills that `install --skills` writes for a client, and that `uninstall` removes."""

from pathlib import Path

import click

from ..clients.places import skills_folder_of
from ..settings.folders import load_folders
from .failures import exit_on_error
from .install_actions import Target
from .skills import report_skills


def skills_folder(target: Target) -> Path:
    """The folder in which the client reads skills; raises UsageError if it reads none."""
    try:
        return skills_folder_of(target.client, target.scope, load_folders(), Path.cwd())
    except ValueError as error:
        raise click.UsageError(
            f"{error}. Leave out --skills: the server offers the same plans as prompts."
        ) from None


def install_skills(target: Target, *, dry_run: bool) -> None:
    """Write the server's own skills, and print what happened to each."""
    from ..server.mcp.skills.folders import write_skills

    folder = skills_folder(target)
    with exit_on_error():
        report_skills(write_skills(folder, user=_user(target), dry_run=dry_run), folder, dry_run)


def uninstall_skills(target: Target, *, dry_run: bool) -> None:
    """Remove the skills that were written with this entry, and print what happened to each."""
    if target.client.skills is None:
        return
    from ..server.mcp.skills.folders import remove_skills

    folder = skills_folder(target)
    with exit_on_error():
        results = remove_skills(folder, user=_user(target), dry_run=dry_run)
    if results:
        report_skills(results, folder, dry_run)


def _user(target: Target) -> str:
    """The name of the entry in the record of a folder, which several clients may share."""
    return f"{target.client.key}: {target.name}"

"""`skills`: list the skills, write them as folders for clients that read files, remove them."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..clients.table import BY_KEY, CLIENTS
from .failures import exit_on_error
from .options import env_file_option

if TYPE_CHECKING:
    from ..server.mcp.skills.folders import WrittenSkill
    from ..server.mcp.skills.organisation import OrganisationSkills
    from ..server.mcp.skills.skill import Skill

READERS = [client.key for client in CLIENTS if client.skills is not None]
MEANINGS = {
    "kept": "kept: a file in its folder is not ours, or was changed",
    "used": "kept: it was written for something else, too",
}
"""What is printed for a state that is no plain word."""

folder_argument = click.argument("folder", required=False, type=click.Path(path_type=Path))
client_option = click.option(
    "--client", type=click.Choice(READERS), help="Your own skills of this client, not a FOLDER."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Write nothing; say what would be.")
organisation_option = click.option(
    "--organisation",
    is_flag=True,
    help="The skills that your organisation keeps in Portkey, too. Needs its key.",
)
sandbox_option = click.option(
    "--sandbox", is_flag=True, help="With --organisation: that of the emulator, without a key."
)


@click.group(short_help="List skills, or write them for clients that read files.")
def skills() -> None:
    """Plans for an administrator's tasks, as Agent Skills.

    The MCP server serves them to clients that ask for skills. For those that read files:

    \b
    Write them:      portkey-admin-mcp skills install --client claude-code
    Anywhere else:   portkey-admin-mcp skills install .agents/skills
    """  # noqa: D301  # click needs the character \b


@skills.command("list", short_help="Name the skills.")
@organisation_option
@sandbox_option
@env_file_option
@click.option("--json", "as_json", is_flag=True, help="Print their entries, with digests, as JSON.")
def list_skills(organisation: bool, sandbox: bool, env_file: Path | None, as_json: bool) -> None:
    """Name each skill, and say what it is for.

    \b
    portkey-admin-mcp skills list
    """  # noqa: D301  # click needs the character \b
    listed = _skills(organisation, sandbox, env_file)
    if as_json:
        click.echo(json.dumps([skill.entry for skill in listed], ensure_ascii=False, indent=2))
        return
    width = max(len(skill.name) for skill in listed)
    for skill in listed:
        click.echo(f"{skill.name:{width}}  {skill.description.partition('. ')[0].rstrip('.')}")


@skills.command(short_help="Write the skills as folders.")
@folder_argument
@client_option
@organisation_option
@sandbox_option
@dry_run_option
@env_file_option
def install(
    folder: Path | None,
    client: str | None,
    organisation: bool,
    sandbox: bool,
    dry_run: bool,
    env_file: Path | None,
) -> None:
    """Write each skill into FOLDER, as a folder with a file SKILL.md.

    Folders and files of others stay as they are. Run it again after an upgrade.

    \b
    portkey-admin-mcp skills install --client codex
    portkey-admin-mcp skills install .agents/skills --dry-run
    """  # noqa: D301  # click needs the character \b
    from ..server.mcp.skills.folders import write_skills

    target = _target(folder, client)
    chosen = _skills(organisation, sandbox, env_file)
    with exit_on_error():
        report_skills(write_skills(target, dry_run=dry_run, skills=chosen), target, dry_run)


@skills.command(short_help="Remove what `install` wrote.")
@folder_argument
@client_option
@dry_run_option
def remove(folder: Path | None, client: str | None, dry_run: bool) -> None:
    """Remove from FOLDER what `skills install` wrote, except skills that were changed since.

    \b
    portkey-admin-mcp skills remove --client codex
    """  # noqa: D301  # click needs the character \b
    from ..server.mcp.skills.folders import remove_skills

    target = _target(folder, client)
    with exit_on_error():
        report_skills(remove_skills(target, dry_run=dry_run), target, dry_run)


def _target(folder: Path | None, client: str | None) -> Path:
    """The folder that the arguments name."""
    from ..clients.places import skills_folder_of
    from ..settings.folders import load_folders

    if (folder is None) == (client is None):
        raise click.UsageError("Name a FOLDER or a --client, one of the two.")
    if client is None:
        return folder or Path()
    return skills_folder_of(BY_KEY[client], "user", load_folders(), Path.cwd())


def report_skills(written: "list[WrittenSkill]", target: Path, dry_run: bool) -> None:
    """Print what happened to each skill in a folder, or would happen."""
    click.echo(f"{target}{', as it would be' if dry_run else ''}:" if written else "nothing to do")
    width = max((len(each.name) for each in written), default=0)
    for each in written:
        click.echo(f"  {each.name:{width}}  {MEANINGS.get(each.state, each.state)}")


def _skills(organisation: bool, sandbox: bool, env_file: Path | None) -> "list[Skill]":
    """The server's own skills; with `organisation`, those in Portkey after them."""
    from ..server.mcp.skills.built_in import built_in_skills

    built_in = [*built_in_skills().values()]
    if not organisation:
        return built_in
    with exit_on_error():
        stored = asyncio.run(_organisation_skills(sandbox, env_file))
    for problem in stored.problems:
        click.echo(problem, err=True)
    if not stored.is_settled and not stored.skills:
        raise click.exceptions.Exit(1)
    return [*built_in, *stored.skills]


async def _organisation_skills(sandbox: bool, env_file: Path | None) -> "OrganisationSkills":
    """The skills in Portkey. Raises ConfigurationError if a setting is missing or wrong."""
    from ..assembly import portkey_factory, selected_offer, tool_calls
    from ..door_assembly import policy_guard
    from ..server.mcp.skills.organisation import read_all
    from ..settings.safety import load_safety
    from ..settings.settings import load_settings

    settings = load_settings(env_file, **({"PORTKEY_SANDBOX": True} if sandbox else {}))
    safety = load_safety(env_file)
    portkey = portkey_factory(settings)
    guard = policy_guard(safety)
    calls = tool_calls(settings, safety, selected_offer(settings), portkey=portkey, guard=guard)
    try:
        return await read_all(calls)
    finally:
        portkey().retire()

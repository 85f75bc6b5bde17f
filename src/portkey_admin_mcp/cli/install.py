"""`install` and `uninstall`: write this server into the configuration of an MCP client."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..clients.servers import SERVER_NAME
from ..clients.table import BY_KEY, Scope

client_argument = click.argument("client", type=click.Choice([*BY_KEY]), metavar="CLIENT")


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say which entry of which file is changed."""
    options = (
        click.option(
            "--scope",
            type=click.Choice(["user", "project"]),
            default="user",
            show_default=True,
            help="Your own configuration, or that of the project in this folder.",
        ),
        click.option("--name", default=SERVER_NAME, show_default=True, help="Its name there."),
        click.option("--dry-run", is_flag=True, help="Show the change, and write nothing."),
        click.option(
            "--force", is_flag=True, help="Also if the entry of this name starts another program."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(short_help="Write this server into the configuration of a client.")
@client_argument
@click.option("--sandbox", is_flag=True, help="Configure the emulator: no key, no risk.")
@click.option("--url", help="Configure a hosted service instead, by its endpoint: https://…/mcp.")
@click.option(
    "--bearer", is_flag=True, help="With --url: send the token in PORTKEY_ADMIN_MCP_TOKEN."
)
@click.option("--caller-key", is_flag=True, help="With --url: send your PORTKEY_API_KEY, too.")
@click.option("--uvx", is_flag=True, help="Start it by uvx, instead of this installation.")
@click.option(
    "--env",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting that is no secret; may be repeated.",
)
@click.option(
    "--env-key",
    multiple=True,
    metavar="VAR",
    help="Let the client pass on this variable of its environment, too.",
)
@click.option(
    "--env-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Read the key from this .env file at every start.",
)
@click.option("--write-key", is_flag=True, help="Write the key itself into the file.")
@click.option("--skills", is_flag=True, help="Write the skills that it reads from files, too.")
@click.option("--print", "is_printed", is_flag=True, help="Print the configuration only.")
@file_options
def install(
    client: str,
    scope: Scope,
    name: str,
    dry_run: bool,
    force: bool,
    is_printed: bool,
    skills: bool,
    **options: Any,
) -> None:
    """Write this server into the configuration of a client.

    Everything else in the file stays as it is, with comments, and a copy of the old file is kept
    beside it. No key is written, unless --write-key is given: the client takes PORTKEY_API_KEY from
    its environment, or asks for it. An entry that is there already is replaced as a whole. Cursor
    and VS Code take few tools, so they get a setting for that, unless --env chooses tools.

    \b
    portkey-admin-mcp install cursor --sandbox
    portkey-admin-mcp install claude-desktop --env-file ~/portkey.env
    portkey-admin-mcp install claude-code --skills --dry-run

    \b
    Changes files of:    claude-code, claude-desktop, cursor, vscode, vscode-insiders
    With --print, also:  codex, gemini-cli, copilot-cli, windsurf, zed, goose, opencode, antigravity
    """  # noqa: D301  # click needs the character \b
    from ..clients.launcher import typed_command
    from .install_actions import (
        Target,
        install_into,
        print_configuration,
        warn_of_local_entry,
    )
    from .install_notes import env_file_warnings
    from .install_server import Choice, check_name, server_for
    from .install_skills import install_skills, skills_folder

    check_name(name)
    chosen = BY_KEY[client]
    choice = Choice(**options)
    if is_printed and (dry_run or force or choice.write_key or skills):
        raise click.UsageError(
            "--print changes no file and shows no key: leave out --dry-run, --force, --write-key, "
            "--skills."
        )
    server = server_for(chosen, choice, is_shared=scope == "project")
    for warning in env_file_warnings(choice):
        click.echo(warning, err=True)
    if is_printed:
        print_configuration(chosen, server, name, scope)
        return
    if not chosen.can_install:
        cure = f" `{typed_command()} skills install --client {client}` writes its skills."
        raise click.UsageError(
            f"install does not change files of {chosen.name}. Use --print, and paste it there."
            + (cure if skills and chosen.skills else "")
        )
    target = Target(chosen, scope, name)
    if skills:
        skills_folder(target)  # refuses a client that reads none before anything is written
    install_into(target, server, dry_run=dry_run, force=force)
    warn_of_local_entry(target)
    if skills:
        install_skills(target, dry_run=dry_run)


@click.command(short_help="Remove this server from the configuration of a client.")
@client_argument
@file_options
def uninstall(client: str, scope: Scope, name: str, dry_run: bool, force: bool) -> None:
    """Remove this server from the configuration of a client, and nothing else from that file.

    Skills that `install --skills` wrote are removed with it, except those that were changed since.
    For Claude Code, the entry for this folder alone is removed, too.

    \b
    portkey-admin-mcp uninstall cursor
    """  # noqa: D301  # click needs the character \b
    from ..clients.launcher import typed_command
    from .install_actions import Target, uninstall_from
    from .install_server import check_name
    from .install_skills import uninstall_skills

    check_name(name)
    target = Target(BY_KEY[client], scope, name)
    if not target.client.can_install:
        cure = f" `{typed_command()} skills remove --client {client}` removes its skills."
        section = ".".join((*target.client.form.section, name))
        raise click.UsageError(
            f"uninstall does not change files of {target.client.name}. Remove {section} by hand "
            f"from {target.path}." + (cure if target.client.skills else "")
        )
    uninstall_from(target, dry_run=dry_run, force=force)
    uninstall_skills(target, dry_run=dry_run)

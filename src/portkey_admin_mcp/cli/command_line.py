"""The `portkey-admin-mcp` command: its options, and the list of its subcommands.

A command imports its code inside its function, so that `--help` and `--version` answer at once.
"""

from pathlib import Path

import click

from .. import __version__
from .approvals import approvals, approve, deny
from .call import call
from .check_http import check_http
from .completion import completion
from .demo import demo
from .describe import describe
from .doctor.command import doctor
from .emulator import emulator
from .freeze import freeze, thaw
from .http import http
from .install import install, uninstall
from .journal import journal
from .options import env_file_option, sandbox_option
from .output import ResultGroup
from .policy import policy
from .skills import skills
from .tools import tools

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
SECTIONS = {
    "Connect an AI assistant": (install, uninstall, skills, http, check_http),
    "Use the tools without a model": (tools, describe, call, completion),
    "Decide on changes, and look at those that were made": (
        *(approvals, approve, deny, freeze, thaw, policy, journal),
    ),
    "Try it, and find what is wrong": (demo, emulator, doctor),
}
"""The commands, in the order of the help and of the README."""


class Sections(ResultGroup):
    """A group whose help lists its commands in sections."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section with its title."""
        width = max(map(len, self.commands))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                limit = formatter.width - width - 6
                formatter.write_dl(
                    [(f"{each.name:{width}}", each.get_short_help_str(limit)) for each in commands]
                )

    def cure_of_unknown(self, name: str) -> str:
        """A hint for the name of a tool, which is called by `call`."""
        from ..server.loading import load_offer

        return f"It is a tool: use `call {name}`." if name in load_offer().tools else ""


def _takes(command: click.Command, option: str) -> bool:
    """Whether a command, or one of a group of commands, has an option."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return any(option in param.opts for param in command.params) or any(
        _takes(each, option) for each in below
    )


def _right_place(name: str, options: list[str]) -> str:
    """Where options that were written before a command belong; empty if it takes none of them."""
    command = main.commands[name]
    subcommand = " COMMAND" if isinstance(command, click.Group) else ""
    taken = [option for option in options if _takes(command, option)]
    return f" Write it after the command: {name}{subcommand} {' '.join(taken)}." if taken else ""


@click.group(cls=Sections, invoke_without_command=True, context_settings=CONTEXT_SETTINGS)
@sandbox_option
@env_file_option
@click.version_option(__version__, "-V", "--version", prog_name="portkey-admin-mcp")
@click.pass_context
def main(context: click.Context, sandbox: bool, env_file: Path | None) -> None:
    """Administer a Portkey organisation from an AI assistant.

    Without a command, serves MCP on stdin and stdout: this is what an MCP client starts. Set
    PORTKEY_API_KEY in its environment, or give --sandbox to try it without an account. All
    settings are environment variables; `doctor --setting NAME` describes one.

    \b
    Try it now:          portkey-admin-mcp demo
    Claude Code:         claude mcp add portkey -- portkey-admin-mcp --sandbox
    Other clients:       portkey-admin-mcp install --help
    For a team:          portkey-admin-mcp http --sandbox
    Without a model:     portkey-admin-mcp call list_workspaces --sandbox
    """  # noqa: D301  # click needs the character \b
    if context.invoked_subcommand is None:
        from .stdio import serve_stdio

        serve_stdio(sandbox=sandbox, env_file=env_file)
    elif sandbox or env_file:
        options = [*(["--sandbox"] if sandbox else []), *(["--env-file"] if env_file else [])]
        command = context.invoked_subcommand
        hint = _right_place(command, options)
        raise click.UsageError(
            f"--sandbox and --env-file before a command belong to serving on stdio, "
            f"not to {command}.{hint}"
        )


for section in SECTIONS.values():
    for command in section:
        main.add_command(command)

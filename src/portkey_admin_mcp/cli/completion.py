"""`completion`: the script with which a shell completes this command; and what the scripts call.

A script passes the line up to the cursor in COMP_LINE, and gets lines of three fields, separated by
tabs: `plain`, `open` (no space follows) or `file`, the text to insert, and a help text.
"""

import os
from pathlib import Path

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    split_arg_string,
)

SHELLS = ("bash", "zsh", "fish")
SCRIPTS = Path(__file__).with_name("shells")


@click.command(short_help="Print the script that completes commands in a shell.")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script with which SHELL completes commands, tools, arguments, ids and slugs.

    Ids and slugs are read from Portkey, or from the sandbox after --sandbox, within two seconds;
    they are cached for a minute in the state directory.

    \b
    eval "$(portkey-admin-mcp completion bash)"    # in ~/.bashrc
    eval "$(portkey-admin-mcp completion zsh)"     # in ~/.zshrc, after compinit
    portkey-admin-mcp completion fish | source     # in ~/.config/fish/config.fish
    """  # noqa: D301  # click needs the character \b
    click.echo((SCRIPTS / f"completion.{shell}").read_text(encoding="utf-8"), nl=False)


class LineComplete(ShellComplete):
    """Completes the line in COMP_LINE, which ends at the cursor."""

    source_template = ""  # the scripts are files
    _typed = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The complete words after the program's name, and the word at the cursor."""
        line = _variable("COMP_LINE")
        words = split_arg_string(line)
        self._typed = "" if line[-1:].isspace() or len(words) < 2 else words.pop()
        return words[1:], self._typed

    def format_completion(self, item: CompletionItem) -> str:
        """A line for the script."""
        from ..server.calls.visible_text import visible

        kind = "file" if item.type in ("file", "dir") else "plain"
        if item.value.endswith(("=", ".")):
            kind = "open"
        help_text = visible(" ".join((item.help or "").split()))
        return f"{kind}\t{self._insertion(item.value)}\t{help_text}"

    def _insertion(self, value: str) -> str:
        return value


class BashLine(LineComplete):
    """The same for Bash, which replaces only what follows the last of COMP_WORDBREAKS."""

    name = "bash"

    def _insertion(self, value: str) -> str:
        breaks = (self._typed.rfind(each) for each in _variable("COMP_WORDBREAKS"))
        return value[max(breaks, default=-1) + 1 :]


class ZshLine(LineComplete):
    """The same for Zsh."""

    name = "zsh"


class FishLine(LineComplete):
    """The same for Fish."""

    name = "fish"


def _variable(name: str) -> str:
    return os.environ.get(name, "")  # noqa: TID251  # what the shell passes, no setting


for each in (BashLine, ZshLine, FishLine):
    add_completion_class(each)

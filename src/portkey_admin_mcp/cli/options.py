"""Options that several commands share."""

from pathlib import Path

import click

DESCRIBE_SETTING = "`{program} doctor --setting NAME` describes a setting."
"""Where a person who has only the program reads what a setting is for."""


def describe_setting() -> str:
    """DESCRIBE_SETTING with what the person types to start this program."""
    from ..clients.launcher import typed_command

    return DESCRIBE_SETTING.replace("{program}", typed_command())


sandbox_option = click.option(
    "--sandbox",
    is_flag=True,
    help="Use the embedded emulator instead of Portkey: no key, no network, no risk.",
)
listing_sandbox_option = click.option(
    "--sandbox", is_flag=True, help="Changes nothing: the sandbox has the same tools."
)
"""For commands that send nothing, so that one line of options fits all."""
env_file_option = click.option(
    "--env-file",
    type=click.Path(path_type=Path),
    help="Read settings from this .env file too; the environment wins. No other is read.",
)
state_option = click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --sandbox: SQLite file that keeps its organisation from one command to the next.",
)

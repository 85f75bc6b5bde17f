"""`journal`: verify, export and list the change journal."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from .failures import exit_on_error
from .options import env_file_option

if TYPE_CHECKING:
    from ..safety.journal.journal import Journal

T = TypeVar("T")

file_option = click.option(
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The journal's file, instead of the one that the settings name.",
)


@click.group(short_help="Verify, export or list the change journal.")
def journal() -> None:
    """Look at the change journal, in which the server records every change.

    It is the one that the settings name: PORTKEY_JOURNAL, PORTKEY_STATE_DIR, and for an
    HTTP service that uses Redis MCP_REDIS_URL.

    \b
    Check it:         portkey-admin-mcp journal verify
    Send it to SIEM:  portkey-admin-mcp journal export --output changes.jsonl
    """  # noqa: D301  # click needs the character \b


@journal.command(short_help="Check that no line was changed or removed.")
@click.option("--expect-head", help="A head that was printed before: fail if it is not there.")
@file_option
@env_file_option
def verify(expect_head: str | None, file: Path | None, env_file: Path | None) -> None:
    """Check the hash chain from the first line to the last; exit with code 1 if it is broken.

    Prints the number of lines and the head, which is the hash of the last line. Keep the head
    somewhere else: with --expect-head it shows later whether lines were cut off at the end.

    \b
    portkey-admin-mcp journal verify
    """  # noqa: D301  # click needs the character \b
    from ..safety.journal.chain import Chain

    async def check(opened: "Journal") -> tuple[Chain, bool]:
        chain, has_head = Chain(), expect_head is None
        async for line in opened.lines():
            chain.add(line)
            has_head = has_head or line.hash == expect_head
        return chain, has_head

    chain, has_head = _with_journal(check, file, env_file)
    click.echo(f"lines: {chain.count}\nhead: {chain.head}")
    problem = chain.problem or ("" if has_head else "the line of the expected head is missing")
    click.echo(f"problem: {problem}" if problem else "The chain holds.")
    if problem:
        raise click.exceptions.Exit(1)


@journal.command(short_help="Write all lines as JSON lines.")
@click.option("--output", type=click.File("w", encoding="utf-8"), default="-", help="A file.")
@file_option
@env_file_option
def export(output: TextIO, file: Path | None, env_file: Path | None) -> None:
    """Write each line of the journal as a JSON object with its hash, to stdout or --output.

    \b
    portkey-admin-mcp journal export --output changes.jsonl
    """  # noqa: D301  # click needs the character \b

    async def write(opened: "Journal") -> None:
        async for line in opened.lines():
            output.write(f'{line.text[:-1]},"hash":"{line.hash}"}}\n')

    _with_journal(write, file, env_file)


@journal.command("list", short_help="Show the last changes.")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many."
)
@file_option
@env_file_option
def list_(limit: int, file: Path | None, env_file: Path | None) -> None:
    """Show the last changes, the newest first: id, time, who, what, and the outcome.

    \b
    portkey-admin-mcp journal list --limit 5
    """  # noqa: D301  # click needs the character \b
    from ..safety.journal.changes import latest_changes

    async def latest(opened: "Journal") -> list[dict[str, Any]]:
        return await latest_changes(opened, limit, lambda _change: True)

    for change in _with_journal(latest, file, env_file):
        names = ("change", "at", "principal", "tool", "object", "state")
        # As JSON, a name cannot control the terminal.
        click.echo("  ".join(json.dumps(change[name])[1:-1] for name in names))


def _with_journal(
    use: "Callable[[Journal], Awaitable[T]]", file: Path | None, env_file: Path | None
) -> T:
    """What `use` returns of the journal; an error ends the command."""
    from ..door_assembly import journal_factory
    from ..settings.hosting import load_hosting
    from ..settings.safety import load_safety

    async def run() -> T:
        overrides = {} if file is None else {"PORTKEY_JOURNAL": str(file)}
        open_journal = journal_factory(load_safety(env_file, **overrides), load_hosting(env_file))
        if open_journal is None:
            raise click.ClickException("there is no change journal: PORTKEY_JOURNAL is off")
        opened = open_journal()
        try:
            return await use(opened)
        finally:
            await opened.close()

    with exit_on_error():
        return asyncio.run(run())

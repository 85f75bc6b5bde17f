"""`journal`: verify, export and list the change journal."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO, TypeVar

import click

from .calls import journal_of_sandbox, require_sandbox
from .failures import exit_on_error
from .options import env_file_option, state_option

if TYPE_CHECKING:
    from ..safety.journal.journal import Journal

T = TypeVar("T")


def journal_options(command: Callable[..., T]) -> Callable[..., T]:
    """Options that say which journal is meant; the command receives a `JournalPlace`, `place`."""

    @click.option(
        "--file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="The journal's file, instead of the one that the settings name.",
    )
    @click.option("--sandbox", is_flag=True, help="The journal of the sandbox; needs --state.")
    @state_option
    @env_file_option
    @wraps(command)
    def with_place(
        *args: Any,
        file: Path | None,
        sandbox: bool,
        state: Path | None,
        env_file: Path | None,
        **named: Any,
    ) -> T:
        if (sandbox or state) and file:
            raise click.UsageError("--file names the journal: leave out --sandbox and --state")
        if sandbox or state:
            file = _of_sandbox(state, sandbox=sandbox)
        return command(*args, place=JournalPlace(file, env_file), **named)

    return with_place


def _of_sandbox(state: Path | None, *, sandbox: bool) -> Path:
    """The journal beside the file that keeps a sandbox. Raises UsageError without one."""
    if state is None:
        raise click.UsageError(
            "the sandbox forgets its journal when it ends; of calls with --state FILE it is kept: "
            "add --state FILE"
        )
    require_sandbox(sandbox=sandbox)
    file = journal_of_sandbox(state)
    if not file.is_file():
        raise click.UsageError(f"there is no journal {file}: no change was made with --state yet")
    return file


class JournalPlace(NamedTuple):
    """Which journal is meant: a file, or the one of the settings."""

    file: Path | None
    env_file: Path | None


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
@journal_options
def verify(expect_head: str | None, place: JournalPlace) -> None:
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

    chain, has_head = _with_journal(check, place)
    click.echo(f"lines: {chain.count}\nhead: {chain.head}")
    problem = chain.problem or ("" if has_head else "the line of the expected head is missing")
    click.echo(f"problem: {problem}" if problem else "The chain holds.")
    if problem:
        raise click.exceptions.Exit(1)


@journal.command(short_help="Write all lines as JSON lines.")
@click.option("--output", type=click.File("w", encoding="utf-8"), default="-", help="A file.")
@journal_options
def export(output: TextIO, place: JournalPlace) -> None:
    """Write each line of the journal as a JSON object with its hash, to stdout or --output.

    \b
    portkey-admin-mcp journal export --output changes.jsonl
    """  # noqa: D301  # click needs the character \b

    async def write(opened: "Journal") -> None:
        async for line in opened.lines():
            output.write(f'{line.text[:-1]},"hash":"{line.hash}"}}\n')

    _with_journal(write, place)


@journal.command("list", short_help="Show the last changes.")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many."
)
@journal_options
def list_(limit: int, place: JournalPlace) -> None:
    """Show the last changes, the newest first: id, time, who, what, and the outcome.

    \b
    portkey-admin-mcp journal list --limit 5
    portkey-admin-mcp journal list --sandbox --state try.sqlite
    """  # noqa: D301  # click needs the character \b
    from ..safety.journal.changes import latest_changes

    async def latest(opened: "Journal") -> list[dict[str, Any]]:
        return await latest_changes(opened, limit, lambda _change: True)

    changes = _with_journal(latest, place)
    for change in changes:
        names = ("change", "at", "principal", "tool", "object", "state")
        click.echo("  ".join(_on_one_line(str(change[name])) for name in names))
    if not changes:
        click.echo("No changes are recorded yet.", err=True)


def _on_one_line(text: str) -> str:
    """A text that cannot control the terminal, nor end its line."""
    from ..safety.preview_lines import visible

    return visible(text)


def _with_journal(use: "Callable[[Journal], Awaitable[T]]", place: JournalPlace) -> T:
    """What `use` returns of the journal; an error ends the command."""
    from ..door_assembly import journal_factory
    from ..settings.hosting import load_hosting
    from ..settings.safety import load_safety

    async def run() -> T:
        overrides = {} if place.file is None else {"PORTKEY_JOURNAL": str(place.file)}
        safety = load_safety(place.env_file, **overrides)
        open_journal = journal_factory(safety, load_hosting(place.env_file))
        if open_journal is None:
            raise click.ClickException("there is no change journal: PORTKEY_JOURNAL is off")
        opened = open_journal()
        try:
            return await use(opened)
        finally:
            await opened.close()

    with exit_on_error():
        return asyncio.run(run())

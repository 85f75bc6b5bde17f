"""`call`: call one tool from the command line, through the same checks as from a client."""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .agents import agent_variable
from .calls import CommandCalls
from .completion_types import TOOL_ARGUMENT, TOOL_NAME
from .exit_codes import exit_code_names
from .options import env_file_option, sandbox_option, state_option
from .output import Output, ResultCommand, output_options

if TYPE_CHECKING:
    from ..portkey.catalog import Tool
    from ..server.calls.outcome import Outcome
    from ..server.calls.tool_calls import ToolCalls

DEFAULT_MAX_PAGES = 100
EXIT_CODES = f"Exit codes: {exit_code_names()}."


class Options(NamedTuple):
    """The options of a call that say how much is read and sent."""

    all_pages: bool
    max_pages: int | None
    dry_run: bool


@click.command(cls=ResultCommand, short_help="Call a tool.", epilog=EXIT_CODES)
@click.argument("tool", type=TOOL_NAME)
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...", type=TOOL_ARGUMENT)
@click.option(
    "--json",
    "json_source",
    metavar="FILE|-|JSON",
    help="Arguments as a JSON object: a file, standard input, or the text. NAME=VALUE wins.",
)
@click.option("--all", "all_pages", is_flag=True, help="Read all pages of a list.")
@click.option(
    "--max-pages",
    type=click.IntRange(1),
    metavar="N",
    help=f"With --all: stop after so many pages of 100 rows. [default: {DEFAULT_MAX_PAGES}]",
)
@click.option("--dry-run", is_flag=True, help="Show what a change would do; send nothing.")
@output_options
@sandbox_option
@state_option
@env_file_option
def call(
    tool: str,
    arguments: tuple[str, ...],
    json_source: str | None,
    output: Output,
    sandbox: bool,
    state: Path | None,
    env_file: Path | None,
    **options: Any,
) -> None:
    """Call TOOL, and print its answer. `describe TOOL` shows its arguments.

    \b
    name=value        text, number, true, false or null; a list as a,b or repeated
    name.part=value   a field of an object
    name:=JSON        any JSON value
    name=@FILE        the contents of a file; @- is standard input

    Every change passes the checks of an MCP client: policy, freeze, journal. One of high risk asks
    at the terminal for the name of its object; elsewhere it is refused with the id of an approval.

    \b
    portkey-admin-mcp call list_workspaces --sandbox
    portkey-admin-mcp call list_api_keys --sandbox --all -o csv
    portkey-admin-mcp call create_workspace --sandbox name=Growth metadata.team=growth
    """  # noqa: D301  # click needs the character \b
    from .tool_results import text_of_preview

    commands = CommandCalls(sandbox, env_file, state, dry_run=options["dry_run"])
    with commands.closing():
        request = Request(commands, tool, output, Options(**options))
        values = request.read(arguments, json_source)
        try:
            answer = _run(commands, request, values)
            output.write(answer, request.rows_in, text_of_preview(answer))
        except KeyboardInterrupt:
            raise commands.sent.interrupted() from None


def _run(commands: CommandCalls, request: "Request", values: dict[str, Any]) -> dict[str, Any]:
    """Run the call; SIGTERM stops it as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        return commands.run(request.run(values))
    finally:
        signal.signal(signal.SIGTERM, before)


class Request:
    """One call of a tool, and how its answer is read for the form of the output."""

    def __init__(self, commands: CommandCalls, name: str, output: Output, options: Options) -> None:
        self._commands = commands
        self._output = output
        self._options = options
        self._listed = commands.tool(name)
        self._name = name

    @property
    def _calls(self) -> "ToolCalls":
        return self._commands.calls

    @property
    def _tool(self) -> "Tool":
        return self._calls.tool(self._name)

    @property
    def rows_in(self) -> str:
        """The field of the answer that holds rows; empty if it holds none."""
        return rows_field(self._calls, self._name)

    @property
    def _properties(self) -> Mapping[str, Any]:
        properties: Mapping[str, Any] = self._listed.input_schema.get("properties", {})
        return properties

    def read(self, words: tuple[str, ...], json_source: str | None) -> dict[str, Any]:
        """The arguments of the call. Raises InputError for what cannot be read."""
        from ..server.calls.arguments import arguments_model
        from ..server.calls.schema import accepted_schema
        from .tool_arguments import inline_secrets, read_json, read_words

        if json_source == "-" and any(word.endswith("=@-") for word in words):
            raise click.UsageError("standard input is read once: --json - or name=@-, not both")
        schema = accepted_schema(arguments_model(self._tool))
        values = {} if json_source is None else read_json(json_source)
        values |= read_words(words, schema)
        if secrets := inline_secrets(words, json_source):
            self._output.note(
                f"{', '.join(secrets)}: other users of this machine can read a secret on the "
                f"command line; {secrets[0]}=@FILE or {secrets[0]}=@- takes it from a file."
            )
        if values.get("format") == "csv" and not self._output.is_agent:
            del values["format"]
            self._output.choose("csv", "format=csv")
        return values

    async def run(self, values: dict[str, Any]) -> dict[str, Any]:
        """The answer, for the form of the output. Raises Failed, or the errors of the settings."""
        from ..portkey.retries import on_long_wait
        from ..safety.asking import current_asker
        from ..safety.caller import Caller, current_caller
        from ..server.calls.result_size import max_chars_for_code
        from .calls import UNLIMITED_CHARS
        from .terminal_question import TerminalQuestion, can_ask

        self._calls.portkey()  # a state file that cannot be used is told before anything else
        agent = agent_variable()
        mark = f" ({agent})" if agent else ""
        current_caller.set(Caller(client=f"portkey-admin-mcp call{mark}"))
        if self._options.dry_run and self._listed.effect == "read":
            self._output.note(f"--dry-run does nothing here: {self._name} only reads.")
        if self._options.max_pages is not None and not self._options.all_pages:
            self._output.note("--max-pages does nothing without --all.")
        if not self._output.is_agent:
            on_long_wait.set(self._output.note)
        if not self._output.is_agent and can_ask():
            current_asker.set(TerminalQuestion())
        if self._is_complete:
            max_chars_for_code.set(UNLIMITED_CHARS)
        if self._options.all_pages:
            answer = await self._all_rows(values)
            if answer is not None:
                return self._shown(answer, None)
        outcome = await self._outcome(values)
        return self._shown(self._answer_of(outcome), outcome)

    async def _outcome(self, values: dict[str, Any]) -> "Outcome":
        """The outcome of one call. A read that says how far it is shows a bar.

        A change does not: it may ask at the terminal meanwhile.
        """
        from ..portkey.progress import Progress, current_progress
        from .progress import progress_bar

        is_shown = self._output.shows_progress and self._listed.effect == "read"
        with progress_bar(self._name, is_shown=is_shown and self._listed.reports_progress) as bar:

            async def report(done: float, total: float | None, _message: str) -> None:
                bar(int(done), None if total is None else int(total))

            current_progress.set(Progress(report))
            return await self._calls(self._name, values)

    @property
    def _is_complete(self) -> bool:
        """Whether the answer is printed with all fields: a table and a model need fewer."""
        return self._output.form in ("json", "yaml") and not self._output.is_agent

    async def _all_rows(self, values: dict[str, Any]) -> dict[str, Any] | None:
        """The answer with the rows of all pages; None if the tool has no pages."""
        from .pages import paging_of, read_all
        from .progress import progress_bar
        from .tool_results import Result, result_of

        paging = paging_of(self._properties)
        if paging is None or not self.rows_in:
            self._output.note(f"--all does nothing here: {self._name} has no pages.")
            return None

        async def page(arguments: dict[str, Any]) -> Result:
            outcome = await self._calls(self._name, arguments)
            return result_of(outcome, self._tool, is_agent=self._output.is_agent)

        with progress_bar(self._name, is_shown=self._output.shows_progress) as progress:
            rows = await read_all(
                page,
                values,
                paging,
                self.rows_in,
                progress,
                self._options.max_pages or DEFAULT_MAX_PAGES,
            )
        for note in rows.notes:
            self._output.note(note)
        return rows.answer

    def _answer_of(self, outcome: "Outcome") -> dict[str, Any]:
        """The answer of one call; its notes are printed. Raises Failed."""
        from .tool_results import result_of

        result = result_of(outcome, self._tool, is_agent=self._output.is_agent)
        for note in result.notes:
            self._output.note(note)
        return result.answer

    def _shown(self, answer: dict[str, Any], outcome: "Outcome | None") -> dict[str, Any]:
        from .tool_results import for_agent, without_own_fields

        if self._output.is_agent:
            return for_agent(answer, outcome)
        if self._is_complete:
            return answer
        shown = without_own_fields(answer, self._output.note)
        if shown.get("has_more") and not self._options.all_pages:
            total = f" of {shown['total']}" if "total" in shown else ""
            self._output.note(f"{len(shown[self.rows_in])}{total} rows; --all reads all pages.")
        return shown


def rows_field(calls: "ToolCalls", name: str) -> str:
    """The field of a tool's answer that holds its rows; empty if it holds none."""
    from typing import get_type_hints

    returns = get_type_hints(calls.tool(name).function)["return"]
    field: str = returns.rows_in
    return field

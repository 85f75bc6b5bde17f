"""What commands print: one value in the form asked for, and errors with an exit code.

A command that prints a result uses these parts:

* `@output_options` adds `-o/--output` and `--agent`, and passes one `Output` as `output`;
  `@json_options` adds `--json` in place of `-o`, for a command that prints its own text otherwise;
* `@click.command(cls=ResultCommand)` turns every error into a sentence with the exit code of its
  kind (`exit_codes`), and in agent mode into JSON on standard output;
* `output.write(value)` prints the result; `output.note(text)` tells what a person should know;
* `raise Failed(kind, message, cure)` ends the command with an error.

Agent mode (`--agent`, or a variable of `agents.AGENT_SIGNS`) prints exactly one JSON value on
standard output: the result, or `{"error": {"kind", "exit_code", "message", "cure"}}`. A result
of more than 100 KiB is written to a private file, and `{"file", "bytes"}` is printed. Nothing is
asked.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, TypeVar, cast

import click

from ..errors import PortkeyAdminError
from .agents import agent_variable
from .exit_codes import FAILED, INTERRUPTED, Kind, cure_of, kind_of

T = TypeVar("T")
Form = Literal["json", "yaml", "table", "csv", "text"]
"""How a result is printed; `text` is written by the command itself."""
FORMS: tuple[Form, ...] = ("json", "yaml", "table", "csv")
"""What `-o` takes."""
MAX_AGENT_BYTES = 100 * 1024
"""A longer result is written to a file in agent mode: a model would have to read all of it."""


class Failed(click.ClickException):
    """Ends a command with an error of a kind. `details` are further fields of it as JSON."""

    def __init__(self, kind: Kind, message: str, cure: str = "", **details: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.cure = cure
        self.details = details
        self.exit_code = kind.exit_code  # type: ignore[misc]  # click reads it on the instance

    def format_message(self) -> str:
        """The message, and the cure on the next line."""
        return "\n".join(filter(None, [self.message, self.cure]))


def failed(error: BaseException) -> Failed:
    """The end of a command because of an error, with the kind, message and cure of its class."""
    if isinstance(error, Failed):
        return error
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return Failed(INTERRUPTED, "interrupted.", "Nothing was changed.")
    if isinstance(error, click.ClickException):
        return Failed(kind_of(error), error.format_message())
    return Failed(kind_of(error), str(error), cure_of(error))


class Output:
    """Prints the result of one command, in one form."""

    def __init__(self, form: Form, *, is_agent: bool = False, is_form_chosen: bool = False) -> None:
        self.form: Form = form
        self._is_form_chosen = is_form_chosen
        self.is_agent = is_agent
        self._notes: list[str] = []

    @property
    def is_json(self) -> bool:
        """Whether the result is printed as JSON, for a program or an agent."""
        return self.is_agent or self.form == "json"

    @property
    def shows_progress(self) -> bool:
        """Whether progress may be shown: a person sees standard error."""
        return not self.is_agent and sys.stderr.isatty()

    def choose(self, form: Form, by: str) -> None:
        """Print in another form than the default. Raises UsageError if `-o` names a third one."""
        if self._is_form_chosen and form != self.form:
            raise click.UsageError(f"{by} contradicts -o {self.form}: leave one of them out")
        self.form = form

    def note(self, text: str) -> None:
        """Tell something beside the result: on standard error, or in agent mode in `notes`."""
        if self.is_agent:
            self._notes.append(text)
        else:
            click.echo(f"Note: {_printable(text)}", err=True)

    def write(self, value: Any, rows_in: str = "", text: str = "") -> None:
        """Print a JSON value. `rows_in` is the field of an object that holds rows, for tables.

        `text` is the value in words, which is printed in the place of a table.
        """
        if self.is_agent:
            _write_for_agent(self._with_notes(value))
        elif self.form == "json":
            click.echo(_printable(json.dumps(value, ensure_ascii=False, indent=2)))
        elif self.form == "yaml":
            click.echo(_yaml(value), nl=False)
        elif self.form == "table" and text:
            click.echo(_printable(text))
        else:
            from .tables import print_csv, print_table

            (print_csv if self.form == "csv" else print_table)(value, rows_in)

    def _with_notes(self, value: Any) -> Any:
        if not self._notes or not isinstance(value, dict):
            return value
        return {**value, "notes": [*value.get("notes", ()), *self._notes]}


def is_agent_mode(option: bool | None) -> bool:
    """Whether to print for an agent: as the option says, else by the variables that agents set."""
    return agent_variable() is not None if option is None else option


agent_option = click.option(
    "--agent/--no-agent",
    default=None,
    help="Print one JSON value, also for errors, and ask nothing. Default: on in the shells of "
    "coding agents.",
)


def output_options(command: Callable[..., T]) -> Callable[..., T]:
    """The options `-o/--output` and `--agent/--no-agent`; the command receives an `Output`."""

    @click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(FORMS),
        metavar="FORM",
        help="json, yaml, table or csv. Default: table on a terminal, else json.",
    )
    @agent_option
    @wraps(command)
    def with_output(*args: Any, form: str | None, agent: bool | None, **named: Any) -> T:
        is_agent = is_agent_mode(agent)
        if is_agent and form not in (None, "json"):
            raise click.UsageError(
                f"-o {form} does not go with agent mode, which prints JSON: leave it out, or add "
                "--no-agent"
            )
        default = "table" if sys.stdout.isatty() else "json"
        output = Output(
            cast(Form, form or default), is_agent=is_agent, is_form_chosen=form is not None
        )
        return command(*args, output=output, **named)

    return with_output


def json_options(command: Callable[..., T]) -> Callable[..., T]:
    """The options `--json` and `--agent/--no-agent`; the command receives an `Output`.

    It prints its own text unless `output.is_json`.
    """

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @agent_option
    @wraps(command)
    def with_output(*args: Any, as_json: bool, agent: bool | None, **named: Any) -> T:
        output = Output("json" if as_json else "text", is_agent=is_agent_mode(agent))
        return command(*args, output=output, **named)

    return with_output


class ResultCommand(click.Command):
    """A command that ends with the exit code of its error's kind; for agents, with JSON."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> click.Context:
        """Parse the command line; a wrong one is an error like any other."""
        option = {"--agent": True, "--no-agent": False}
        named = [option[each] for each in args if each in option]
        with _Ending(is_agent_mode(named[-1] if named else None)):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _Ending(is_agent_mode(ctx.params.get("agent"))):
            return super().invoke(ctx)


class ResultGroup(click.Group):
    """A group of commands; for agents, an unknown one is JSON too."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, and what is left of the arguments."""
        with _Ending(is_agent_mode(True if "--agent" in args else None)):
            try:
                return super().resolve_command(ctx, args)
            except click.UsageError as error:
                cure = self.cure_of_unknown(args[0])
                if not cure:
                    raise
                raise click.UsageError(f"{error.message.rstrip('.')}. {cure}", ctx) from None

    def cure_of_unknown(self, _name: str) -> str:
        """What a person who typed this unknown command may have meant; empty if nothing."""
        return ""


class _Ending:
    """Ends a command by its error: as click does, or in agent mode with JSON."""

    def __init__(self, is_agent: bool) -> None:
        self._is_agent = is_agent

    def __enter__(self) -> None:
        pass

    def __exit__(self, cls: Any, error: BaseException | None, _traceback: Any) -> None:
        if error is None or isinstance(error, click.exceptions.Exit | SystemExit):
            return
        is_ours = isinstance(
            error, PortkeyAdminError | click.ClickException | click.Abort | KeyboardInterrupt
        )
        if self._is_agent:
            bug = f"an error in this program: {cls.__name__}."
            problem = failed(error) if is_ours else Failed(FAILED, bug)
            write_error(problem)
            if is_ours:
                raise click.exceptions.Exit(problem.exit_code) from None
        elif is_ours and not isinstance(error, click.ClickException):
            raise failed(error) from None


def write_error(error: Failed) -> None:
    """Print an error as the one JSON value of agent mode."""
    kind = error.kind
    fields = {"kind": kind.name, "exit_code": kind.exit_code, "message": error.message}
    cure = {"cure": error.cure} if error.cure else {}
    _write_for_agent({"error": {**fields, **cure, **error.details}})


def _write_for_agent(value: Any) -> None:
    text = _printable(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    size = len(text.encode(errors="surrogatepass"))
    if size > MAX_AGENT_BYTES:
        text = json.dumps({"file": write_private(text), "bytes": size, **_summary(value)})
    click.echo(text)


def _summary(value: Any) -> dict[str, Any]:
    """What is in a file: the fields of an object, and how many items each list has."""
    if not isinstance(value, dict):
        return {"items": len(value)}  # a list; no other value is that long
    lists = {name: len(item) for name, item in value.items() if isinstance(item, list)}
    return {"fields": [*value], **({"items": lists} if lists else {})}


def write_private(text: str) -> str:
    """Write a text into a new file that only this user can read; the path.

    Raises Failed if it cannot be written.
    """
    try:
        folder = tempfile.mkdtemp(prefix="portkey-admin-mcp-")  # 0700
        path = os.path.join(folder, "result.json")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Failed(FAILED, f"the result cannot be written to a file: {error.strerror}.") from None
    return path


def _yaml(value: Any) -> str:
    """A value as YAML; if it has hidden characters, all that is not ASCII is escaped."""
    import yaml

    def dumped(*, is_unicode: bool) -> str:
        text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=is_unicode, width=100)
        return text

    text = dumped(is_unicode=True)
    return text if text == _printable(text) else dumped(is_unicode=False)


def _printable(text: str) -> str:
    """A text with hidden characters as escapes; JSON keeps its values."""
    from ..server.calls.visible_text import visible

    return visible(text)

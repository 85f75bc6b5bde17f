"""What commands print, how they fail, and agent mode: with a small command that has these parts."""

import csv
import io
import json
import os
import pty
import re
import stat
import sys
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from portkey_admin_mcp import errors
from portkey_admin_mcp.cli.agents import AGENT_SIGNS
from portkey_admin_mcp.cli.command_line import main
from portkey_admin_mcp.cli.exit_codes import BY_ERROR, DONE, KINDS, REFUSED, kind_of
from portkey_admin_mcp.cli.output import MAX_AGENT_BYTES, Failed, ResultCommand, output_options
from portkey_admin_mcp.cli.tables import fitting_columns, print_table

ROWS = {
    "total": 2,
    "data": [
        {"slug": "a", "name": "=1+1", "limits": {"cost": 5}, "on": True},
        {"slug": "b\x1b[2J\u202e", "name": "Zoë", "tags": ["x", "y"]},
    ],
}


def run(value, *arguments, **variables):
    """Run a command that prints a value, or raises it."""

    @click.command(cls=ResultCommand)
    @click.option("--count", type=int)
    @output_options
    def show(output, count):
        if isinstance(value, BaseException):
            raise value
        output.note("a note")
        output.write(value, "data")

    return CliRunner().invoke(show, arguments, env=variables)


def test_the_result_is_json_if_nothing_else_is_asked_for():
    result = run(ROWS)

    assert json.loads(result.stdout) == ROWS
    assert result.stderr == "Note: a note\n"
    assert not {"\x1b", "\u202e"} & {*result.stdout}


def test_yaml_holds_the_same():
    text = run(ROWS, "-o", "yaml").stdout

    assert yaml.safe_load(text) == ROWS
    assert not {"\x1b", "\u202e"} & {*text}
    assert "Zoë" in run(ROWS["data"][1]["name"], "-o", "yaml").stdout


def test_csv_has_a_column_for_each_field_and_marks_what_a_spreadsheet_would_evaluate():
    result = run(ROWS, "-o", "csv")

    first, second = csv.DictReader(io.StringIO(result.stdout))
    assert first["name"] == "'=1+1"
    assert (first["limits.cost"], first["on"], second["tags"]) == ("5", "true", "x y")
    assert "got the first '" in result.stderr
    assert "\x1b" not in result.stdout


def test_a_table_in_a_pipe_has_a_line_for_each_row():
    lines = run(ROWS, "-o", "table").stdout.splitlines()

    assert lines[0].split() == ["slug", "name", "limits.cost", "on", "tags"]
    assert [line.split()[0] for line in lines[1:]] == ["a", "b\\u001b[2J\\u202e"]


def test_a_result_without_rows_is_a_table_of_its_fields():
    lines = run({"id": "x", "limits": {"cost": 5}}, "-o", "table").stdout.splitlines()

    assert [line.split() for line in lines] == [
        ["field", "value"],
        ["id", "x"],
        ["limits.cost", "5"],
    ]


ID = "29f3374d-2b4a-469a-95d3-5ae523ad0fa9"


@pytest.mark.parametrize(
    ("names", "width", "shown"),
    [
        (("id", "name", "note"), 90, {"id": 36, "name": 4, "note": 4}),
        (("id", "name", "note"), 50, {"id": 36, "name": 4, "note": 4}),
        (("id", "name", "note"), 49, {"id": 35, "name": 4, "note": 4}),
        (("id", "name", "note"), 27, {"id": 13, "name": 4, "note": 4}),
        (("id", "name", "note"), 26, {"id": 19, "name": 4}),
        (("id", "name", "note"), 6, {"id": 8, "name": 4}),
        (
            ("kind", "id", "used", "user_id", "limit"),
            40,
            {"kind": 4, "id": 18, "used": 4, "limit": 5},
        ),
        (("kind", "id", "used", "user_id", "limit"), 20, {"kind": 4, "used": 4, "limit": 5}),
    ],
)
def test_on_a_terminal_what_one_needs_comes_first_and_ids_are_cut(names, width, shown):
    widest = {"name": "Zoë", "note": "🔬 x", "id": ID, "user_id": ID}
    cells = [[*names], [widest.get(name, "1") for name in names]]

    columns = fitting_columns(cells, width)

    assert {names[column]: each for column, each in columns} == shown


@pytest.fixture
def shown_on_terminal(monkeypatch, capsys):
    """What a terminal of 100 columns shows of a table, and the note below it."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()

    def shown(value, rows_in=""):
        with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
            monkeypatch.setattr(sys, "stdout", terminal)
            print_table(value, rows_in)
            terminal.flush()
            text = os.read(ours, 65_536).decode()
        return re.sub(r"\x1b\[[\d;]*m", "", text), capsys.readouterr().err

    yield shown
    os.close(ours)


def test_a_table_of_budgets_shows_how_much_is_used_and_until_when(shown_on_terminal):
    budget = {
        "kind": "usage_limit",
        "id": ID,
        "name": "Per person",
        "group": "metadata._user:emi@x",
    }
    budget |= {"workspace": "ws-suppor-8be7ec", "limit": 75, "unit": "USD", "used": 63.77}
    budget |= {"used_percent": 85, "past_alert": True, "resets": "2026-12-01T00:00Z"}
    budget |= {"runs_out": "2026-11-30T11:00Z"}

    table, note = shown_on_terminal({"data": [budget]}, "data")

    for text in ("Per person", "75", "63.77", "2026-11-30T11:00Z", "29f3374d-2b4"):
        assert text in table
    assert ID not in table
    assert note.startswith("Note: No room for group, workspace, ")
    assert note.endswith("Some values are shortened. A wider terminal or -o yaml shows all.\n")


def test_lists_of_objects_are_short_on_a_terminal_with_a_hint(shown_on_terminal):
    keys = [{"id": str(number), "name": f"Key {number}"} for number in range(5)]

    table, note = shown_on_terminal({"keys": keys, "access": [{"level": 1}], "total": 6, "x": []})

    assert "5: Key 0, Key 1, Key 2, …" in table
    assert "1 item " in table
    assert "{" not in table
    assert note == "Note: Some values are shortened. -o yaml shows all.\n"


def test_a_table_of_one_object_in_a_pipe_has_lines_as_long_as_their_texts():
    lines = run({"a": "x" * 800, "b": "y"}, "-o", "table").stdout.splitlines()

    assert [len(line) for line in lines] == [
        len("field  value"),
        len("a      ") + 800,
        len("b      y"),
    ]


@pytest.mark.parametrize("sign", AGENT_SIGNS, ids=lambda sign: sign.variable)
def test_in_the_shell_of_an_agent_there_is_one_json_value(sign):
    result = run(ROWS, **{sign.variable: "1"})

    assert json.loads(result.stdout) == {**ROWS, "notes": ["a note"]}
    assert result.stdout.count("\n") == 1
    assert result.stderr == ""
    assert run(ROWS, "--no-agent", **{sign.variable: "1"}).stderr == "Note: a note\n"


@pytest.mark.parametrize(
    ("value", "arguments", "code", "kind"),
    [
        (errors.NotFound("no such key", request="GET /x"), (), 4, "not_found"),
        (errors.InputError("slug: is required"), (), 2, "usage"),
        (errors.Rejected("no", request="GET /x", status=407), (), 3, "configuration"),
        (errors.Rejected("no", request="GET /x", status=412), (), 13, "rejected"),
        (Failed(REFUSED, "frozen", approval=7), (), 7, "refused"),
        (click.ClickException("no"), (), 1, "failed"),
        (click.Abort(), (), 130, "interrupted"),
        (KeyboardInterrupt(), (), 130, "interrupted"),
        (ROWS, ("--count", "x"), 2, "usage"),
        (ROWS, ("--nonsense",), 2, "usage"),
        (ROWS, ("-o", "csv"), 2, "usage"),
    ],
)
def test_an_error_has_the_exit_code_of_its_kind_and_is_json_for_an_agent(
    value, arguments, code, kind
):
    result = run(value, "--agent", *arguments)
    error = json.loads(result.stdout)["error"]

    assert (result.exit_code, error["exit_code"], error["kind"]) == (code, code, kind)
    assert result.stderr == ""
    assert error.get("approval") == (7 if kind == "refused" else None)
    if arguments != ("-o", "csv"):
        as_text = run(value, *arguments)
        assert (as_text.exit_code, as_text.stdout) == (code, "")
        assert error["message"].splitlines()[0] in as_text.stderr


def test_an_error_in_the_program_is_one_json_value_too():
    result = run(ZeroDivisionError("secret"), "--agent")

    assert json.loads(result.stdout)["error"]["kind"] == "failed"
    assert result.exit_code == 1
    assert "secret" not in result.stdout


def test_an_unknown_command_is_an_error_too():
    result = CliRunner().invoke(main, ["cal", "x"], env={"CLAUDECODE": "1"})

    assert json.loads(result.stdout)["error"]["kind"] == "usage"
    assert (result.exit_code, result.stderr) == (2, "")


def test_a_long_result_for_an_agent_is_in_a_private_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    long = {"data": ["ä" * 50] * 1_000}
    assert len(run(long, "--agent").stdout) < 500

    shown = json.loads(run(long, "--agent").stdout)

    file = Path(shown["file"])
    assert json.loads(file.read_text("utf-8")) == {**long, "notes": ["a note"]}
    assert shown["bytes"] == file.stat().st_size > MAX_AGENT_BYTES
    assert shown["items"] == {"data": 1_000, "notes": 1}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_result_of_just_the_limit_is_printed():
    text = "x" * (MAX_AGENT_BYTES - len('{"data":"","notes":["a note"]}'))

    assert len(run({"data": text}, "--agent").stdout) == MAX_AGENT_BYTES + 1
    assert '"file"' in run({"data": f"{text}x"}, "--agent").stdout


def test_every_error_has_a_kind_and_every_kind_its_own_exit_code():
    classes = {each for each in vars(errors).values() if isinstance(each, type)}
    own = {each for each in classes if issubclass(each, errors.PortkeyAdminError)}

    assert own - {errors.ApiError} <= BY_ERROR.keys()
    api_errors = {each for each in own if issubclass(each, errors.ApiError)}
    made = [each("x", request="GET /x") for each in api_errors]
    made += [each.__new__(each) for each in own - api_errors]
    assert {kind_of(each) for each in made} <= {*KINDS}
    codes = [kind.exit_code for kind in KINDS]
    assert sorted(set(codes)) == codes
    assert [kind for kind in KINDS if kind.exit_code == 0] == [DONE]

"""What commands print, how they fail, and agent mode: with a small command that has these parts."""

import csv
import io
import json
import stat
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
from portkey_admin_mcp.cli.tables import columns_that_fit

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


@pytest.mark.parametrize(("width", "count"), [(6, 2), (18, 2), (19, 3), (90, 3)])
def test_on_a_terminal_a_table_has_the_columns_that_fit_from_the_left(width, count):
    cells = [["id", "name", "note"], ["12345", "Zoë", "🔬 x"]]  # 5, 4 and 4 wide, and two gaps of 3

    assert columns_that_fit(cells, width) == count


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

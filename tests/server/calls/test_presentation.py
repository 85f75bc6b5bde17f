"""Lists show each row's summary, and other fields on request; a table may be CSV."""

import csv
import io
import json
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from each import for_each
from portkey_admin_mcp.models.core.base import Record
from portkey_admin_mcp.models.core.paging import Page
from portkey_admin_mcp.server.calls.arguments import arguments_model
from portkey_admin_mcp.server.calls.presentation import (
    FORMULA,
    FORMULA_NOTE,
    MAX_PART_LENGTH,
    MAX_TEXT_LENGTH,
    csv_text,
    present,
    presentation_arguments,
    summary_fields,
)
from portkey_admin_mcp.server.calls.result_size import compact, size
from portkey_admin_mcp.server.mcp.definitions import all_tools
from texts import any_text

CELLS = st.none() | st.booleans() | st.integers() | any_text(max_size=20)
ROWS = st.lists(st.dictionaries(st.sampled_from("abcd"), CELLS), max_size=8)
MONTH = {
    "time_of_generation_min": "2026-10-01T00:00:00Z",
    "time_of_generation_max": "2026-11-03T00:00:00Z",
}


class Item(Record):
    """A row with a summary."""

    summary_fields = ("slug", "name", "note", "config")


class Items(Page[Item]):
    """A list of them."""

    data: list[Item] = []


def presented(rows, max_chars=80_000, *, is_for_code=False, **arguments):
    items = Items.read({"object": "list", "total": len(rows), "data": rows})
    checked = create_model("arguments", **presentation_arguments(Items))(**arguments)
    return present(items, checked, max_chars, is_for_code=is_for_code)


async def test_a_row_shows_its_summary_and_the_answer_names_what_else_there_is(ask):
    listed = await ask("list_api_keys")

    assert "scopes" not in listed["data"][0]
    assert {"id", "name", "type", "status", "created_at"} <= listed["data"][0].keys()
    assert "scopes" in listed["more_fields"]
    assert None not in listed["data"][0].values()


async def test_fields_are_shown_as_asked_with_what_says_which_row_it_is(ask):
    listed = await ask("list_api_keys", fields="scopes,expires_at")
    as_list = await ask("list_api_keys", fields=["scopes", "expires_at"])

    assert as_list == listed
    assert all(row.keys() == {"id", "name", "scopes", "expires_at"} for row in listed["data"])
    assert "more_fields" not in listed


async def test_a_star_shows_everything_as_portkey_said_it(ask, emulator):
    listed = await ask("list_workspaces", fields="*")

    assert listed["object"] == "list"
    assert {"icon", "defaults", "last_updated_at"} <= listed["data"][0].keys()


async def test_one_record_is_shown_whole(ask, workspace):
    answer = await ask("get_workspace", workspace_id=workspace("Support"))

    assert answer["icon"] is None
    assert "defaults" in answer


async def test_a_table_is_shown_as_csv_beside_what_is_said_of_it(call):
    result = await call("list_all_users", {"format": "csv"})
    table, rest = result.content[0].text.rsplit("\n", 1)
    rows = list(csv.DictReader(io.StringIO(table)))

    assert json.loads(rest)["total"] == 5
    assert {row["email"] for row in rows} >= {"ada@acme.example", "ben@acme.example"}
    assert result.structured_content["csv"] == table
    assert "data" not in result.structured_content


async def test_a_graph_as_csv_has_a_line_for_each_bucket(call, workspace):
    arguments = {**MONTH, "workspace_slug": workspace("Support")}
    plain = await call("get_cost_analytics", arguments)
    table = await call("get_cost_analytics", {**arguments, "format": "csv"})

    lines = table.structured_content["csv"].splitlines()
    points = plain.structured_content["data_points"]
    assert lines[0].split(",")[0] == "timestamp"
    assert len(lines) == len(points) + 1
    assert table.structured_content["summary"] == plain.structured_content["summary"]


async def test_another_format_is_refused(refusal):
    assert "format: Input should be 'csv'" in await refusal("list_configs", format="xml")


def test_long_texts_and_parts_of_a_row_are_shortened_and_say_how_long_they_are():
    row = {"slug": "a", "note": "x" * 900, "config": {"targets": [{"n": i} for i in range(200)]}}

    (short,) = presented([row]).answer["data"]

    assert short["note"] == "x" * 200 + "… (700 characters more)"
    assert short["config"].startswith('{"targets":[{"n":0}')
    assert short["config"].endswith("characters more)")
    assert presented([row], fields="note").answer["data"] == [{"slug": "a", "note": "x" * 900}]


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (MAX_TEXT_LENGTH, "x" * MAX_TEXT_LENGTH),
        (MAX_TEXT_LENGTH + 1, "x" * MAX_TEXT_LENGTH + "… (1 characters more)"),
    ],
)
def test_a_text_of_exactly_the_limit_is_not_shortened(length, shown):
    (row,) = presented([{"slug": "a", "note": "x" * length}]).answer["data"]

    assert row["note"] == shown


def test_a_part_of_exactly_the_limit_is_not_shortened():
    def is_kept(length):
        part = {"n": [1] * 150, "text": ""}
        part["text"] = "x" * (length - len(compact(part)))
        assert len(compact(part)) == length
        (row,) = presented([{"slug": "a", "config": part}]).answer["data"]
        return row["config"] == part

    assert is_kept(MAX_PART_LENGTH)
    assert not is_kept(MAX_PART_LENGTH + 1)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-02T09:00:00.000Z", "2026-11-02T09:00:00Z"),
        ("2026-11-02T09:00:00.001Z", "2026-11-02T09:00:00.001Z"),
        ("build 2.000Z", "build 2.000Z"),
    ],
)
def test_only_a_time_loses_its_empty_milliseconds(text, shown):
    assert presented([{"slug": "a", "note": text}]).answer["data"] == [{"slug": "a", "note": shown}]


def test_code_gets_every_field_unless_it_asks_for_some():
    rows = [{"slug": "a", "name": None, "owner": "b"}]
    whole = {"object": "list", "total": 1, "data": rows}

    assert presented(rows, is_for_code=True).answer == whole
    assert presented(rows, is_for_code=True, fields="owner").answer["data"] == [
        {"slug": "a", "owner": "b"}
    ]
    assert presented(rows, is_for_code=True, format="csv").answer["csv"] == "slug\na\n"
    assert presented(rows).answer["data"] == [{"slug": "a"}]


def test_rows_that_are_not_records_have_no_fields_to_choose():
    assert presentation_arguments(Page[str]).keys() == {"format"}


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_a_field_that_is_empty_in_all_rows_is_neither_shown_nor_named(empty):
    rows = [{"slug": "a", "name": empty, "owner": empty}, {"slug": "b", "name": empty}]

    result = presented(rows)

    assert result.answer["data"] == [{"slug": "a"}, {"slug": "b"}]
    assert "more_fields" not in result.answer
    assert presented(rows, format="csv").answer["csv"] == "slug\na\nb\n"


def test_a_field_with_a_value_in_one_row_is_named_and_is_a_column():
    rows = [{"slug": "a"}, {"slug": "b", "name": "B", "owner": 0}]

    assert presented(rows).answer["more_fields"] == ["owner"]
    assert presented(rows, format="csv").answer["csv"] == "slug,name\na,\nb,B\n"


def test_a_column_that_is_asked_for_is_there_though_it_is_empty_in_all_rows():
    rows = [{"slug": "a", "owner": None}, {"slug": "b", "owner": None}]

    assert presented(rows, format="csv", fields="owner").answer["csv"] == "slug,owner\na,\nb,\n"
    assert presented(rows, format="csv", fields="*").answer["csv"] == "slug,owner\na,\nb,\n"


@pytest.mark.parametrize("format", [{}, {"format": "csv"}])
def test_no_rows_are_an_empty_table(format):
    result = presented([], **format)

    assert result.answer == {"total": 0, **({"csv": ""} if format else {"data": []})}
    assert json.loads(result.text) == ({"total": 0} if format else {"total": 0, "data": []})


def test_a_table_that_fits_exactly_is_not_cut():
    rows = [{"slug": str(n), "name": "y" * 50} for n in range(10)]
    limit = size(compact(presented(rows, format="csv").answer))

    assert presented(rows, max_chars=limit, format="csv").note == ""
    for max_chars in range(limit - 100, limit):
        result = presented(rows, max_chars=max_chars, format="csv")
        assert result.note.startswith("Cut after ")
        assert size(compact(result.answer)) <= max_chars
        assert size(result.text) <= max_chars


def test_a_row_without_any_of_the_usual_fields_is_shown_whole():
    assert presented([{"uid": 1, "nothing": None}]).answer["data"] == [{"uid": 1}]


def test_false_and_zero_are_not_empty():
    assert presented([{"slug": "a", "name": 0, "note": False, "config": []}]).answer["data"] == [
        {"slug": "a", "name": 0, "note": False}
    ]


def test_a_long_table_is_cut_between_rows_and_says_so():
    rows = [{"slug": str(n), "name": "y" * 50} for n in range(100)]

    result = presented(rows, max_chars=2_000, format="csv")

    assert len(result.text) <= 2_000
    assert result.answer["has_more"] is True
    assert result.answer["csv"].splitlines()[-1].endswith("y" * 50)
    assert result.note.startswith(
        f"Cut after {len(result.answer['csv'].splitlines()) - 1} of the 100"
    )


def in_a_cell(value):
    if value is None:
        return ""
    if isinstance(value, bool | int):
        return json.dumps(value)
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if FORMULA.match(text) else text


@pytest.mark.parametrize(
    ("value", "header", "cell"),
    [
        ({"b": {"c": 1}, "d": 2}, "a.b.c,a.d", "1,2"),
        ({"b": {}}, "a.b", "{}"),
        (["x", "y", 3], "a", "x y 3"),
        ([{"b": 1}], "a", '"[{""b"":1}]"'),
        ([["x"]], "a", '"[[""x""]]"'),
        ([], "a", '""'),
    ],
)
def test_a_nested_value_is_one_cell_or_has_a_column_for_each_field(value, header, cell):
    assert csv_text([{"a": value}])[0].splitlines() == [header, cell]


@given(ROWS)
def test_csv_says_the_same_as_the_rows(rows):
    lines = list(csv.DictReader(io.StringIO(csv_text(rows)[0], newline="")))

    if any(rows):
        assert len(lines) == len(rows)
    for row, line in zip(rows, lines, strict=any(rows)):
        for name, value in row.items():
            assert line[name] == in_a_cell(value)


@for_each(all_tools(), lambda tool: tool.name)
def test_a_tool_takes_fields_and_format_where_it_answers_with_a_table(tool):
    returns = get_type_hints(tool.function)["return"]
    server_arguments = presentation_arguments(returns)

    assert ("format" in server_arguments) == bool(returns.rows_in)
    assert server_arguments.keys() <= arguments_model(tool).model_fields.keys()
    if tool.name.startswith("list_") and issubclass(returns, Page):
        assert "format" in server_arguments


IN_SHORT = [
    tool.name
    for tool in all_tools()
    if "fields" in presentation_arguments(get_type_hints(tool.function)["return"])
    and not any(field.is_required() for field in arguments_model(tool).model_fields.values())
]


@pytest.mark.parametrize("name", IN_SHORT)
async def test_every_summary_field_stands_in_a_row_of_portkeys(ask, name, workspace):
    """The emulator's rows are Portkey's, so a misspelt name would show here."""
    (tool,) = [each for each in all_tools() if each.name == name]
    takes_workspace = "workspace_id" in arguments_model(tool).model_fields
    where = {"workspace_id": workspace("Support")} if takes_workspace else {}
    returns = get_type_hints(tool.function)["return"]
    rows = (await ask(name, fields="*", **where))[returns.rows_in]
    summary = summary_fields(returns)

    assert len(summary) >= 4
    if rows:
        present_fields = {field for row in rows for field in row}
        assert summary[0] in present_fields
        missing = {*summary} - present_fields
        assert len({*summary} & present_fields) >= len(summary) - 3, missing


async def test_chosen_fields_stand_beside_the_identifier_and_the_label(ask, workspace):
    support = workspace("Support")
    lists = {
        "list_all_users": {"id", "email", "role"},
        "list_workspaces": {"slug", "name", "status"},
        "list_virtual_keys": {"slug", "name", "status"},
        "list_usage_limits": {"id", "name", "status"},
    }
    for tool, names in lists.items():
        chosen = "role" if "role" in names else "status"
        where = (
            {"workspace_id": support} if tool not in ("list_all_users", "list_workspaces") else {}
        )
        rows = (await ask(tool, fields=chosen, **where))["data"]
        assert rows, tool
        assert all(row.keys() == names for row in rows), tool


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1+1",
            "@a/b|' /C calc'!A0", "@a/b(1)", "-", "'=1"]  # fmt: skip
NO_FORMULAS = ["-5", "+49.30", "-1e-5", "-.5", "+1,000", "-12%", "@openai-prod/gpt-4o", "@openai",
               "@aws/us.anthropic.claude:0", "a=b", " =1", "'", "u@acme.example", ""]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_that_a_spreadsheet_could_evaluate_is_marked(text):
    result = presented([{"slug": "a", "note": text}], format="csv")
    cell = next(csv.DictReader(io.StringIO(result.answer["csv"], newline="")))["note"]

    assert cell == "'" + text.replace("\r", "\n")
    assert result.answer["notes"] == [FORMULA_NOTE]
    assert FORMULA_NOTE in result.text


@pytest.mark.parametrize("text", NO_FORMULAS)
def test_numbers_and_the_names_of_models_are_not_marked(text):
    result = presented([{"slug": "a", "note": text}], format="csv", fields="note")

    assert next(csv.DictReader(io.StringIO(result.answer["csv"])))["note"] == text
    assert "notes" not in result.answer


def test_a_header_and_a_nested_name_are_marked_like_cells():
    table, has_marks = csv_text([{"=a": 1, "b": {"=c": -2}}])

    assert table == "'=a,b.=c\n1,-2\n"
    assert has_marks

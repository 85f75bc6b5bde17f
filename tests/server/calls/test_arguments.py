"""Arguments in other forms are accepted if their meaning is clear, and else refused by name."""

import json
import time
from typing import Annotated, Any, Literal, Self

import pytest
from pydantic import AliasChoices, Field, model_validator

from portkey_admin_mcp.errors import InputError
from portkey_admin_mcp.models.core.base import ABSENT, Arguments, Record, Unsent
from portkey_admin_mcp.models.core.vocabulary import CommaSeparated, Moment
from portkey_admin_mcp.portkey.catalog import Tool, tool_of
from portkey_admin_mcp.server.calls.arguments import (
    MAX_PLACE_LENGTH,
    MAX_PROBLEMS,
    arguments_model,
    call_flat,
    ignored_arguments,
    read_arguments,
)
from portkey_admin_mcp.server.calls.schema import accepted_schema, input_schema
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.tools.guardrails import replace_guardrail_mcp_servers

Name = Annotated[str, Field(min_length=1)]


class Limit(Arguments):
    credit: int = ABSENT
    alert: int | None = ABSENT
    unit: Literal["usd", "tokens"] = ABSENT
    zone: Annotated[str, Unsent.IGNORED] = ABSENT


class Draft(Arguments):
    title: str
    count: int = ABSENT
    ratio: float = ABSENT
    active: bool = ABSENT
    note: str | None = ABSENT
    tags: list[str] = ABSENT
    metadata: dict[str, str] = ABSENT
    content: dict[str, Any] = ABSENT
    limit: Limit = ABSENT
    limits: list[Limit] | None = ABSENT
    ignored: Annotated[str, Unsent.IGNORED] = ABSENT
    local: Annotated[str, Unsent.LOCAL] = ABSENT
    folded: Annotated[str, Unsent.FOLDED] = ABSENT
    kind: Literal["a", "b"] = ABSENT
    code: Annotated[str, Field(min_length=1)] = ABSENT
    parent_id: str = ABSENT
    due: Moment | None = ABSENT
    flag: Annotated[int, Field(ge=0, le=1)] = ABSENT
    target: str | list[str] = ABSENT
    csv: CommaSeparated = Field(default=ABSENT, validation_alias=AliasChoices("csv", "csvs"))
    who: str = Field(default=ABSENT, validation_alias=AliasChoices("who", "actor"))

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.count and self.ratio:
            raise ValueError("give count or ratio, not both")
        return self


async def make(api: object, name: Name, draft: Draft, loud: bool = False) -> Record:
    """Make it."""
    return api, name, draft, loud


def tool(function: Any) -> Tool:
    return Tool(function, ("POST /things",), frozenset({("things.create",)}), "create", False)


MAKE = tool(make)
TOOLS = {tool.name: tool for tool in all_tools()}
MODEL = arguments_model(MAKE)
SCHEMA = accepted_schema(MODEL)


def read(**arguments: Any) -> dict[str, Any]:
    """These arguments as they are read, without the two required ones."""
    checked = read_arguments(MODEL, SCHEMA, {"name": "n", "title": "t", **arguments})
    return checked.model_dump(exclude_unset=True, exclude={"name", "title"})


def refused(**arguments: Any) -> list[str]:
    """The lines of the error that refuses these arguments."""
    with pytest.raises(InputError) as error:
        read_arguments(MODEL, SCHEMA, {"name": "n", "title": "t", **arguments})
    return str(error.value).splitlines()


def test_groups_are_spread_and_what_is_required_comes_first():
    assert list(SCHEMA["properties"])[:3] == ["name", "title", "count"]
    assert SCHEMA["required"] == ["name", "title"]
    assert "draft" not in SCHEMA["properties"]


def test_a_required_parameter_comes_before_the_optional_fields_of_a_group():
    async def change(api: object, limit: Limit, name: Name, loud: bool = False) -> Record:
        """Change it."""

    assert list(arguments_model(tool(change)).model_fields) == [
        "name", "credit", "alert", "unit", "zone", "loud",
    ]  # fmt: skip


async def test_spread_arguments_are_grouped_again_for_the_call():
    arguments = {"name": "n", "title": "t", "note": None, "limit": {"credit": 5}, "loud": "true"}
    checked = read_arguments(MODEL, SCHEMA, arguments)

    api, name, draft, loud = await call_flat(MAKE, "the api", checked)

    assert (api, name, loud) == ("the api", "n", True)
    assert draft == Draft(title="t", note=None, limit=Limit(credit=5))
    assert draft.wire() == {"title": "t", "note": None, "limit": {"credit": 5}}


async def test_a_rule_across_arguments_speaks_for_itself():
    checked = read_arguments(MODEL, SCHEMA, {"name": "n", "title": "t", "count": 1, "ratio": 1})

    with pytest.raises(InputError) as error:
        await call_flat(MAKE, None, checked)

    assert str(error.value) == "give count or ratio, not both"


def test_two_groups_with_the_same_argument_are_a_mistake_of_ours():
    async def clash(api: object, draft: Draft, limit: Limit, title: str) -> None:
        """Clash."""

    with pytest.raises(TypeError, match="clash has two arguments called title"):
        arguments_model(tool(clash))


@pytest.mark.parametrize(
    ("unsent", "names"),
    [
        ({}, []),
        ({"ignored": "x"}, ["ignored"]),
        ({"local": "x"}, []),
        ({"folded": "x"}, []),
        ({"limit": {"credit": 1, "zone": "x"}}, ["limit.zone"]),
    ],
)
def test_only_what_portkey_has_no_field_for_is_named(unsent, names):
    checked = read_arguments(MODEL, SCHEMA, {"name": "n", "title": "t"} | unsent)

    assert ignored_arguments(checked) == names


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"count": "5"}, {"count": 5}),
        ({"count": 5.0}, {"count": 5}),
        ({"ratio": "0.5"}, {"ratio": 0.5}),
        ({"active": "true"}, {"active": True}),
        ({"active": 0}, {"active": False}),
        ({"note": 5}, {"note": "5"}),
        ({"note": "5"}, {"note": "5"}),
        ({"note": '{"a": 1}'}, {"note": '{"a": 1}'}),
        ({"tags": '["a", "b"]'}, {"tags": ["a", "b"]}),
        ({"tags": "a, b,"}, {"tags": ["a", "b"]}),
        ({"tags": '{"a": 1}'}, {"tags": ['{"a": 1}']}),
        ({"tags": ["a", 5]}, {"tags": ["a", "5"]}),
        ({"metadata": '{"team": "x", "floor": 3}'}, {"metadata": {"team": "x", "floor": "3"}}),
        ({"content": '{"a": [1, null]}'}, {"content": {"a": [1, None]}}),
        ({"content": {"a": "[1]"}}, {"content": {"a": "[1]"}}),
        ({"limit": '{"credit": "5"}'}, {"limit": {"credit": 5}}),
        ({"limits": ['{"credit": 5}', {"credit": 6}]}, {"limits": [{"credit": 5}, {"credit": 6}]}),
        ({"limits": '["{\\"credit\\": 5}"]'}, {"limits": [{"credit": 5}]}),
    ],
)
def test_an_argument_in_another_guise_is_understood(arguments, expected):
    assert read(**arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"count": None, "tags": None, "limit": None, "ignored": None}, {}),
        ({"note": None, "limits": None}, {"note": None, "limits": None}),
        ({"limit": {"credit": None, "alert": None}}, {"limit": {"alert": None}}),
        ({"limits": '[{"credit": null}]'}, {"limits": [{}]}),
        ({"content": {"a": None}}, {"content": {"a": None}}),
    ],
)
def test_null_is_kept_where_it_clears_and_else_means_not_given(arguments, expected):
    assert read(**arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"count": "", "ratio": "", "active": "", "tags": "", "limit": ""}, {}),
        ({"count": "null", "active": "null", "content": "null"}, {}),
        ({"kind": "", "code": "", "parent_id": "null"}, {}),
        ({"limits": "null", "due": "null"}, {"limits": None, "due": None}),
        ({"limit": {"credit": "", "unit": "null", "alert": "null"}}, {"limit": {"alert": None}}),
        ({"flag": "true"}, {"flag": 1}),
        ({"flag": "false"}, {"flag": 0}),
        ({"target": '["a", "b"]'}, {"target": ["a", "b"]}),
        ({"target": "[a]"}, {"target": "[a]"}),
        ({"csv": '["a", "b"]'}, {"csv": "a,b"}),
        ({"note": "", "title": ""}, {"note": ""}),
    ],
)
def test_a_placeholder_means_what_it_can_only_mean(arguments, expected):
    assert read(**arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"csv": "a", "csvs": ["b", "c"]}, {"csv": "b,c"}),
        ({"csv": "a", "csvs": None}, {"csv": "a"}),
        ({"csvs": ["b"]}, {"csv": "b"}),
        ({"who": "a", "actor": "a"}, {"who": "a"}),
        ({"who": None, "actor": "a"}, {"who": "a"}),
    ],
)
def test_of_two_names_of_one_argument_the_list_wins(arguments, expected):
    assert read(**arguments) == expected


def test_two_names_with_different_values_are_refused_by_name():
    assert refused(who="a", actor="b") == ["give who or actor, not both"]


def test_an_empty_text_where_null_clears_is_refused_as_it_could_mean_either():
    assert "due: " in refused(due="")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": None}, "name: Input should be a valid string"),
        ({"name": ""}, "name: String should have at least 1 character"),
        ({"count": "five"}, "count: Input should be a valid integer"),
        ({"count": 5.5}, "count: Input should be a valid integer"),
        ({"count": [5]}, "count: Input should be a valid integer"),
        ({"active": "perhaps"}, "active: Input should be a valid boolean"),
        ({"limits": "nil"}, "limits: Input should be a valid list"),
        ({"count": "true"}, "count: Input should be a valid integer"),
        ({"content": ["a"]}, "content: Input should be a valid dictionary"),
        ({"content": "{"}, "content: Input should be a valid dictionary"),
        ({"content": "[1]"}, "content: Input should be a valid dictionary"),
        ({"content": "[" * 100_000}, "content: Input should be a valid dictionary"),
        ({"note": ["x"]}, "note: Input should be a valid string"),
        ({"limit": {"unit": "eur"}}, "limit.unit: Input should be 'usd' or 'tokens'"),
        ({"limits": [{}, {"credit": "x"}]}, "limits.1.credit: Input should be a valid integer"),
        ({"titel": "x"}, "titel: there is no such argument; did you mean title?"),
        ({"limit": {"credits": 1}}, "limit.credits: there is no such argument; did you mean cred"),
        ({"limit": {"xyz": 1}}, "limit.xyz: there is no such argument; there are alert, credit,"),
        ({"limits": [{"xyz": 1}]}, "limits.0.xyz: there is no such argument; there are alert,"),
        ({"xyz": 1}, "xyz: there is no such argument; there are active, code, content, count,"),
        ({"": 1}, "'': there is no such argument; there are active,"),
    ],
)
def test_an_argument_that_does_not_fit_is_named_with_the_reason(arguments, message):
    head, line = refused(**arguments)

    assert head == "these arguments do not fit:"
    assert line.startswith(message)


def test_a_missing_argument_is_named():
    with pytest.raises(InputError, match=r"fit:\nname: is required\ntitle: is required$"):
        read_arguments(MODEL, SCHEMA, {})


def test_every_problem_is_told_up_to_a_number():
    extra = {f"x{number}": number for number in range(MAX_PROBLEMS + 3)}

    _head, *lines = refused(**extra)

    assert len(lines) == MAX_PROBLEMS + 1
    assert lines[-1] == "… and 3 more"


def test_exactly_as_many_problems_as_are_told_need_no_count_of_the_rest():
    _head, *lines = refused(**{f"x{number}": number for number in range(MAX_PROBLEMS)})

    assert len(lines) == MAX_PROBLEMS
    assert not lines[-1].startswith("…")


class CountedFields(dict):
    """The fields of a schema; counts how often their names are iterated."""

    iterations = 0

    def __iter__(self):
        self.iterations += 1
        return super().__iter__()


def test_no_more_names_are_compared_than_problems_are_told():
    fields = CountedFields(SCHEMA["properties"])
    wrong = {f"x{number}": number for number in range(60_000)}
    start = time.process_time()

    with pytest.raises(InputError, match="and 59994 more"):
        read_arguments(MODEL, {**SCHEMA, "properties": fields}, wrong)

    assert time.process_time() - start < 2
    # Two of the reported problems are missing arguments.
    assert fields.iterations <= MAX_PROBLEMS


@pytest.mark.parametrize("length", [MAX_PLACE_LENGTH, MAX_PLACE_LENGTH + 1, 10_000])
def test_a_key_that_is_longer_than_needed_is_cut(length):
    _head, line = refused(**{"k" * length: 1})

    assert line.startswith("k" * MAX_PLACE_LENGTH + ": there is no such argument")


def test_no_refusal_repeats_a_value_or_runs_on():
    secret = "sk-s3cret"
    long = "x" * 10_000

    text = "\n".join(
        refused(count=secret, limit={"unit": secret}, tags={secret: 1}, metadata={long: []})
        + refused(**{long: secret})
    )

    assert secret not in text
    assert len(text) < 1000


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    "shape",
    [
        lambda number: {"ratio": number},
        lambda number: {"content": {"a": [{"b": number}]}},
        lambda number: {"content": json.dumps({"a": number})},
    ],
    ids=["argument", "inside", "text"],
)
def test_a_number_json_cannot_say_is_refused(number, shape):
    (line,) = refused(**shape(number))

    assert "NaN and Infinity are not numbers in JSON" in line


def test_a_wrong_name_inside_a_free_form_object_is_named_all_the_same():
    tool = tool_of(replace_guardrail_mcp_servers)
    model = arguments_model(tool)
    arguments = {"guardrail_id": "pg-a", "mcp_servers": {"a-server": {"run_at": ["input"]}}}

    with pytest.raises(
        InputError, match=r"mcp_servers\.a-server\.run_at: there is no such argument"
    ):
        read_arguments(model, accepted_schema(model), arguments)


SIBLINGS = {
    "get_config": ("slug", ["id", "config_id", "config_slug"]),
    "get_prompt": ("prompt_id", ["id", "slug", "prompt_slug"]),
    "get_guardrail": ("guardrail_id", ["id", "slug"]),
    "get_mcp_server": ("id", ["slug", "mcp_server_id"]),
    "get_virtual_key": ("slug", ["id", "virtual_key_id"]),
    "publish_partial": ("prompt_partial_id", ["id", "partial_id"]),
    "get_prompt_version": ("prompt_id", ["id", "slug"]),
}


@pytest.mark.parametrize("name", SIBLINGS)
def test_an_object_is_named_as_in_the_tools_of_other_objects(name):
    model = arguments_model(TOOLS[name])
    argument, siblings = SIBLINGS[name]
    more = {"version": "1"} if "publish" in name else {}
    more |= {"version_id": "1"} if "version" in name else {}

    for each in (argument, *siblings):
        checked = read_arguments(model, accepted_schema(model), {each: "x", **more})
        assert getattr(checked, argument) == "x"
        assert argument in checked.model_fields_set
    shown = input_schema(model)["properties"]
    assert argument in shown
    assert not {*siblings} & shown.keys()


def test_an_argument_keeps_its_name_if_it_is_no_other_name_of_the_object():
    model = arguments_model(TOOLS["list_mcp_servers"])

    checked = read_arguments(model, accepted_schema(model), {"id": "x"})

    assert checked.model_dump(exclude_unset=True) == {"id": "x"}

"""Schemas as a model reads them: flat, portable, short."""

import json
from copy import deepcopy
from typing import Annotated, Any, ClassVar, Literal, get_type_hints

import pytest
from mcp import Client
from pydantic import BaseModel, Field

from each import for_each
from portkey_admin_mcp.models.core.base import ABSENT, Arguments, Record
from portkey_admin_mcp.server.calls.arguments import arguments_model
from portkey_admin_mcp.server.calls.schema import accepted_schema, input_schema, output_schema
from portkey_admin_mcp.server.mcp.definitions import all_tools
from servers import build_server

TOOLS = {tool.name: tool for tool in all_tools()}


class Inner(Arguments):
    """Only the maintainers read this."""

    depth: int = Field(ABSENT, ge=1, le=9, description="How deep.")


def schema_of(annotation: Any, default: Any = ..., build: Any = accepted_schema) -> dict[str, Any]:
    """The schema of one argument of this type."""
    fields = {"__annotations__": {"x": annotation}, **({} if default is ... else {"x": default})}
    schema = build(type("Outer", (BaseModel,), fields))
    assert schema.pop("required", []) == (["x"] if default is ... else [])
    return schema["properties"]["x"]


def announced(annotation: Any, null_clears: bool = True) -> dict[str, Any]:
    """The schema of one argument of this type, as clients see it."""
    fields = {"__annotations__": {"x": annotation}, "null_clears": null_clears}
    fields["__annotations__"]["null_clears"] = ClassVar[bool]
    return input_schema(type("Outer", (BaseModel,), fields))["properties"]["x"]


def keywords(node: Any) -> set[str]:
    """Every keyword in a schema, without the names of arguments."""
    if isinstance(node, list):
        return set().union(*map(keywords, node))
    if not isinstance(node, dict):
        return set()
    fields = node.get("properties", {}).values()
    values = [value for key, value in node.items() if key not in ("properties", "default")]
    return node.keys() | keywords([*fields, *values])


@for_each(TOOLS)
def test_every_tools_arguments_are_flat_and_portable(name):
    schema = input_schema(arguments_model(TOOLS[name]))

    assert schema["type"] == "object"
    assert not keywords(schema) & {"$ref", "$defs", "anyOf", "oneOf", "allOf", "title", "not"}
    assert "ABSENT" not in json.dumps(schema)


@for_each(TOOLS)
def test_every_tools_answer_is_described_and_not_judged(name):
    schema = output_schema(get_type_hints(TOOLS[name].function)["return"])

    assert schema["type"] == "object"
    assert keywords(schema) <= {"type", "properties", "items", "description"}
    assert all("type" not in keywords(field) for field in schema["properties"].values())


def test_no_arguments_are_an_object_too():
    assert input_schema(type("Nothing", (BaseModel,), {})) == {"type": "object", "properties": {}}


def test_a_group_is_written_where_it_is_named_and_its_docstring_left_out():
    assert schema_of(Inner) == {
        "type": "object",
        "properties": {"depth": {"type": "integer", "maximum": 9, "description": "How deep."}},
    }
    assert schema_of(list[Inner])["items"] == schema_of(Inner)


def test_a_description_stays_with_the_argument_that_may_be_null():
    described = Annotated[str | None, Field(description="A name.")]

    assert schema_of(described) == {"type": ["string", "null"], "description": "A name."}
    described_twice = Annotated[
        Annotated[str, Field(description="Any.")] | None, described.__metadata__[0]
    ]
    assert schema_of(described_twice) == schema_of(described)


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (Literal["a", "b"] | None, {"type": ["string", "null"], "enum": ["a", "b", None]}),
        (Literal["a"] | None, {"type": ["string", "null"], "enum": ["a", None]}),
        (list[int] | None, {"type": ["array", "null"], "items": {"type": "integer"}}),
        (Any, {}),
        (dict[str, str], {"type": "object"}),
        (int | str, {"type": ["integer", "string"]}),
        (
            str | list[str],
            {"type": ["string", "array"], "items": {"type": "string"}},
        ),
    ],
)
def test_null_is_accepted_exactly_where_it_means_something(annotation, schema):
    assert schema_of(annotation) == schema


TEXT, WORDS = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
CLEARS = {"description": "Null clears."}


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (Literal["a", "b"] | None, {**TEXT, "enum": ["a", "b"], **CLEARS}),
        (list[str] | None, {**WORDS, **CLEARS}),
        (list[str | None], WORDS),
        (dict[str, Any] | None, {"type": "object", **CLEARS}),
        (int | str, {"type": "integer"}),
        (str | list[str], {**TEXT, "description": "Several: a JSON list."}),
        (str | list[str] | None, {**TEXT, "description": "Several: a JSON list. Null clears."}),
        (
            Annotated[str | None, Field(description="A name.")],
            {**TEXT, "description": "A name. Null clears."},
        ),
        (
            Annotated[str | None, Field(description="A label; null takes it off.")],
            {**TEXT, "description": "A label; null takes it off."},
        ),
    ],
)
def test_one_type_is_announced_and_null_in_words(annotation, schema):
    assert announced(annotation) == schema
    assert "null" not in json.dumps(announced(str | None, null_clears=False))


def test_null_clears_in_an_update_and_is_not_announced_for_a_new_object():
    of_update = input_schema(arguments_model(TOOLS["update_virtual_key"]))["properties"]["note"]
    of_create = input_schema(arguments_model(TOOLS["create_virtual_key"]))["properties"]["note"]

    assert of_update == {**TEXT, "description": "Null clears."}
    assert of_create == TEXT


@pytest.mark.parametrize(
    ("default", "shown"), [(ABSENT, {}), (None, {}), (3, {"default": 3}), (0, {"default": 0})]
)
def test_only_a_default_that_says_something_is_shown(default, shown):
    assert schema_of(int, default) == {"type": "integer", **shown}


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (Field(ge=0), {}),
        (Field(ge=1), {}),
        (Field(ge=2), {"minimum": 2}),
        (Field(gt=0, le=5), {"exclusiveMinimum": 0, "maximum": 5}),
    ],
)
def test_a_least_that_goes_without_saying_is_not_said(field, shown):
    assert schema_of(Annotated[int, field]) == {"type": "integer", **shown}


def test_a_format_stands_for_the_pattern_that_checks_it():
    pattern = Field(pattern="^x", json_schema_extra={"format": "email"})

    assert schema_of(Annotated[str, pattern]) == {"type": "string", "format": "email"}
    assert schema_of(Annotated[str, Field(pattern="^x")]) == {"type": "string", "pattern": "^x"}


def test_arguments_may_be_called_like_keywords():
    class Awkward(BaseModel):
        title: str
        description: str = Field(description="What it says.")
        pattern: str
        minimum: int

    properties = input_schema(Awkward)["properties"]

    assert list(properties) == ["title", "description", "pattern", "minimum"]
    assert properties["description"] == {"type": "string", "description": "What it says."}


def test_an_answer_keeps_names_and_meanings_at_every_depth():
    class Line(Record):
        cost: float | str | None = Field(None, description="Cents.")

    class Bill(Record):
        lines: list[Line] = []
        first: Line | None = None

    assert output_schema(Bill) == {
        "type": "object",
        "properties": {
            "lines": {"items": {"properties": {"cost": {"description": "Cents."}}}},
            "first": {"properties": {"cost": {"description": "Cents."}}},
        },
    }


@pytest.mark.parametrize("mode", ["full", "search", "code"])
async def test_a_schema_is_built_once_and_no_server_changes_it(mode):
    models = [arguments_model(tool) for tool in TOOLS.values()]
    records = [get_type_hints(tool.function)["return"] for tool in TOOLS.values()]

    def schemas():
        inputs = [*map(input_schema, models), *map(accepted_schema, models)]
        return [*inputs, *map(output_schema, records)]

    before = deepcopy(schemas())
    first = schemas()
    async with Client(build_server(lambda: None, mode=mode)) as client:
        await client.list_tools()

    assert schemas() == before
    assert all(one is other for one, other in zip(schemas(), first, strict=True))
    assert [arguments_model(tool) for tool in TOOLS.values()] == models

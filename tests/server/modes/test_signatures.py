"""Signatures: what they say of a tool, and that they leave nothing out."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from each import for_each
from portkey_admin_mcp.server.calls.result_size import compact
from portkey_admin_mcp.server.loading import load_offer
from portkey_admin_mcp.server.modes.signatures import head, signatures
from portkey_admin_mcp.server.offer.offer import ListedTool

TOOLS = load_offer().tools
SIGNATURE = """\
create_widget: Create a widget. See `list_widgets`.
name: string 3–255 chars
colour?: "red"|"blue"|null (Of the front.)
size?: integer ≤10 = 3
tags?: [{key: string, value?: string|[string]}] ≤5 items (All hold.)
alert?: email|null
low?, high?: number
Answers {id (UUID), data: [{name}]}"""


def tool(name, properties, required=(), description="Do it.", answer=None):
    """A tool as it is listed."""
    schema = {"type": "object", "properties": properties, "required": [*required]}
    output = {"type": "object", "properties": answer or {}}
    definition = {
        "name": name, "description": description, "inputSchema": schema, "outputSchema": output,
    }  # fmt: skip
    entry = {"name": name, "domain": "users", "effect": "read", "module": "tools.users"}
    return ListedTool(entry, json.dumps(definition))


def test_a_signature_says_what_a_schema_says_in_fewer_words():
    pair = {
        "type": "object",
        "properties": {
            "key": {"type": "string"},
            "value": {"type": ["string", "array"], "items": {"type": "string"}},
        },
        "required": ["key"],
    }
    widget = tool(
        "create_widget",
        {
            "name": {"type": "string", "minLength": 3, "maxLength": 255},
            "colour": {"enum": ["red", "blue", None], "description": "Of the front."},
            "size": {"type": "integer", "maximum": 10, "default": 3},
            "tags": {"type": "array", "items": pair, "maxItems": 5, "description": "All\n hold."},
            "alert": {"type": ["string", "null"], "format": "email"},
            "low": {"type": "number"},
            "high": {"type": "number"},
        },
        required=["name"],
        description="Create a widget.\n\nSee `list_widgets`.",
        answer={"id": {"description": "UUID"}, "data": {"items": {"properties": {"name": {}}}}},
    )

    assert signatures([widget], with_answers=True) == SIGNATURE
    assert head(widget) == "create_widget(name): Create a widget."


LEAVES = ("description", "default", "pattern", "format", "enum", "minimum", "maximum")
LEAVES += ("minLength", "maxLength", "minItems", "maxItems")


def leaves(schema):
    """The names, limits and words in a schema, as they must stand in its signature."""
    for key, value in schema.items():
        if key in ("properties", "items", "anyOf", "oneOf"):
            for inner in nested(key, value):
                yield from leaves(inner)
        elif key in ("pattern", "format"):
            yield value
        elif key == "enum":
            yield from (json.dumps(each, ensure_ascii=False) for each in value)
        elif key in LEAVES:
            is_text = key == "description"
            yield " ".join(value.split()) if is_text else json.dumps(value, ensure_ascii=False)
    yield from schema.get("properties", ())


def nested(key, value):
    """The schemas within a schema."""
    if key == "properties":
        return [*value.values()]
    return [value] if key == "items" else value


@for_each(TOOLS)
def test_the_signature_of_each_tool_leaves_nothing_out(name):
    text = signatures([TOOLS[name]])
    schema = TOOLS[name].input_schema

    missing = [leaf for leaf in leaves(schema) if leaf not in text]
    assert missing == []
    optional = schema["properties"].keys() - {*schema.get("required", ())}
    marked = {*re.findall(r"(?:^|, )(\w+)\?(?=[:,])", text, re.MULTILINE)}
    assert optional <= marked
    assert not {*schema.get("required", ())} & {*re.findall(r"^(\w+)\?", text, re.MULTILINE)}


def test_signatures_are_shorter_than_schemas():
    schemas = sum(len(compact(tool.input_schema)) for tool in TOOLS.values())
    descriptions = sum(len(f"{tool.name}: {tool.description}") for tool in TOOLS.values())
    texts = sum(len(signatures([tool])) for tool in TOOLS.values())

    assert texts - descriptions <= 0.51 * schemas


NAMES = st.text("abcxyz_", min_size=3, max_size=8)
WORDS = st.text("abcdefgh ", max_size=20)
PLAIN = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "number", "boolean", "object"])},
    optional={
        "description": WORDS,
        "default": st.integers() | WORDS | st.none(),
        "minimum": st.integers(2, 99),
        "maximum": st.integers(100, 999),
        "maxLength": st.integers(1, 999),
        "pattern": st.just("^[a-z]+$"),
    },
)
ENUMS = st.fixed_dictionaries({"enum": st.lists(WORDS | st.none(), min_size=1, max_size=4)})
SCHEMAS = st.recursive(
    PLAIN | ENUMS,
    lambda inner: (
        st.fixed_dictionaries({"type": st.just("array"), "items": inner})
        | st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)})
        | st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.dictionaries(NAMES, inner, min_size=1, max_size=3),
            }
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, SCHEMAS, max_size=4))
def test_no_schema_loses_a_name_a_limit_or_a_word(properties):
    text = signatures([tool("do_it", properties)])

    assert [leaf for leaf in leaves({"properties": properties}) if leaf not in text] == []


FILTERS = {f"filter_{i}": {"type": "string"} for i in range(6)}


def test_arguments_that_tools_share_are_described_once():
    first = tool("first", FILTERS, required=["filter_0"])
    second = tool("second", {**FILTERS, "own": {"type": "integer"}}, required=["filter_0"])
    third = tool("third", {k: v for k, v in FILTERS.items() if k != "filter_5"})

    _first, of_second, of_third = signatures([first, second, third]).split("\n\n")

    assert of_second == "second: Do it.\nown?: integer\nAnd all arguments of first."
    # It does not require `filter_0`, so this argument is another one.
    assert of_third == (
        "third: Do it.\nfilter_0?: string\nAs in first: filter_1?, filter_2?, filter_3?, filter_4?"
    )


def test_what_two_answers_share_is_described_once():
    answer = {
        "total": {},
        "data": {"items": {"properties": {"id": {"description": "UUID"}, "name": {}}}},
    }
    tools = [tool("first", {}, answer=answer), tool("second", {}, answer=answer)]

    first, second = signatures(tools, with_answers=True).split("\n\n")

    assert first.endswith("Answers {total, data: [{id (UUID), name}]}")
    assert second.endswith("Answers {total, data: [{id, name}]}")


def test_a_long_form_is_described_once_and_then_by_the_tool():
    limits = {
        "type": "object",
        "properties": {f"limit_{i}": {"type": "integer", "maximum": 9} for i in range(5)},
    }
    first = tool("create_it", {"limits": limits, "size": {"type": "integer"}}, required=["limits"])
    second = tool("update_it", {"limits": limits, "size": {"type": "integer"}})

    _first, text = signatures([first, second]).split("\n\n")

    assert text == "update_it: Do it.\nlimits?: as in create_it\nsize?: integer"


def test_a_tool_without_arguments_says_so():
    assert signatures([tool("do_it", {})]) == "do_it: Do it.\nNo arguments."

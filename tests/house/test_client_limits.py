"""Limits that clients and model providers publish for the definition of a tool.

- OpenAI: names of letters, digits, `_` and `-`, at most 64; descriptions of at most 1,024
  characters; an object at the root, and at most ten levels
- Anthropic: the same names, also of arguments, and no oneOf, anyOf or allOf at the root
- Gemini: names begin with a letter, one type for each value, enum values are strings, a list says
  what it holds, and only some keywords of JSON Schema (any `format` is taken: google-genai 3.6)
- Cursor: 60 characters of the server's and the tool's name together

A converter that meets one schema it cannot convert refuses the whole list of tools.
"""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from each import for_each
from portkey_admin_mcp.server.mcp.definitions import MODES, all_tools, describe

TOOLS = all_tools()


@cache
def definitions():
    """The definitions of the tools of all modes."""
    of_modes = [
        entry["definition"]
        for mode in MODES.values()
        for entry in mode.manifest_entry().get("tools", ())
    ]
    return [*map(describe, TOOLS), *of_modes]


KEYWORDS = {
    "type", "properties", "required", "items", "enum", "description", "format", "pattern",
    "minimum", "maximum", "minItems", "maxItems",
    "minLength", "maxLength", "default",
}  # fmt: skip
MAX_DESCRIPTION_LENGTH, MAX_DEPTH, MAX_CURSOR_NAME_LENGTH = 1_024, 10, 60
MAX_NAME_LENGTH = 64
"""Of a tool as Claude Code and Codex name it to the model: `mcp__server__tool`."""
MAX_OPENAI_PROPERTIES, MAX_OPENAI_ENUM_VALUES = 5_000, 1_000
SERVER = "portkey"
ROOT = Path(__file__).parents[2]
TYPES = ("string", "integer", "number", "boolean", "array", "object")


def nodes(schema, depth=0):
    """Yield a schema and every schema inside it, each with its depth."""
    yield schema, depth
    for inner in schema.get("properties", {}).values():
        yield from nodes(inner, depth + 1)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], depth + 1)
    for inner in schema.get("anyOf", ()):
        yield from nodes(inner, depth + 1)


def gemini_problems(schema):
    """What Gemini's converters refuse, as in Google's own SDKs, LangChain's and its REST API."""
    for node, _depth in nodes(schema):
        if node.get("type") not in TYPES:
            yield f"not one type: {node.get('type')}"
        if not node.keys() <= KEYWORDS:
            yield f"unknown keywords: {node.keys() - KEYWORDS}"
        if node.get("type") == "array" and "items" not in node:
            yield "a list without items"
        values = node.get("enum", ())
        if values and (
            node["type"] != "string" or not all(isinstance(v, str) and v for v in values)
        ):
            yield f"choices that are not text: {values}"
        if node.get("properties") == {} and node is not schema:
            yield "an object that names no field"


def openai_problems(schema):
    """What OpenAI refuses of a function that is not declared as strict, and its limits of size."""
    found = [node for node, _depth in nodes(schema)]
    if schema.get("type") != "object" or "properties" not in schema:
        yield "the root is no object"
    if any("items" not in node for node in found if node.get("type") == "array"):
        yield "a list without items"
    if max(depth for _node, depth in nodes(schema)) > MAX_DEPTH:
        yield "too deep"
    if sum(len(node.get("properties", ())) for node in found) > MAX_OPENAI_PROPERTIES:
        yield "too many properties"
    if sum(len(node.get("enum", ())) for node in found) > MAX_OPENAI_ENUM_VALUES:
        yield "too many choices"
    for node in found:
        if not {*node.get("required", ())} <= node.get("properties", {}).keys():
            yield "something required is no property"


def anthropic_problems(schema):
    """What Anthropic refuses."""
    if {"oneOf", "anyOf", "allOf"} & schema.keys():
        yield "a choice at the root"
    for node, _depth in nodes(schema):
        for name in node.get("properties", ()):
            if not re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", name):
                yield f"the name {name!r}"


CONVERTERS = {
    "gemini": gemini_problems,
    "openai": openai_problems,
    "anthropic": anthropic_problems,
}


@pytest.mark.parametrize("converter", CONVERTERS)
def test_the_strict_converters_take_every_tool(converter):
    problems = {
        each["name"]: [*CONVERTERS[converter](each["inputSchema"])] for each in definitions()
    }

    assert len(problems) > len(TOOLS)
    assert {name: each for name, each in problems.items() if each} == {}


@pytest.mark.parametrize(
    "field",
    [
        {"type": ["string", "null"]},
        {"type": ["array", "null"], "items": {"type": "string"}},
        {"type": ["string", "array"], "items": {"type": "string"}},
        {"type": "string", "enum": ["monthly", None]},
        {"type": "integer", "enum": [0, 1]},
        {"type": "array"},
        {"type": "array", "items": {}},
        {"type": "integer", "exclusiveMinimum": 0},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {},
    ],
    ids=json.dumps,
)
def test_the_rules_know_the_forms_that_broke_a_client(field):
    schema = {
        "type": "object",
        "properties": {"limit": {"type": "object", "properties": {"x": field}}},
    }

    assert [*gemini_problems(schema)]


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.py")]
SUGGESTED = re.compile(r'claude mcp add (?:--\S+ \S+ )*([a-z][\w-]*)|"mcpServers": ?\{ ?"([\w-]+)"')


def test_all_texts_suggest_the_same_name_for_the_server():
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    names = [a or b for text in texts for a, b in SUGGESTED.findall(text)]

    assert len(names) >= 5
    assert {*names} == {SERVER}


@for_each(TOOLS, lambda tool: tool.name)
def test_a_tool_fits_what_clients_publish(tool):
    definition = describe(tool)
    schema = definition["inputSchema"]

    assert schema["type"] == "object"
    assert len(definition["description"]) <= MAX_DESCRIPTION_LENGTH
    assert len(f"{SERVER}_{definition['name']}") <= MAX_CURSOR_NAME_LENGTH
    assert len(f"mcp__{SERVER}__{definition['name']}") <= MAX_NAME_LENGTH
    assert definition["name"][0].isalpha()
    assert json.loads(json.dumps(schema)) == schema

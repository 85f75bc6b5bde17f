"""Limits that clients and model providers publish for the definition of a tool.

- OpenAI: names of letters, digits, `_` and `-`, at most 64; descriptions of at most 1,024
  characters; an object at the root, and at most ten levels
- Anthropic: the same names, and no oneOf, anyOf or allOf at the root
- Gemini: names begin with a letter, enum values are strings, and only some keywords of JSON Schema
- Cursor: 60 characters of the server's and the tool's name together
"""

import json

import pytest

from portkey_admin_mcp.server.mcp.definitions import all_tools, describe

TOOLS = all_tools()
KEYWORDS = {
    "type", "properties", "required", "items", "enum", "description", "format", "pattern",
    "minimum", "maximum", "minItems", "maxItems",
    "minLength", "maxLength", "default",
}  # fmt: skip
FORMATS = {"date-time", "email", "uri", "uuid"}
MAX_DESCRIPTION_LENGTH, MAX_DEPTH, MAX_CURSOR_NAME_LENGTH = 1_024, 10, 60
SERVER = "portkey"


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


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_fits_what_clients_publish(tool):
    definition = describe(tool)
    schema = definition["inputSchema"]
    subschemas = list(nodes(schema))

    assert schema["type"] == "object"
    assert not {"oneOf", "anyOf", "allOf"} & set(schema)
    assert len(definition["description"]) <= MAX_DESCRIPTION_LENGTH
    assert len(f"{SERVER}_{definition['name']}") <= MAX_CURSOR_NAME_LENGTH
    assert definition["name"][0].isalpha()
    assert {key for node, _depth in subschemas for key in node} <= KEYWORDS
    assert {node["format"] for node, _depth in subschemas if "format" in node} <= FORMATS
    assert max(depth for _node, depth in subschemas) <= MAX_DEPTH
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_required_arguments_are_among_the_properties_and_choices_are_text(tool):
    for node, _depth in nodes(describe(tool)["inputSchema"]):
        assert set(node.get("required", ())) <= set(node.get("properties", {}))
        assert all(isinstance(each, str | None) for each in node.get("enum", ()))

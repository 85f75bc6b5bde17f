"""What clients and model providers accept as a tool, from what they publish.

- OpenAI: names of letters, digits, `_` and `-`, at most 64; descriptions of at most 1,024 letters;
  an object at the root, and at most ten levels
- Anthropic: the same names, and no oneOf, anyOf or allOf at the root
- Gemini: names begin with a letter, choices are texts, and only some keywords of JSON Schema
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
LONGEST_DESCRIPTION, DEEPEST, CURSOR = 1_024, 10, 60
SERVER = "portkey"


def nodes(schema, depth=0):
    """Every schema in a schema, with how deep it lies."""
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
    found = list(nodes(schema))

    assert schema["type"] == "object"
    assert not {"oneOf", "anyOf", "allOf"} & set(schema)
    assert len(definition["description"]) <= LONGEST_DESCRIPTION
    assert len(f"{SERVER}_{definition['name']}") <= CURSOR
    assert definition["name"][0].isalpha()
    assert {key for node, _depth in found for key in node} <= KEYWORDS
    assert {node["format"] for node, _depth in found if "format" in node} <= FORMATS
    assert max(depth for _node, depth in found) <= DEEPEST
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_required_arguments_are_among_the_properties_and_choices_are_text(tool):
    for node, _depth in nodes(describe(tool)["inputSchema"]):
        assert set(node.get("required", ())) <= set(node.get("properties", {}))
        assert all(isinstance(each, str | None) for each in node.get("enum", ()))

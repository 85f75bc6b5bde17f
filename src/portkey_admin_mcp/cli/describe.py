"""`describe`: what a tool does, what it needs, and its arguments."""

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .completion_types import TOOL_NAME
from .options import env_file_option, listing_sandbox_option
from .output import Output, ResultCommand, json_options

if TYPE_CHECKING:
    from ..portkey.catalog import Tool
    from ..server.offer.offer import ListedTool

Schema = Mapping[str, Any]
SAMPLES: dict[str, Any] = {"boolean": True, "integer": 10, "number": 1.5}
"""A value of each type of argument, for the example."""
SAMPLE_FORMATS = {"date-time": "2026-11-02T09:00:00Z", "email": "ada@example.com"}
SAMPLE_END = "2026-11-03T09:00:00Z"
"""The date of an argument that ends a period, which is later than that of its beginning."""
NOT_SAMPLED = ("fields", "format", "cursor")
"""Arguments that say how an answer is presented or read on, which an example does not need."""
BOUNDS = {"minimum": "≥", "maximum": "≤", "maxLength": "characters ≤", "maxItems": "items ≤"}


@click.command(cls=ResultCommand, short_help="Show what a tool does, and its arguments.")
@click.argument("tool", type=TOOL_NAME)
@listing_sandbox_option
@env_file_option
@json_options
def describe(tool: str, sandbox: bool, env_file: Path | None, output: Output) -> None:
    """Show what TOOL does: endpoint, scopes, effect, risk, and arguments with types and an example.

    \b
    portkey-admin-mcp describe create_api_key
    """  # noqa: D301  # click needs the character \b
    from ..assembly import selected_offer
    from ..settings.settings import load_settings
    from .calls import not_offered

    settings = load_settings(env_file, PORTKEY_SANDBOX=True)
    offer = selected_offer(settings.model_copy(update={"tool_mode": "full"}))
    listed = offer.tools[tool] if tool in offer.tools else not_offered(tool, offer)
    description = description_of(listed)
    if output.is_json:
        output.write({**description, "input_schema": listed.input_schema})
    else:
        click.echo("\n".join(_lines(description)))


def description_of(listed: "ListedTool") -> dict[str, Any]:
    """What a tool is, as JSON."""
    from importlib import import_module

    from ..portkey.catalog import tool_of

    module = import_module(f"portkey_admin_mcp.{listed.module}")
    tool = tool_of(getattr(module, listed.name))
    schema = listed.input_schema
    facts = {
        "name": tool.name,
        "domain": tool.domain,
        "description": tool.description,
        "effect": tool.effect,
        "endpoints": [each for each in tool.endpoints if each not in tool.optional],
        "endpoints_if_needed": [*tool.optional],
        "scopes": tool.scopes_in_words,
        "risk": _risk(tool),
        "facts": [*_facts(tool)],
        "arguments": [*_arguments(schema)],
        "example": example(tool.name, schema),
    }
    return {name: value for name, value in facts.items() if value not in ("", [])}


def _risk(tool: "Tool") -> str:
    """The risk of a call in words, with the reasons for which a person is asked."""
    from ..safety.risk import BY_EFFECT, NOT_RESTORABLE

    if tool.high_risk:
        return f"high: {tool.high_risk}"
    reasons = [f"{reason} ({condition})" for condition, reason in tool.high_risk_if]
    if tool.effect == "delete":
        if not tool.is_restorable:
            return f"high: {NOT_RESTORABLE}"
        reasons.append("something depends on it, or that cannot be verified")
    level = "medium" if tool.effect == "delete" else BY_EFFECT[tool.effect]
    return f"{level}; high if {'; or if '.join(reasons)}" if reasons else level


def _facts(tool: "Tool") -> Iterator[str]:
    if tool.enterprise:
        yield "Needs an Enterprise plan."
    if tool.is_billable:
        yield "It costs money: models are called."
    if tool.returns_secret:
        yield "Its answer holds a secret, only once; PORTKEY_SECRET_SINK says where it goes."
    if tool.no_undo:
        yield f"It cannot be undone: {tool.no_undo}."
    if tool.unconfirmed:
        yield f"Unconfirmed: {tool.unconfirmed}"


def _arguments(schema: Schema, prefix: str = "") -> Iterator[dict[str, Any]]:
    """Each argument, followed by the fields of the objects in it under dotted names."""
    required = schema.get("required", ())
    for name, node in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        values = {
            "name": path,
            "type": _type(node),
            "required": name in required,
            "values": node.get("enum") or node.get("items", {}).get("enum", []),
            "default": node.get("default"),
            "limits": _limits(node),
            "description": node.get("description", ""),
        }
        yield {key: value for key, value in values.items() if value not in (None, "", [])}
        yield from _arguments(node, f"{path}.")
        yield from _arguments(node.get("items", {}), f"{path}.0.")


def _limits(node: Schema) -> str:
    return ", ".join(f"{sign} {node[key]}" for key, sign in BOUNDS.items() if key in node)


def _type(node: Schema) -> str:
    kind = str(node.get("type", "any"))
    if kind == "array":
        return f"list of {_type(node.get('items', {}))}"
    return f"{kind} ({node['format']})" if "format" in node else kind


def example(name: str, schema: Schema) -> str:
    """A call with the required arguments, or with the first one that is optional."""
    from ..clients.launcher import typed_command

    properties = schema.get("properties", {})
    optional = [each for each in properties if each not in NOT_SAMPLED][:1]
    used = schema.get("required") or optional
    words = [f"{each}{_sample(each, properties.get(each, {}))}" for each in used]
    return f"{typed_command()} {shlex.join(['call', name, *words])}"


def _sample(name: str, node: Schema) -> str:
    """The sign and a sample value of an argument, as on a command line."""
    value = _sample_value(name, node)
    if isinstance(value, dict | list):
        return f":={json.dumps(value)}"
    return f"={json.dumps(value) if not isinstance(value, str) else value}"


def _sample_value(name: str, node: Schema) -> Any:
    if "enum" in node:
        return node["enum"][0]
    kind = node.get("type")
    if kind == "array":
        items = node.get("items", {})
        item = _sample_value(name, items)
        return [item] if isinstance(item, dict) else str(item)
    if kind == "object":
        fields = node.get("properties", {})
        names = [*node.get("required", ())] or [*fields][:1]
        return {each: _sample_value(each, fields[each]) for each in names} or {"key": "value"}
    if node.get("format") == "date-time" and name.endswith(("_max", "_end")):
        return SAMPLE_END
    return SAMPLES.get(str(kind)) or SAMPLE_FORMATS.get(node.get("format", "")) or name.upper()


def _lines(description: dict[str, Any]) -> Iterator[str]:
    """The description as text for a person."""
    yield f"{description['name']} ({description['domain']})"
    yield ""
    yield description["description"]
    yield ""
    if endpoints := description.get("endpoints"):
        yield f"Endpoint:  {', then '.join(endpoints)}"
    if optional := description.get("endpoints_if_needed"):
        yield f"If needed: {', '.join(optional)}"
    yield f"Scopes:    {description.get('scopes', 'none')}"
    yield f"Effect:    {description['effect']}"
    yield f"Risk:      {description['risk']}"
    yield from description.get("facts", ())
    yield ""
    arguments = description.get("arguments", [])
    yield "Arguments:" if arguments else "It takes no arguments."
    width = max((len(each["name"]) for each in arguments), default=0)
    for each in arguments:
        yield f"  {each['name']:{width}}  {_argument_text(each)}"
    yield ""
    yield f"Example:   {description['example']}"


def _argument_text(argument: dict[str, Any]) -> str:
    values = "|".join(
        json.dumps(value) if not isinstance(value, str) else value
        for value in argument.get("values", ())
    )
    default = f"default {json.dumps(argument['default'])}" if "default" in argument else ""
    parts = [
        argument["type"] + (", required" if argument["required"] else ""),
        values,
        argument.get("limits", ""),
        default,
    ]
    text = "; ".join(filter(None, parts))
    details = argument.get("description", "")
    return f"{text}. {details}" if details else text

"""Signatures: what tools take and answer, in half the characters of their JSON Schemas.

    create_widget: Create a widget for a workspace.
    name: string ≤255 chars
    colour?: "red"|"blue" (Of the front.)
    tags?: [{key: string, value?: string|[string]}]
    Answers {id, slug}

A `?` marks what may be left out, `[…]` is a list, and parentheses hold a description. A signature
says all that a schema says; neighbours of the same form share a line.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

from ..offer.offer import ListedTool

Schema = dict[str, Any]

MIN_SHARED_ARGUMENTS = 4
"""From this number on, arguments that an earlier tool takes too are only named."""
MIN_SHARED_CHARS = 60
"""From this length on, the form of an argument refers to an earlier tool that takes it too."""
BOUNDS = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " chars"),
    ("minItems", "maxItems", " items"),
)
"""The lower bound, the upper bound, and what they count."""


class _Argument(NamedTuple):
    """An argument, and its type with its description."""

    name: str
    form: str


def signatures(tools: Iterable[ListedTool], *, with_answers: bool = False) -> str:
    """The signatures of some tools. What several of them share is described once."""
    described: dict[str, list[_Argument]] = {}
    fields: set[str] = set()
    texts = []
    for tool in tools:
        arguments = _arguments(tool.input_schema)
        description = " ".join(tool.description.split())
        lines = [f"{tool.name}: {description}", *_argument_lines(arguments, described)]
        if with_answers and (answer := _answer(tool.definition.get("outputSchema", {}), fields)):
            lines.append(f"Answers {answer}")
        described[tool.name] = arguments
        texts.append("\n".join(lines))
    return "\n\n".join(texts)


def head(tool: ListedTool) -> str:
    """One line: the name, the required arguments, and the first sentence of the description."""
    required = ", ".join(tool.input_schema.get("required", ()))
    return f"{tool.name}({required}): {first_sentence(tool.description)}"


def first_sentence(description: str) -> str:
    """The first sentence of a description, on one line."""
    paragraph = " ".join(description.partition("\n\n")[0].split())
    sentence, stop, _rest = paragraph.partition(". ")
    return sentence + stop.strip()


def _arguments(schema: Schema) -> list[_Argument]:
    required = schema.get("required", ())
    return [
        _Argument(name if name in required else f"{name}?", _form(field))
        for name, field in schema.get("properties", {}).items()
    ]


def _argument_lines(
    arguments: list[_Argument], described: dict[str, list[_Argument]]
) -> Iterator[str]:
    """A line for each form of the arguments, and one for those of an earlier tool."""
    like, shared = _most_shared(arguments, described)
    own = [argument for argument in arguments if argument not in shared]
    for form, same in groupby(own, lambda argument: _or_reference(argument, described)):
        yield f"{', '.join(argument.name for argument in same)}: {form}"
    if shared and len(shared) == len(described[like]):
        yield f"And all arguments of {like}."
    elif shared:
        yield f"As in {like}: {', '.join(argument.name for argument in shared)}"
    elif not own:
        yield "No arguments."


def _or_reference(argument: _Argument, described: dict[str, list[_Argument]]) -> str:
    """The form of an argument, or the first tool above that takes it in the same form."""
    if len(argument.form) < MIN_SHARED_CHARS:
        return argument.form
    name = argument.name.rstrip("?")
    for tool, arguments in described.items():
        if any((a.name.rstrip("?"), a.form) == (name, argument.form) for a in arguments):
            return f"as in {tool}"
    return argument.form


def _most_shared(
    arguments: list[_Argument], described: dict[str, list[_Argument]]
) -> tuple[str, list[_Argument]]:
    """The earlier tool that shares the most arguments, and these; none if they are few."""
    shared = {
        name: [argument for argument in arguments if argument in others]
        for name, others in described.items()
    }
    like = max(shared, key=lambda name: len(shared[name]), default="")
    if len(shared.get(like, ())) < MIN_SHARED_ARGUMENTS:
        return "", []
    return like, shared[like]


def _form(schema: Schema) -> str:
    """The type of a value, its limits, its default and its description."""
    text = _type(schema) + _limits(schema)
    if "default" in schema:
        text += f" = {_literal(schema['default'])}"
    description = " ".join(schema.get("description", "").split())
    return f"{text} ({description})" if description else text


def _type(schema: Schema) -> str:
    if "enum" in schema:
        return "|".join(map(_literal, schema["enum"]))
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return "|".join(map(_form, options))
    kinds = schema.get("type", "any")
    return "|".join(_kind(kind, schema) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _kind(kind: str, schema: Schema) -> str:
    if kind == "array":
        return f"[{_form(schema.get('items', {}))}]"
    if kind == "object" and schema.get("properties"):
        return "{" + ", ".join(f"{name}: {form}" for name, form in _arguments(schema)) + "}"
    return schema.get("format", kind) if kind == "string" else kind


def _limits(schema: Schema) -> str:
    text = f" /{schema['pattern']}/" if "pattern" in schema else ""
    for low, high, unit in BOUNDS:
        if low in schema and high in schema:
            text += f" {schema[low]}–{schema[high]}{unit}"
        elif low in schema:
            text += f" ≥{schema[low]}{unit}"
        elif high in schema:
            text += f" ≤{schema[high]}{unit}"
    return text


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _answer(schema: Schema, described: set[str]) -> str:
    """The fields of an answer; a description that stands in `described` is left out."""
    if "items" in schema:
        return f"[{_answer(schema['items'], described)}]"
    fields = [
        name + _answer_field(name, field, described)
        for name, field in schema.get("properties", {}).items()
    ]
    return f"{{{', '.join(fields)}}}" if fields else ""


def _answer_field(name: str, schema: Schema, described: set[str]) -> str:
    inner = _answer(schema, described)
    description = f" ({schema['description']})" if "description" in schema else ""
    if name + description in described:
        description = ""
    described.add(name + description)
    return (f": {inner}" if inner else "") + description

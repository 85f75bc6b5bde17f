"""JSON Schema for models: without references, understood by all clients, and short.

There are two schemas of a tool's arguments. `input_schema` is announced to clients and has one type
for each argument: the converters of several clients refuse a whole list of tools for one
`["string", "null"]`. `accepted_schema` says all that a call may hold, and calls are read by it.

The schemas are built once for each model, and shared: copy one before you change it.
"""

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from ...models.core.base import ABSENT

Schema = dict[str, Any]

LEFT_OUT = ("title", "$defs", "additionalProperties")
LOWER_BOUNDS = ("minimum", "minLength", "minItems")
BOUND_NAMES = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
"""JSON Schema's names of the bounds that pydantic does not rename in a union."""
NULL_CLEARS = "Null clears."
SEVERAL = "Several: a JSON list."


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, except that `ABSENT` does not count as a default."""

    def default_schema(self, schema: Any) -> Schema:
        """Leave out a default of null or `ABSENT`: the field is simply not required."""
        if schema.get("default", ABSENT) in (ABSENT, None):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


@cache
def accepted_schema(arguments: type[BaseModel]) -> Schema:
    """The schema that a call's arguments are read by: null, and a text or a list, where allowed."""
    return _object(_plain(*_generated(arguments)))


@cache
def input_schema(arguments: type[BaseModel]) -> Schema:
    """The schema that is announced: no `$ref`, no title, and one type for each argument.

    In the arguments of an update (`null_clears`), words say where null clears.
    """
    return _announced(accepted_schema(arguments), bool(getattr(arguments, "null_clears", False)))


@cache
def output_schema(record: type[BaseModel]) -> Schema:
    """The schema of an answer: names and descriptions of fields, but no types below the root.

    Clients refuse an answer that breaks its output schema, and Portkey's answers vary: a flag is
    0, 1, true or "false".
    """
    return _object(_untyped(_plain(*_generated(record))))


def _generated(model: type[BaseModel]) -> tuple[Schema, Schema]:
    """Pydantic's schema of a model, and its definitions by name."""
    schema = model.model_json_schema(schema_generator=_Generator)
    return schema, schema.get("$defs", {})


def _object(schema: Schema) -> Schema:
    return {"type": "object", "properties": {}, **schema} if "type" not in schema else schema


def _plain(node: Any, defs: Schema) -> Any:
    if isinstance(node, list):
        return [_plain(item, defs) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        # A group's docstring is for maintainers; the field that holds the group describes it.
        definition = defs[node["$ref"].rpartition("/")[2]]
        definition = {k: v for k, v in definition.items() if k != "description"}
        node = {**definition, **{k: v for k, v in node.items() if k != "$ref"}}
    node = {BOUND_NAMES.get(k, k): v for k, v in node.items()}
    plain = {k: v for k, v in node.items() if not _is_left_out(k, node)}
    if "const" in plain:
        plain["enum"] = [plain.pop("const")]  # which all model providers understand
    if "properties" in plain:
        fields = plain["properties"].items()
        plain["properties"] = {name: _plain(field, defs) for name, field in fields}
    for key in ("items", "prefixItems", "allOf", "oneOf"):
        if key in plain:
            plain[key] = _plain(plain[key], defs)
    return _nullable(plain, defs) if "anyOf" in plain else plain


def _announced(node: Schema, null_clears: bool) -> Schema:
    """The schema with one type for each value, and words for what this leaves out."""
    announced = dict(node)
    types = node.get("type")
    if isinstance(types, list):
        announced["type"] = types[0]
        if types[0] == "string" and "array" in types:
            # Not announced as a list: Portkey documents `*` as a text, not as a list of one.
            announced.pop("items", None)
            _say(announced, SEVERAL)
    if "enum" in node:
        announced["enum"] = [value for value in node["enum"] if value is not None]
    if null_clears and isinstance(types, list) and "null" in types:
        _say(announced, NULL_CLEARS)
    if "properties" in node:
        fields = node["properties"].items()
        announced["properties"] = {n: _announced(field, null_clears) for n, field in fields}
    if "items" in announced:
        # A list is replaced as a whole, so nothing inside it is there to be cleared.
        announced["items"] = _announced(node["items"], False)
    return announced


def _say(node: Schema, sentence: str) -> None:
    """Add a sentence to a description, unless its first word stands there already."""
    description = node.get("description", "")
    if sentence.split()[0].strip(".:").lower() not in description.lower():
        node["description"] = f"{description} {sentence}".strip()


def _is_left_out(key: str, node: Schema) -> bool:
    """Whether a keyword is left out: it is validated, but a model does not need to read it."""
    if key == "pattern":
        return "format" in node
    return key in LEFT_OUT or (key in LOWER_BOUNDS and node[key] in (0, 1))


def _nullable(node: Schema, defs: Schema) -> Schema:
    """Write `["string", "null"]` for `anyOf` with null, so the description stays on the field."""
    options = [_plain(option, defs) for option in node.pop("anyOf")]
    not_null = [option for option in options if option.get("type") != "null"]
    if len(not_null) == 1 and len(options) == 2:
        (option,) = not_null
        merged = {**option, **node}
        if isinstance(option.get("type"), str):
            merged["type"] = [option["type"], "null"]
        if "enum" in option:
            merged["enum"] = [*option["enum"], None]
        return merged
    by_type = _one_of_types(options)
    if by_type is not None:
        return {**by_type, **node}
    return {**node, "anyOf": options}


def _one_of_types(options: list[Schema]) -> Schema | None:
    """Write `["string", "array"]` with the items if only the types differ; else None."""
    types = [option.get("type") for option in options]
    other_keywords = [option.keys() - {"type", "items"} for option in options]
    if any(other_keywords) or len(set(map(str, types))) < len(types):
        return None
    items = [option["items"] for option in options if "items" in option]
    return {"type": types, **({"items": items[0]} if items else {})}


def _untyped(node: Schema, depth: int = 0) -> Schema:
    untyped = {k: v for k, v in node.items() if k in ("description", "properties", "items")}
    if "properties" in untyped:
        fields = untyped["properties"].items()
        untyped["properties"] = {name: _untyped(field, depth + 1) for name, field in fields}
    if "items" in untyped:
        untyped["items"] = _untyped(untyped["items"], depth + 1)
    return {"type": "object", **untyped} if depth == 0 else untyped

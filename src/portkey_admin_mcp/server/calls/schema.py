"""JSON Schema as a model should read it: flat, portable, and no longer than it must be."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from ...models.core.base import ABSENT

Schema = dict[str, Any]

DOC = "description"
UNSAID = ("title", "$defs", "additionalProperties")
LEAST = ("minimum", "minLength", "minItems")
RENAMED = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
"""Bounds of a union, which pydantic leaves under its own names."""


class _Generator(GenerateJsonSchema):
    """Pydantic's own, except that a default of `ABSENT` is no default."""

    def default_schema(self, schema: Any) -> Schema:
        """Leave out what says nothing: an optional field is simply not required."""
        if schema.get("default", ABSENT) in (ABSENT, None):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def input_schema(arguments: type[BaseModel]) -> Schema:
    """Describe a tool's arguments. No `$ref`, no title, and null only where null clears."""
    return _object(_plain(*_generated(arguments)))


def output_schema(record: type[BaseModel]) -> Schema:
    """Describe an answer without judging it: names and meanings, but no types below the root.

    Clients refuse an answer that breaks its output schema; Portkey's answers vary (a flag is
    0, 1, true or "false"), and nothing Portkey says may be lost.
    """
    return _object(_untyped(_plain(*_generated(record))))


def _generated(model: type[BaseModel]) -> tuple[Schema, Schema]:
    whole = model.model_json_schema(schema_generator=_Generator)
    return whole, whole.get("$defs", {})


def _object(schema: Schema) -> Schema:
    return {"type": "object", "properties": {}, **schema} if "type" not in schema else schema


def _plain(node: Any, defs: Schema) -> Any:
    if isinstance(node, list):
        return [_plain(item, defs) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        # A group's docstring is for its maintainers; its field is described where it is named.
        target = {k: v for k, v in defs[node["$ref"].rpartition("/")[2]].items() if k != DOC}
        node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
    node = {RENAMED.get(k, k): v for k, v in node.items()}
    kept = {k: v for k, v in node.items() if not _unsaid(k, node)}
    if "const" in kept:
        kept["enum"] = [kept.pop("const")]  # which all model providers know
    if "properties" in kept:
        fields = kept["properties"].items()
        kept["properties"] = {name: _plain(field, defs) for name, field in fields}
    for key in ("items", "prefixItems", "allOf", "oneOf"):
        if key in kept:
            kept[key] = _plain(kept[key], defs)
    return _nullable(kept, defs) if "anyOf" in kept else kept


def _unsaid(key: str, node: Schema) -> bool:
    """Whether this keyword may go: checked all the same, but not worth a model's attention."""
    if key == "pattern":
        return "format" in node
    return key in UNSAID or (key in LEAST and node[key] in (0, 1))


def _nullable(node: Schema, defs: Schema) -> Schema:
    """Write `["string", "null"]` for `anyOf` with null, so the description stays on the field."""
    options = [_plain(option, defs) for option in node.pop("anyOf")]
    real = [option for option in options if option.get("type") != "null"]
    if len(real) == 1 and len(options) == 2:
        (only,) = real
        merged = {**only, **node}
        if isinstance(only.get("type"), str):
            merged["type"] = [only["type"], "null"]
        if "enum" in only:
            merged["enum"] = [*only["enum"], None]
        return merged
    by_type = _one_of_types(options)
    if by_type is not None:
        return {**by_type, **node}
    return {**node, "anyOf": options}


def _one_of_types(options: list[Schema]) -> Schema | None:
    """Write `["string", "array"]` with the items, where types are all that differs."""
    types = [option.get("type") for option in options]
    said = [option.keys() - {"type", "items"} for option in options]
    if any(said) or len(set(map(str, types))) < len(types):
        return None
    items = [option["items"] for option in options if "items" in option]
    return {"type": types, **({"items": items[0]} if items else {})}


def _untyped(node: Schema, depth: int = 0) -> Schema:
    kept = {k: v for k, v in node.items() if k in ("description", "properties", "items")}
    if "properties" in kept:
        fields = kept["properties"].items()
        kept["properties"] = {name: _untyped(field, depth + 1) for name, field in fields}
    if "items" in kept:
        kept["items"] = _untyped(kept["items"], depth + 1)
    return {"type": "object", **kept} if depth == 0 else kept

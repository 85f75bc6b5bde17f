"""Between the flat arguments of an MCP call and the grouped ones of a Python call."""

import inspect
import json
import math
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from ...errors import InputError
from ...models.core.base import Arguments
from ...portkey.catalog import Function, Tool
from .presentation import presentation_arguments
from .schema import Schema

MOST_PROBLEMS = 8


def arguments_model(tool: Tool) -> type[BaseModel]:
    """Build the flat model of a tool's arguments: its parameters, with `Arguments` spread out."""
    fields: dict[str, Any] = {}
    for name, hint in _parameters(tool.function).items():
        spread = (
            {n: (f.annotation, f) for n, f in hint.model_fields.items()}
            if _is_group(hint)
            else {name: (hint, _default(tool.function, name))}
        )
        if clash := fields.keys() & spread.keys():
            raise TypeError(f"{tool.name} has two arguments called {', '.join(clash)}")
        fields |= spread
    fields = {**presentation_arguments(get_type_hints(tool.function)["return"]), **fields}
    first = sorted(fields.items(), key=lambda item: not _is_required(item[1][1]))
    config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)
    return create_model(tool.name, __config__=config, **dict(first))


def read_arguments(model: type[BaseModel], schema: Schema, given: dict[str, Any]) -> BaseModel:
    """Validate what a client sent, tolerantly: JSON and numbers may come as strings.

    Raises InputError naming every argument that does not fit, and the nearest name there is.
    """
    meant = _unwrapped(given, schema)
    if not _finite(meant):
        raise InputError("NaN and Infinity are not numbers in JSON; give another number, or null")
    try:
        return model.model_validate(meant)
    except ValidationError as error:
        problems = [*_in_words(error, schema)]
        more = len(problems) - MOST_PROBLEMS
        shown = problems[:MOST_PROBLEMS] + ([f"… and {more} more"] if more > 0 else [])
        raise InputError("these arguments do not fit:\n" + "\n".join(shown)) from None


async def call_flat(tool: Tool, api: object, arguments: BaseModel) -> Any:
    """Call a tool with validated flat arguments."""
    given = arguments.model_fields_set
    bound: dict[str, Any] = {}
    for name, hint in _parameters(tool.function).items():
        if _is_group(hint):
            own = {n: getattr(arguments, n) for n in hint.model_fields if n in given}
            bound[name] = _group(hint, own)
        else:
            bound[name] = getattr(arguments, name)
    return await tool.function(api, **bound)


def not_sent(arguments: BaseModel, prefix: str = "") -> list[str]:
    """Name the given arguments that Portkey has no field for, at any depth."""
    names = []
    for name in sorted(arguments.model_fields_set):
        value = getattr(arguments, name)
        if type(arguments).model_fields[name].exclude:
            names.append(prefix + name)
        elif isinstance(value, Arguments):
            names += not_sent(value, f"{prefix}{name}.")
    return names


def _group(group: type[Arguments], own: dict[str, Any]) -> Arguments:
    try:
        return group(**own)
    except ValidationError as error:
        # Only a rule across fields can fail here: each field has been checked by the flat model.
        words = [str(e.get("ctx", {}).get("error", e["msg"])) for e in error.errors()]
        raise InputError("; ".join(words)) from None


def _unwrapped(value: Any, schema: Schema) -> Any:
    """Undo what clients do to arguments: JSON or a comma list in a string, null for "not given"."""
    kinds = _kinds(schema)
    if isinstance(value, str) and kinds & {"object", "array"} and "string" not in kinds:
        value = _parsed(value, kinds, schema.get("items", {}))
    if isinstance(value, dict) and "properties" in schema:
        fields = schema["properties"]
        required = schema.get("required", ())
        return {
            name: _unwrapped(item, fields.get(name, {}))
            for name, item in value.items()
            if item is not None or name in required or _may_be_null(fields.get(name))
        }
    if isinstance(value, list) and "items" in schema:
        return [_unwrapped(item, schema["items"]) for item in value]
    return value


def _kinds(schema: Schema) -> set[str]:
    kind = schema.get("type", [])
    return {kind} if isinstance(kind, str) else set(kind)


def _may_be_null(field: Schema | None) -> bool:
    return field is None or not field.get("type") or "null" in _kinds(field)


def _parsed(text: str, kinds: set[str], items: Schema) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and "object" in kinds:
        return value
    if isinstance(value, list) and "array" in kinds:
        return value
    if "array" in kinds and items and not _kinds(items) & {"object", "array"}:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _finite(value: Any) -> bool:
    """Whether JSON can say every number in here. A loop, for it may be nested without end."""
    level = [value]
    while level:
        if not all(math.isfinite(node) for node in level if isinstance(node, float)):
            return False
        groups = [
            n.values() if isinstance(n, dict) else n for n in level if isinstance(n, dict | list)
        ]
        level = [child for group in groups for child in group]
    return True


def _in_words(error: ValidationError, schema: Schema) -> Iterator[str]:
    for problem in error.errors(include_input=False, include_url=False):
        place = ".".join(str(part) or "''" for part in problem["loc"])[:80]
        if problem["type"] == "extra_forbidden":
            *parents, name = problem["loc"]
            yield _unknown(place, str(name), _names(schema, parents))
        elif problem["type"] == "missing":
            yield f"{place}: is required"
        else:
            cause = problem.get("ctx", {}).get("error", problem["msg"])
            yield f"{place}: {cause}"


def _unknown(place: str, name: str, names: Iterable[str]) -> str:
    known = sorted(names)
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known) or 'none'}"
    return f"{place}: there is no such argument; {hint}"


def _names(schema: Schema, parents: Iterable[str | int]) -> Iterable[str]:
    """The names there are at a place; none where an object is free-form."""
    for parent in parents:
        inside = "items" if isinstance(parent, int) else "properties"
        found = schema.get(inside, {})
        schema = found if isinstance(parent, int) else found.get(parent, {})
    names: dict[str, Any] = schema.get("properties", {})
    return names


@cache
def _parameters(function: Function) -> dict[str, Any]:
    hints = get_type_hints(function, include_extras=True)
    _api, *names = inspect.signature(function).parameters
    return {name: hints[name] for name in names}


def _default(function: Function, name: str) -> Any:
    default = inspect.signature(function).parameters[name].default
    return ... if default is inspect.Parameter.empty else default


def _is_required(field: Any) -> bool:
    return field is ... or bool(getattr(field, "is_required", lambda: False)())


def _is_group(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Arguments)

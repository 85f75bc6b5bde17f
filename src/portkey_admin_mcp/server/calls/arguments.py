"""Turn the flat arguments of an MCP call into the grouped arguments of a Python call."""

import inspect
import json
import math
import re
from collections.abc import Awaitable, Iterable
from functools import cache
from typing import Annotated, Any, ClassVar, get_type_hints

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)
from pydantic_core import ErrorDetails

from ...errors import InputError
from ...models.core.base import Arguments, Unsent, unsent
from ...models.core.vocabulary import json_list
from ...portkey.catalog import Function, Tool
from ...suggestions import suggest
from .client_habits import one_name_each, without_placeholders
from .presentation import presentation_arguments
from .schema import Schema

MAX_PROBLEMS = 8
"""Problems that an error message names; the rest are only counted."""
MAX_PLACE_LENGTH = 80
OBJECT_ID = re.compile(r"\{(id|slug|\w+_id)\}")
"""The placeholder of a path that names the object of a tool."""


class _FlatArguments(BaseModel):
    """The base of a tool's flat arguments."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)
    null_clears: ClassVar[bool] = False
    """Whether the schema says where null clears: there is nothing to clear in a new object."""


class _Changes(_FlatArguments):
    """The same of a tool that changes what exists."""

    null_clears: ClassVar[bool] = True


@cache
def arguments_model(tool: Tool) -> type[BaseModel]:
    """The flat model of a tool's arguments: its parameters, with the fields of its groups.

    Built once for each tool. Raises TypeError if two arguments have the same name.
    """
    fields: dict[str, Any] = {}
    for name, hint in _parameters(tool.function).items():
        own_fields = (
            {n: (f.annotation, f) for n, f in hint.model_fields.items()}
            if _is_group(hint)
            else {name: (hint, _default(tool.function, name))}
        )
        if clash := fields.keys() & own_fields.keys():
            raise TypeError(f"{tool.name} has two arguments called {', '.join(clash)}")
        fields |= own_fields
    fields = _with_sibling_names(tool, fields)
    fields = {**presentation_arguments(get_type_hints(tool.function)["return"]), **fields}
    required_first = sorted(fields.items(), key=lambda item: not _is_required(item[1][1]))
    base = _Changes if tool.effect == "overwrite" else _FlatArguments
    return create_model(tool.name, __base__=base, **dict(required_first))


def _with_sibling_names(tool: Tool, fields: dict[str, Any]) -> dict[str, Any]:
    """Accept the id of a tool's object under the names that it has in the tools of other objects.

    `get_config` takes its `slug` as `config_id` or `id` too. No schema shows these aliases.
    """
    placeholder = OBJECT_ID.search("".join(tool.endpoints[:1]))
    name = placeholder[1] if placeholder else ""
    if name not in fields:
        return fields
    noun = tool.domain.removesuffix("s")
    siblings = ("id", "slug", f"{noun}_id", f"{noun}_slug")
    names = AliasChoices(name, *(each for each in siblings if each not in fields))
    hint, default = fields[name]
    return {**fields, name: (Annotated[hint, Field(validation_alias=names)], default)}


def read_arguments(model: type[BaseModel], schema: Schema, arguments: dict[str, Any]) -> BaseModel:
    """Validate a client's arguments, tolerantly: JSON and numbers may be strings.

    Raises InputError with the first problems, each with its argument and the correction.
    """
    unwrapped = _unwrapped(one_name_each(model, arguments), schema)
    if not _is_finite(unwrapped):
        raise InputError("NaN and Infinity are not numbers in JSON; give another number, or null")
    try:
        return model.model_validate(unwrapped)
    except ValidationError as error:
        problems, mended = error, without_placeholders(unwrapped, error, schema)
    try:
        if mended is not None:
            return model.model_validate(mended)
    except ValidationError as error:
        problems = error
    raise InputError("these arguments do not fit:\n" + _problems(problems, schema))


def call_flat(tool: Tool, api: object, arguments: BaseModel) -> Awaitable[Any]:
    """Call a tool with validated flat arguments.

    Raises InputError if arguments contradict each other, and the errors of the tool.
    """
    bound: dict[str, Any] = {}
    set_names = arguments.model_fields_set
    for name, group, field_names in _groups(tool.function):
        if group is None:
            bound[name] = getattr(arguments, name)
        else:
            own_names = field_names & set_names
            bound[name] = _group(group, {n: getattr(arguments, n) for n in own_names})
    answer: Awaitable[Any] = tool.function(api, **bound)
    return answer


def ignored_arguments(arguments: BaseModel, prefix: str = "") -> list[str]:
    """The dotted names of the set arguments, at any depth, for which Portkey has no field."""
    names = []
    for name in sorted(arguments.model_fields_set):
        value = getattr(arguments, name)
        if unsent(type(arguments).model_fields[name]) is Unsent.IGNORED:
            names.append(prefix + name)
        elif isinstance(value, Arguments):
            names += ignored_arguments(value, f"{prefix}{name}.")
    return names


def _group(group: type[Arguments], fields: dict[str, Any]) -> Arguments:
    try:
        return group(**fields) if fields else _empty_group(group)
    except ValidationError as error:
        # Only a rule across fields can fail here: each field has been checked by the flat model.
        causes = [str(e.get("ctx", {}).get("error", e["msg"])) for e in error.errors()]
        raise InputError("; ".join(causes)) from None


@cache
def _empty_group(group: type[Arguments]) -> Arguments:
    """A group without any argument; groups are frozen, so that calls can share it."""
    return group()


def _unwrapped(value: Any, schema: Schema) -> Any:
    """The value with habits of clients undone: JSON or CSV in a string, null for "not set"."""
    if isinstance(value, str) and (types := _types(schema)) & {"object", "array"}:
        if "string" not in types:
            value = _parsed(value, types, schema.get("items", {}))
        elif "array" in types:
            value = json_list(value) or value
    if isinstance(value, dict) and "properties" in schema:
        fields = schema["properties"]
        required = schema.get("required", ())
        return {
            name: _unwrapped(item, fields.get(name, {}))
            for name, item in value.items()
            if not _is_left_out(name, item, fields.get(name), required)
        }
    if isinstance(value, list) and "items" in schema:
        return [_unwrapped(item, schema["items"]) for item in value]
    return value


def _is_left_out(name: str, value: Any, field: Schema | None, required: Iterable[str]) -> bool:
    """Whether a value stands for an optional argument that is not given.

    This is null where null does not clear, `""` for a list or an object, and `"null"` for an id.
    """
    if name in required or field is None or _may_be_null(field):
        return False
    is_id = name.endswith(("_id", "_slug")) and value == "null"
    is_empty = value == "" and bool(_types(field)) and "string" not in _types(field)
    return value is None or is_id or is_empty


def _types(schema: Schema) -> set[str]:
    types = schema.get("type", [])
    return {types} if isinstance(types, str) else set(types)


def _may_be_null(field: Schema | None) -> bool:
    return field is None or not field.get("type") or "null" in _types(field)


def _parsed(text: str, types: set[str], items: Schema) -> Any:
    """The object or list that a text contains as JSON or CSV; otherwise the text itself."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and "object" in types:
        return value
    if isinstance(value, list) and "array" in types:
        return value
    if "array" in types and items and not _types(items) & {"object", "array"}:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _is_finite(value: Any) -> bool:
    """Whether JSON can express every number in a value."""
    unseen = [value]
    while unseen:  # not recursive, since a value may be nested deeper than Python's stack
        node = unseen.pop()
        if isinstance(node, float):
            if not math.isfinite(node):
                return False
        elif isinstance(node, dict):
            unseen.extend(node.values())
        elif isinstance(node, list):
            unseen.extend(node)
    return True


def _problems(error: ValidationError, schema: Schema) -> str:
    """The first problems, one a line, and how many more there are."""
    problems = error.errors(include_input=False, include_url=False)
    lines = [_problem(problem, schema) for problem in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        lines.append(f"… and {len(problems) - MAX_PROBLEMS} more")
    return "\n".join(lines)


def _problem(problem: ErrorDetails, schema: Schema) -> str:
    place = ".".join(str(part) or "''" for part in problem["loc"])[:MAX_PLACE_LENGTH]
    if problem["type"] == "extra_forbidden":
        *parents, name = problem["loc"]
        names = sorted(_names_in(schema, parents))
        hint = suggest(str(name), names, limit=1) or f"there are {', '.join(names) or 'none'}"
        return f"{place}: there is no such argument; {hint}"
    if problem["type"] == "missing":
        return f"{place}: is required"
    cause = problem.get("ctx", {}).get("error", problem["msg"])
    return f"{place}: {cause}"


def _names_in(schema: Schema, parents: Iterable[str | int]) -> Iterable[str]:
    """The names of the fields inside nested objects; none if the object is free-form."""
    for parent in parents:
        if isinstance(parent, int):
            schema = schema.get("items", {})
        else:
            schema = schema.get("properties", {}).get(parent, {})
    names: dict[str, Any] = schema.get("properties", {})
    return names


@cache
def _parameters(function: Function) -> dict[str, Any]:
    hints = get_type_hints(function, include_extras=True)
    _api, *names = inspect.signature(function).parameters
    return {name: hints[name] for name in names}


@cache
def _groups(function: Function) -> list[tuple[str, type[Arguments] | None, frozenset[str]]]:
    """Each parameter; if it is a group of arguments, with the group and the names of its fields."""
    parameters = _parameters(function)
    return [
        (name, hint, frozenset(hint.model_fields)) if _is_group(hint) else (name, None, frozenset())
        for name, hint in parameters.items()
    ]


def _default(function: Function, name: str) -> Any:
    default = inspect.signature(function).parameters[name].default
    return ... if default is inspect.Parameter.empty else default


def _is_required(field: Any) -> bool:
    return field is ... or bool(getattr(field, "is_required", lambda: False)())


def _is_group(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Arguments)

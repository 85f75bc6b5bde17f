"""Undo habits of clients and models before arguments are refused.

An argument may come under two of its names, and an optional one may hold a placeholder: `""` or
the text `"null"` where neither is a value.
"""

from functools import cache
from typing import Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails

from ...errors import InputError
from .schema import Schema

FLAGS = {"true": 1, "false": 0}
"""What these texts mean for a number that can only be 0 or 1."""
PLACEHOLDERS = ("", "null", *FLAGS)
NO_VALUE = object()


def one_name_each(model: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with one name for each.

    If a text and a list come under two names (`status_code`, `status_codes`), the list's name
    wins, as in the TypeScript server. Raises InputError if two names of one value differ.
    """
    for name, other, is_list in _second_names(model):
        if other not in arguments:
            continue
        if arguments[other] is None:
            arguments = _without(arguments, other)
            continue
        value = arguments.get(name)
        if value is not None and value != arguments[other] and not is_list:
            raise InputError(f"give {name} or {other}, not both")
        arguments = _without(arguments, name)
    return arguments


def without_placeholders(
    arguments: dict[str, Any], error: ValidationError, schema: Schema
) -> dict[str, Any] | None:
    """The arguments with what refused texts can only mean; None if they mean nothing else.

    `""` and `"null"` in an optional argument mean that it is not given, `"null"` in one that null
    clears means null, and `"true"` for a number that is 0 or 1 means 1. `""` where null clears is
    still refused: it could mean either.
    """
    changed: dict[str, Any] | None = None
    for problem in error.errors(include_url=False):
        if problem["input"] not in PLACEHOLDERS:
            continue
        replaced = _replaced(arguments if changed is None else changed, problem, schema)
        changed = changed if replaced is None else replaced
    return changed


def _replaced(
    arguments: dict[str, Any], problem: ErrorDetails, schema: Schema
) -> dict[str, Any] | None:
    """The arguments with one refused text replaced; None if the text means nothing else."""
    copy = dict(arguments)
    node: Any = copy
    for part in problem["loc"]:
        field = schema.get("properties", {}).get(part)
        if not isinstance(node, dict) or part not in node or field is None:
            return None
        value = node[part]
        if isinstance(value, dict):
            node[part] = dict(value)
            node, schema = node[part], field
            continue
        meaning = _meaning(value, field, part in schema.get("required", ()))
        if meaning is value:
            return None
        if meaning is NO_VALUE:
            del node[part]
        else:
            node[part] = meaning
        return copy
    return None


def _meaning(value: Any, field: Schema, is_required: bool) -> Any:
    """What a refused text means: another value, NO_VALUE, or nothing else than the text."""
    types = field.get("type", ())
    types = (types,) if isinstance(types, str) else types
    if value not in PLACEHOLDERS:
        return value
    if value in FLAGS and "integer" in types and field.get("maximum") == 1:
        return FLAGS[value]
    if value == "null" and "null" in types:
        return None
    if value in ("", "null") and not is_required and "null" not in types:
        return NO_VALUE
    return value


def _without(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key != name}


@cache
def _second_names(model: type[BaseModel]) -> tuple[tuple[str, str, bool], ...]:
    """Each argument with a second name: both names, and whether the second one is for a list."""
    return tuple(
        (name, str(other), any(isinstance(mark, BeforeValidator) for mark in field.metadata))
        for name, field in model.model_fields.items()
        if isinstance(field.validation_alias, AliasChoices)
        for other in field.validation_alias.choices
        if other != name
    )

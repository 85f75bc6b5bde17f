"""The arguments of a tool: where each is sent, and a value of Portkey's as it takes it."""

import inspect
import types
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from ...models.core.base import Arguments
from ...portkey.catalog import Tool


class Argument(NamedTuple):
    """An argument of a tool: where it is sent, in dotted form, and its type."""

    path: str
    type: Any
    field: FieldInfo | None = None


def arguments_of(tool: Tool) -> dict[str, Argument]:
    """The arguments of a tool by name."""
    hints = get_type_hints(tool.function, include_extras=True)
    _api, *names = inspect.signature(tool.function).parameters
    arguments: dict[str, Argument] = {}
    for name in names:
        hint = hints[name]
        if not is_group(hint):
            arguments[name] = Argument(name, hint)
            continue
        for each, info in hint.model_fields.items():
            path = info.serialization_alias or each
            arguments[each] = Argument(path, info.annotation, info)
    return arguments


def fitted(annotation: Any, value: Any) -> Any:
    """A value as the argument takes it: groups without the fields that they do not have."""
    plain = without_none(annotation)
    if is_group(plain) and isinstance(value, dict):
        return _group(plain, value)
    if get_origin(plain) is list and isinstance(value, list):
        return [fitted(get_args(plain)[0], item) for item in value]
    if get_origin(plain) is dict and isinstance(value, dict):
        return {name: fitted(get_args(plain)[1], item) for name, item in value.items()}
    return value


def _group(group: type[Arguments], value: dict[str, Any]) -> dict[str, Any]:
    fields = {}
    for name, info in group.model_fields.items():
        wire = info.serialization_alias or name
        key = wire if wire in value else name
        if key not in value or (value[key] is None and not takes_null(info.annotation)):
            continue
        fields[info.alias or name] = fitted(info.annotation, value[key])
    return fields or value


def without_none(annotation: Any) -> Any:
    """A type without its annotations and without None."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        others = [each for each in get_args(annotation) if each is not type(None)]
        return without_none(others[0]) if len(others) == 1 else annotation
    return annotation


def takes_null(annotation: Any) -> bool:
    """Whether a type takes None."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return type(None) in get_args(annotation)


def is_group(hint: Any) -> bool:
    """Whether a type is a group of arguments."""
    return isinstance(hint, type) and issubclass(hint, Arguments)

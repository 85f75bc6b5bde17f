"""The arguments of a tool's function, from the names of its fields."""

from collections.abc import Mapping
from functools import cache
from inspect import signature
from typing import Any, get_type_hints

from ...models.core.base import Arguments
from ...models.core.paging import Paging
from ...portkey.catalog import Function

PAGE_SIZE = 100


def arguments_of(tool: Function, fields: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The arguments of a tool's function, by the names of its fields, and the page of a number.

    A field that the tool does not take is left out.
    """
    arguments: dict[str, Any] = {}
    for name, kind in _parameters(tool).items():
        if kind is None:
            arguments[name] = fields[name]
            continue
        own: dict[str, Any] = {n: fields[n] for n in kind.model_fields if n in fields}
        if issubclass(kind, Paging) and not kind.is_cut_here:
            own = {"page_size": PAGE_SIZE, kind.number_field: kind.first_page + number, **own}
        arguments[name] = kind.model_validate(own)
    return arguments


def takes_workspace(tool: Function) -> bool:
    """Whether the list of a tool can be that of one workspace."""
    groups = [kind for kind in _parameters(tool).values() if kind is not None]
    return any("workspace_id" in group.model_fields for group in groups)


@cache
def _parameters(tool: Function) -> dict[str, type[Arguments] | None]:
    """The parameters of a tool's function: the group of arguments, or None for a single one."""
    hints = get_type_hints(tool)
    _api, *names = signature(tool).parameters
    kinds = {name: hints[name] for name in names}
    return {
        name: kind if isinstance(kind, type) and issubclass(kind, Arguments) else None
        for name, kind in kinds.items()
    }

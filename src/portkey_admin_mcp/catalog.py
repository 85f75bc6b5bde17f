"""What a tool is: an async function, plus the facts its signature cannot say.

`@tool` changes nothing about the function. It stays callable as written, which is how
workflows, plans and tests use it; the server reads the facts from `__tool__`.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, TypeVar

Effect = Literal["read", "create", "overwrite", "delete"]
EFFECT_OF_VERB: dict[str, Effect] = {
    "GET": "read",
    "POST": "create",
    "PUT": "overwrite",
    "DELETE": "delete",
}

Function = Callable[..., Awaitable[Any]]
F = TypeVar("F", bound=Function)
AnyOf = tuple[str, ...]
"""Scopes of which any one will do: which of them depends on the kind of object."""


@dataclass(frozen=True)
class Tool:
    """One tool: the function and everything the server, the docs and the tests need to know."""

    function: Function
    endpoints: tuple[str, ...]
    scopes: frozenset[AnyOf]
    effect: Effect
    enterprise: bool
    offered: bool = True
    again: bool = True

    @property
    def name(self) -> str:
        """The tool's MCP name."""
        return self.function.__name__

    @property
    def title(self) -> str:
        """The name as a person reads it."""
        return self.name.replace("_", " ").capitalize().replace(" api ", " API ")

    @property
    def domain(self) -> str:
        """The file it lives in, which is also its toolset; a workflow names its own."""
        home = inspect.getmodule(self.function)
        return str(getattr(home, "DOMAIN", self.function.__module__.rpartition(".")[2]))

    @property
    def description(self) -> str:
        """The docstring, as the model will read it."""
        return inspect.getdoc(self.function) or ""

    @property
    def idempotent(self) -> bool:
        """Whether a second call with the same arguments changes nothing more."""
        return self.again and self.effect != "create"

    @property
    def needs(self) -> str:
        """The scopes in words."""
        return " and ".join(sorted(" or ".join(any_of) for any_of in self.scopes))


def tool(
    endpoint: str,
    *,
    scope: str | AnyOf,
    effect: Effect | None = None,
    enterprise: bool = False,
    offered: bool = True,
    again: bool = True,
) -> Callable[[F], F]:
    """Mark a function as the tool for one endpoint. The verb tells its effect, unless it lies.

    One that is not `offered` is a part of a workflow and no tool by itself; one with
    `again=False` does something new each time, though its verb says otherwise.
    """
    verb, _path = endpoint.split()

    def mark(function: F) -> F:
        return _note(
            function,
            endpoints=(endpoint,),
            scopes=frozenset({scope if isinstance(scope, tuple) else (scope,)}),
            effect=effect or EFFECT_OF_VERB[verb],
            enterprise=enterprise,
            offered=offered,
            again=again,
        )

    return mark


def workflow(*uses: Function, effect: Effect) -> Callable[[F], F]:
    """Mark a function as a tool made of other tools. It needs whatever they need."""
    parts = [tool_of(part) for part in uses]

    def mark(function: F) -> F:
        return _note(
            function,
            endpoints=tuple(endpoint for part in parts for endpoint in part.endpoints),
            scopes=frozenset().union(*(part.scopes for part in parts)),
            effect=effect,
            enterprise=any(part.enterprise for part in parts),
        )

    return mark


def tool_of(function: Function) -> Tool:
    """Look up what `@tool` noted about a function."""
    found: Tool = function.__tool__  # type: ignore[attr-defined]  # noted by _note
    return found


def tools_in(modules: Iterable[ModuleType]) -> list[Tool]:
    """List the tools these modules define, in the order they are written."""
    return [
        tool_of(member)
        for module in modules
        for member in vars(module).values()
        if hasattr(member, "__tool__") and member.__module__ == module.__name__
    ]


def _note(function: F, **facts: Any) -> F:
    function.__tool__ = Tool(function, **facts)  # type: ignore[attr-defined]  # read by tool_of
    return function

"""Tools: async functions, with the facts that a signature cannot express.

A function under `@tool` has a docstring and the body `...`: its declaration and its signature are
the request. Placeholders of the path are filled by name; the other parameters are groups of
arguments, sent in the query of a GET or DELETE and in the body of a POST or PUT. Code that runs
before the request belongs to the group (validators, `wire`, `local_answer`), code that runs after
it to the record (`read`). A function under `@workflow` has a body, which calls other tools.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from types import ModuleType
from typing import Any, Literal, TypeVar, cast, get_type_hints

from ..models.core.base import Arguments, Record
from ..models.core.paging import Page, Paging
from .api import Base, Portkey

Effect = Literal["read", "create", "overwrite", "delete"]
Risk = Literal["low", "medium", "high"]
"""How much harm a change can do. `high`: it cannot be undone, or cuts off people or services."""
EFFECT_OF_VERB: dict[str, Effect] = {
    "GET": "read",
    "POST": "create",
    "PUT": "overwrite",
    "DELETE": "delete",
}
NO_ENDPOINT = ""
"""The endpoint of a tool that sends nothing: its arguments compute the answer (`local_answer`)."""

Function = Callable[..., Awaitable[Any]]
F = TypeVar("F", bound=Function)
AnyOf = tuple[str, ...]
"""Scopes of which a key needs any one; which of them depends on the kind of object."""
Scopes = frozenset[AnyOf]
"""Scopes of which a key needs all."""


def all_of(*scopes: str | AnyOf) -> Scopes:
    """Scopes that are all needed; a tuple among them is satisfied by any one of its own."""
    return frozenset((scope,) if isinstance(scope, str) else scope for scope in scopes)


@dataclass(frozen=True)
class Dependants:
    """Objects that depend on the one a tool changes, and how they are listed.

    `endpoint` is a GET of this API; its placeholders and its `query`, pairs of a name and a field,
    are filled with the fields of the object and the ids in the path of the change. Without an
    endpoint, the object itself lists them in the field `rows_in`.
    """

    kind: str
    """Their name for people, in the plural: `API keys`."""
    endpoint: str = ""
    query: tuple[tuple[str, str], ...] = ()
    where: str = ""
    """The field of a row that holds the object's id or slug, dotted into objects and lists; `*` for
    any text in the row. Without it, each row depends on the object."""
    of: str = ""
    """The field whose value `where` must hold, if it is not the object's id or slug."""
    unless: str = ""
    """A condition under which a row does not count, as in `Tool.high_risk_if`: `enabled=false`."""
    rows_in: str = "data"
    content: str = ""
    """The GET by which each row is read whole before `where` is checked, filled from the row."""
    by_workspace: bool = False
    """Whether the list is of one workspace: the object's own, or each for one of the
    organisation."""
    of_organisation: bool = False
    """Whether they can depend only on an object of the organisation."""

    def at(self, where: str, **changes: Any) -> "Dependants":
        """The same list, of which only this field names the object; other fields may change."""
        return replace(self, where=where, **changes)


@dataclass(frozen=True)
class LastUse:
    """How analytics show whether requests use an object: a group, and a filter by the object."""

    group: str
    """What `get_analytics_group` groups by: `config`."""
    filter: str
    """The argument that selects the object: `configs`."""
    field: str = "slug"
    """The field of the object that analytics know it by."""


@dataclass(frozen=True)
class Tool:
    """One tool: the function and everything the server, the docs and the tests need to know.

    `is_listed` is false for a request that is offered only as part of a workflow, `is_repeatable`
    for one that has a new effect at each call although its verb is idempotent. `returns_secret`
    says that the `secret_fields` of its answer hold secrets, `is_billable` is a warning;
    `unconfirmed` says what Portkey's documentation leaves unclear, and is empty otherwise.
    `if_rejected` is the advice for a refusal, where it depends on the object's state.
    """

    function: Function
    endpoints: tuple[str, ...]
    scopes: Scopes
    effect: Effect
    enterprise: bool = False
    is_listed: bool = True
    is_repeatable: bool = True
    returns_secret: bool = False
    is_billable: bool = False
    unconfirmed: str = ""
    if_rejected: str = ""
    base: Base = "v1"
    needs_key: bool = True
    optional: tuple[str, ...] = ()
    """The endpoints that a workflow can do without: a key need not have their scopes."""
    high_risk: str = ""
    """Why each call has a high risk; empty if it has not."""
    high_risk_if: tuple[tuple[str, str], ...] = ()
    """Arguments that make the risk high, each with the reason; see `safety.risk.matches`."""
    is_restorable: bool = False
    """Whether what a deletion removes can be created again, so that its risk is high only if
    something depends on it, or if that cannot be verified."""
    no_undo: str = ""
    """Why a change that is no deletion cannot be undone; empty if it can."""
    no_undo_if: tuple[tuple[str, str], ...] = ()
    """Fields that are sent with which it cannot be undone, each with the reason, in the form of
    `high_risk_if`."""
    dependants: tuple[Dependants, ...] = ()
    """What may depend on the object that a call changes."""
    last_use: LastUse | None = None
    """How analytics show whether the object is used; None if they do not."""
    reports_progress: bool = False
    """Whether a call may take long and says how far it is (`portkey.progress`)."""

    @property
    def name(self) -> str:
        """The tool's MCP name."""
        return self.function.__name__

    @property
    def title(self) -> str:
        """The name in words, for people."""
        return title_of(self.name)

    @property
    def domain(self) -> str:
        """The name of its module, which is also its toolset; a workflow's module sets `DOMAIN`."""
        module = inspect.getmodule(self.function)
        return str(getattr(module, "DOMAIN", self.function.__module__.rpartition(".")[2]))

    @property
    def description(self) -> str:
        """The docstring, as the model will read it."""
        return inspect.getdoc(self.function) or ""

    @property
    def is_idempotent(self) -> bool:
        """Whether a second call with the same arguments changes nothing more."""
        return self.is_repeatable and self.effect != "create"

    @property
    def may_be_high_risk(self) -> bool:
        """Whether some call may have a high risk, so that a person is asked."""
        return bool(self.high_risk or self.high_risk_if) or self.effect == "delete"

    @property
    def scopes_in_words(self) -> str:
        """The scopes a key needs; empty if it needs none."""
        return " and ".join(sorted(" or ".join(any_of) for any_of in self.scopes))


def tool(
    endpoint: str,
    *,
    scope: str | AnyOf | Scopes | None,
    effect: Effect | None = None,
    base: Base = "v1",
    needs_key: bool = True,
    **facts: Any,
) -> Callable[[F], F]:
    """Declare the tool for one endpoint; calling the function sends the request.

    `scope` is None if the key needs none. `effect` is required if it is not the usual one of the
    verb, or with `NO_ENDPOINT`. `base` is what the path is relative to. Other facts: see `Tool`.
    """
    verb, _, path = endpoint.partition(" ")
    actual_effect = effect or EFFECT_OF_VERB[verb]

    def declare(function: F) -> F:
        is_read = actual_effect == "read"
        request = Request(function, verb, path, base, needs_key, is_read)

        @wraps(function)
        def send(api: Portkey, *positional: Any, **named: Any) -> Awaitable[Record]:
            return request.send(api, request.bind(positional, named))

        return _note(
            cast(F, send),
            endpoints=(endpoint,) if endpoint else (),
            scopes=_scopes(scope),
            effect=actual_effect,
            base=base,
            needs_key=needs_key,
            **facts,
        )

    return declare


@dataclass(frozen=True)
class Request:
    """The request that a declaration and its signature describe."""

    function: Function
    verb: str
    path: str
    base: Base
    needs_key: bool
    is_read: bool

    @cached_property
    def returns(self) -> type[Record]:
        """The record that the answer is read as."""
        return cast(type[Record], get_type_hints(self.function)["return"])

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.function)

    @cached_property
    def _names(self) -> frozenset[str]:
        _api, *names = self._signature.parameters
        return frozenset(names)

    @cached_property
    def _placeholders(self) -> frozenset[str]:
        return frozenset(name for name in self._names if f"{{{name}}}" in self.path)

    def bind(self, positional: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call by name; raises TypeError as a call of the function would."""
        if not positional and named.keys() == self._names:
            return dict(named)
        return dict(self._signature.bind(None, *positional, **named).arguments.items())

    async def send(self, api: Portkey, bound: Mapping[str, Any]) -> Record:
        """Sort the arguments into path, query and body, send, and place a page in its list.

        Nothing is sent if a group has a local answer.
        """
        groups = [value for value in bound.values() if isinstance(value, Arguments)]
        for group in groups:
            if (answer := group.local_answer()) is not None:
                return self.returns.read(answer)
        ids = {name: str(bound[name]) for name in self._placeholders if name in bound}
        notes: list[str] = []
        paging: Paging | None = None
        for group in groups:
            ids.update({name: str(getattr(group, name)) for name in group.in_path})
            notes += group.notes()
            if isinstance(group, Paging):
                paging = group
        record = await api.send(
            self.verb,
            self.path,
            returns=self.returns,
            ids=ids,
            query=self._part("query", groups),
            body=self._part("body", groups),
            base=self.base,
            needs_key=self.needs_key,
            is_read=self.is_read,
            module=self.function.__module__,
        )
        if notes:
            record = record.with_notes(*notes)
        return record.at(paging) if isinstance(record, Page) and paging is not None else record

    def _part(self, part: str, groups: list[Arguments]) -> list[Arguments] | None:
        default = "query" if self.verb in ("GET", "DELETE") else "body"
        return [group for group in groups if (group.sent_in or default) == part] or None


def workflow(
    *parts: Function, effect: Effect, optional: tuple[Function, ...] = (), **facts: Any
) -> Callable[[F], F]:
    """Declare a tool that calls other tools. It needs the scopes and the plan of all of them.

    It also calls the `optional` ones, whose refusal it must handle.
    """
    used = [tool_of(part) for part in parts]
    checks = tuple(endpoint for part in optional for endpoint in tool_of(part).endpoints)

    def mark(function: F) -> F:
        return _note(
            function,
            endpoints=(*(endpoint for part in used for endpoint in part.endpoints), *checks),
            optional=checks,
            scopes=frozenset().union(*(part.scopes for part in used)),
            effect=effect,
            enterprise=any(part.enterprise for part in used),
            **facts,
        )

    return mark


def title_of(name: str) -> str:
    """The name of a tool in words, for people."""
    words = name.replace("_", " ").capitalize().split(" ")
    capitals = {"api": "API", "mcp": "MCP", "scim": "SCIM"}
    return " ".join(capitals.get(word.lower(), word) for word in words)


def tool_of(function: Function) -> Tool:
    """The tool that `@tool` or `@workflow` declared with this function."""
    declared: Tool = function.__tool__  # type: ignore[attr-defined]  # set by _note
    return declared


def tools_in(modules: Iterable[ModuleType]) -> list[Tool]:
    """The tools that these modules define, in the order of their source."""
    return [
        tool_of(member)
        for module in modules
        for member in vars(module).values()
        if hasattr(member, "__tool__") and member.__module__ == module.__name__
    ]


def _scopes(scope: str | AnyOf | Scopes | None) -> Scopes:
    if scope is None or isinstance(scope, frozenset):
        return scope or frozenset()
    return all_of(scope)


def _note(function: F, **facts: Any) -> F:
    function.__tool__ = Tool(function, **facts)  # type: ignore[attr-defined]  # read by tool_of
    return function

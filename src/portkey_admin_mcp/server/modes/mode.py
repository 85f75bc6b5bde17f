"""The base of the tool modes: which tools a mode lists, and its own tools, which call others."""

import re
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict

from ...errors import InputError
from ..calls.arguments import read_arguments
from ..calls.failures import input_advice
from ..calls.outcome import Outcome
from ..calls.schema import Schema, input_schema
from ..offer.offer import Definition, ListedTool, Offer

if TYPE_CHECKING:
    from .search import ToolSearch

NAME = re.compile(r"\w+")
MAX_QUERY_CHARS = 4_000
"""Characters of a query that are read; some megabytes would stop the server for seconds."""

Call = Callable[[str, dict[str, Any]], Awaitable[Outcome]]
"""Calls a tool by its name, as a client would."""


class ModeArguments(BaseModel):
    """The arguments of a tool of a mode."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ModeTool(NamedTuple):
    """A tool of a mode; the method of the mode with the same name runs it."""

    name: str
    title: str
    description: str
    arguments: type[ModeArguments]
    calls_tools: bool = False
    """Whether it calls other tools; if not, it only reads the catalogue."""
    names_tools: bool = False
    """Whether the names of all offered tools follow its description."""

    @property
    def schema(self) -> Schema:
        """The JSON Schema of its arguments."""
        return input_schema(self.arguments)

    @property
    def definition(self) -> Definition:
        """Its definition for `tools/list`, if it can call tools with every effect."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.schema,
            "annotations": {
                "title": self.title,
                "readOnlyHint": not self.calls_tools,
                "destructiveHint": self.calls_tools,
                "idempotentHint": not self.calls_tools,
                "openWorldHint": self.calls_tools,
            },
        }


class Mode:
    """A mode of one server. `offer` is the full offer; a request may be limited to a part."""

    instructions: ClassVar[str] = ""
    """The beginning of the server's instructions."""
    listed: ClassVar[tuple[str, ...] | None] = None
    """The tools that are listed by name; None lists all."""
    finds_tools: ClassVar[str] = "tools/list names them all."
    """A sentence that says how to find a tool."""
    tools: ClassVar[tuple[ModeTool, ...]] = ()

    def __init__(self, offer: Offer, call: Call, max_result_chars: int) -> None:
        self._offer = offer
        self._call = call
        self._max_result_chars = max_result_chars

    async def run(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """Run a tool of this mode.

        Its answer is text only: no such tool declares an output schema, without which MCP requires
        no structured content, and with it the answer would be sent twice.
        """
        tool = self._tools[name]
        try:
            checked = read_arguments(tool.arguments, tool.schema, arguments)
        except InputError as error:
            return Outcome([input_advice(error, name)], is_error=True)
        method: Callable[[BaseModel], Awaitable[Outcome]] = getattr(self, name)
        return (await method(checked))._replace(structured=None, is_json=False)

    @classmethod
    def manifest_entry(cls) -> dict[str, Any]:
        """The entry of the mode in the manifest."""
        return {
            "class": f"{cls.__module__}:{cls.__name__}",
            "instructions": cls.instructions,
            "listed": cls.listed,
            "finds_tools": cls.finds_tools,
            "tools": [
                {
                    "name": t.name,
                    "calls_tools": t.calls_tools,
                    "names_tools": t.names_tools,
                    "definition": t.definition,
                }
                for t in cls.tools
            ],
        }

    def find(self, query: str, limit: int) -> list[ListedTool]:
        """The tools offered to the current request that fit best: first those named exactly."""
        offered = self._offer.current.tools
        words = query[:MAX_QUERY_CHARS]
        names = dict.fromkeys([*_tool_names(words), *self._search.find(words)])
        return [offered[name] for name in names if name in offered][:limit]

    def named(self, query: str) -> list[ListedTool]:
        """The tools of a query that is nothing but names of offered tools; else none."""
        offered = self._offer.current.tools
        names = _tool_names(query[:MAX_QUERY_CHARS])
        return [offered[name] for name in names] if offered.keys() >= {*names} else []

    def nothing_found(self) -> str:
        """The advice if no tool fits: the domains that are offered."""
        domains = dict.fromkeys(tool.domain for tool in self._offer.current.tools.values())
        return (
            "No tool matches these words. Say it in other English words, or search for one of "
            f"these domains: {', '.join(domains)}."
        )

    @cached_property
    def _search(self) -> "ToolSearch":
        from .search import ToolSearch  # imported and built at the first search

        return ToolSearch([*self._offer.tools.values()])

    @cached_property
    def _tools(self) -> dict[str, ModeTool]:
        return {tool.name: tool for tool in self.tools}


def _tool_names(query: str) -> list[str]:
    """The words of a query, as names of tools may be written: with commas, quotes or brackets."""
    return list(dict.fromkeys(NAME.findall(query)))

"""What a tool mode is: what it lists, and the tools of its own that reach all the others."""

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict

from ...errors import InputError
from ..calls.arguments import read_arguments
from ..calls.failures import input_advice
from ..calls.outcome import Outcome
from ..calls.schema import Schema, input_schema
from ..offer.offer import Definition, Offer

if TYPE_CHECKING:
    from .search import ToolSearch

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
    """Whether it does what the tools do that it calls; otherwise it only reads the catalogue."""

    @property
    def schema(self) -> Schema:
        """How its arguments are described."""
        return input_schema(self.arguments)

    @property
    def definition(self) -> Definition:
        """How it is listed, where it can call tools of every kind."""
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
    """A mode of one server. `offer` is all that the server offers; a request may see less."""

    instructions: ClassVar[str] = ""
    """What the server's instructions begin with."""
    listed: ClassVar[tuple[str, ...] | None] = None
    """The tools that are listed by name; None lists all."""
    finds_tools: ClassVar[str] = "tools/list names them all."
    """Where to look for a tool."""
    tools: ClassVar[tuple[ModeTool, ...]] = ()

    def __init__(self, offer: Offer, call: Call, max_result_chars: int) -> None:
        self._offer = offer
        self._call = call
        self._max_result_chars = max_result_chars

    async def run(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """Run a tool of this mode."""
        tool = self._tools[name]
        try:
            checked = read_arguments(tool.arguments, tool.schema, arguments)
        except InputError as error:
            return Outcome([input_advice(error, name)], is_error=True)
        method: Callable[[BaseModel], Awaitable[Outcome]] = getattr(self, name)
        return await method(checked)

    @classmethod
    def manifest_entry(cls) -> dict[str, Any]:
        """What the manifest says of the mode."""
        return {
            "instructions": cls.instructions,
            "listed": cls.listed,
            "finds_tools": cls.finds_tools,
            "tools": [
                {"name": t.name, "calls_tools": t.calls_tools, "definition": t.definition}
                for t in cls.tools
            ],
        }

    def find(self, query: str, limit: int) -> list[str]:
        """The names of the tools offered to the current request that fit best."""
        return self._search.find(query, limit, among=self._offer.current.tools)

    @cached_property
    def _search(self) -> "ToolSearch":
        from .search import ToolSearch  # imported and built only if somebody searches

        return ToolSearch([*self._offer.tools.values()])

    @cached_property
    def _tools(self) -> dict[str, ModeTool]:
        return {tool.name: tool for tool in self.tools}

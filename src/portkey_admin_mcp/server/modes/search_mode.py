"""Search mode: a short list of tools, with one to find the others and one to call them.

`PORTKEY_TOOL_MODE=search`, for clients that accept few tools, or for which many cost too much.
The list stays the same for the entire connection.
"""

from typing import Annotated, Any

from pydantic import Field

from ..calls.outcome import Outcome
from ..offer.offer import ListedTool
from .mode import Mode, ModeArguments, ModeTool
from .signatures import head, signatures

DEFAULT_LIMIT, MAX_LIMIT = 8, 20
MAX_CHARS_PER_MATCH = 210
"""Characters of an answer for each tool asked for, so about 450 tokens for eight. If it would be
longer, the names of the further tools stand without their descriptions."""


class SearchArguments(ModeArguments):
    """What to look for."""

    query: Annotated[str, Field(min_length=1, description="In English, or names.")]
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


class CallArguments(ModeArguments):
    """The tool to call, and its arguments."""

    name: str
    arguments: dict[str, Any] = {}


class SearchMode(Mode):
    """Lists the tools that most tasks begin with; two more tools find and call all others."""

    instructions = (
        "Only a few tools are listed: find the others with search_tools, call them with "
        "call_tool.\n\n"
    )
    listed = ("list_workspaces", "list_all_users", "list_api_keys", "list_configs")
    finds_tools = "search_tools finds tools by what you want to do."
    tools = (
        ModeTool(
            "search_tools",
            "Search tools",
            "Find Portkey tools by what you want, or get the arguments of those named; then "
            "`call_tool`. All names:",
            SearchArguments,
            names_tools=True,
        ),
        ModeTool(
            "call_tool",
            "Call tool",
            "Call a tool by its name, with the arguments that `search_tools` shows.",
            CallArguments,
            calls_tools=True,
        ),
    )

    async def search_tools(self, arguments: SearchArguments) -> Outcome:
        """The signature of the best match and a line for each further one; or those named."""
        if named := self.named(arguments.query)[: arguments.limit]:
            return Outcome([signatures(named)])
        tools = self.find(arguments.query, arguments.limit)
        return Outcome([_matches(tools, arguments.limit) if tools else self.nothing_found()])

    async def call_tool(self, arguments: CallArguments) -> Outcome:
        """Call a tool; the tools of this mode cannot be called in this way."""
        offer = self._offer.current
        if arguments.name in offer.mode_tools:
            return Outcome([f"Call {arguments.name} by itself, not with call_tool."], is_error=True)
        if arguments.name not in offer.tools:
            return Outcome([offer.unknown_tool(arguments.name)], is_error=True)
        return await self._call(arguments.name, arguments.arguments)


def _matches(tools: list[ListedTool], limit: int) -> str:
    """The signature of the first tool, and a line for each further one."""
    best, further = signatures(tools[:1]), tools[1:]
    if not further:
        return best
    lines = [f"{best}\n", "Further matches; search for a name to see its arguments:"]
    answer = "\n".join([*lines, *map(head, further)])
    if len(answer) <= MAX_CHARS_PER_MATCH * max(limit, DEFAULT_LIMIT):
        return answer
    return "\n".join([*lines, ", ".join(tool.name for tool in further)])

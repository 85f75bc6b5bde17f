"""Search mode: a short list of tools, with one to find the others and one to call them.

`PORTKEY_TOOL_MODE=search`, for clients that accept few tools, or for which many cost too much.
The list stays the same for the entire connection.
"""

from typing import Annotated, Any

from pydantic import Field

from ..calls.outcome import Outcome
from ..calls.result_size import compact
from ..offer.offer import ListedTool
from .mode import Mode, ModeArguments, ModeTool

DEFAULT_LIMIT, MAX_LIMIT = 5, 20


class SearchArguments(ModeArguments):
    """What to look for."""

    query: Annotated[str, Field(min_length=1, description="What you want to do.")]
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
            "Find Portkey tools by what you want, with their arguments; then `call_tool`.",
            SearchArguments,
        ),
        ModeTool(
            "call_tool",
            "Call tool",
            "Call a tool that `search_tools` found, with the arguments described there.",
            CallArguments,
            calls_tools=True,
        ),
    )

    async def search_tools(self, arguments: SearchArguments) -> Outcome:
        """The best matches, with their arguments."""
        tools = self._offer.current.tools
        names = self.find(arguments.query, arguments.limit)
        answer = {"tools": [_described(tools[name]) for name in names]}
        return Outcome([compact(answer)], answer, is_json=True)

    async def call_tool(self, arguments: CallArguments) -> Outcome:
        """Call a tool; the tools of this mode cannot be called in this way."""
        offer = self._offer.current
        if arguments.name in offer.mode_tools:
            return Outcome([f"Call {arguments.name} by itself, not with call_tool."], is_error=True)
        if arguments.name not in offer.tools:
            return Outcome([offer.unknown_tool(arguments.name)], is_error=True)
        return await self._call(arguments.name, arguments.arguments)


def _described(tool: ListedTool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.input_schema,
    }

"""A short list of tools, with one to find the others and one to call them.

For clients that carry few tools, or pay too much for many: `PORTKEY_TOOL_MODE=search`. The list is
the same for the whole connection.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import mcp_types
from fastmcp.exceptions import ToolError
from fastmcp.server.context import Context
from fastmcp.server.transforms.search.base import BaseSearchTransform
from fastmcp.tools.base import Tool as McpTool
from fastmcp.tools.base import ToolResult
from pydantic import Field

from ...portkey.catalog import Tool
from ..selection import unknown_tool
from .search import ToolSearch

ALWAYS_LISTED = ("list_workspaces", "list_all_users", "list_api_keys", "list_configs")
"""What nearly every task begins with."""
USUAL, MOST = 5, 20
SEARCHES = mcp_types.ToolAnnotations(
    title="Search tools",
    read_only_hint=True,
    destructive_hint=False,
    idempotent_hint=True,
    open_world_hint=False,
)


class SearchMode(BaseSearchTransform):
    """Lists a few tools, `search_tools` and `call_tool`; all others are found and called so."""

    def __init__(self, tools: list[Tool]) -> None:
        super().__init__(max_results=USUAL, always_visible=list(ALWAYS_LISTED))
        self._index = ToolSearch(tools)
        self._hints = calling_hints("Call tool", tools)

    async def _search(self, tools: Sequence[McpTool], query: str) -> Sequence[McpTool]:
        return await self._found(tools, query, USUAL)

    async def _found(self, tools: Sequence[McpTool], query: str, most: int) -> list[McpTool]:
        """The best of the tools that this client may see."""
        seen = {tool.name: tool for tool in tools}
        return [seen[name] for name in self._index.find(query, most, among=seen)]

    def _make_search_tool(self) -> McpTool:
        mode = self

        async def search_tools(
            query: Annotated[str, Field(min_length=1, description="What you want to do.")],
            limit: Annotated[int, Field(ge=1, le=MOST)] = USUAL,
            ctx: Context = None,  # type: ignore[assignment]  # FastMCP gives it
        ) -> dict[str, Any]:
            """Find Portkey tools by what you want, with their arguments; then `call_tool`."""
            found = await mode._found(await mode.get_tool_catalog(ctx), query, limit)
            return {"tools": [_told(tool) for tool in found]}

        return McpTool.from_function(
            fn=search_tools, name="search_tools", annotations=SEARCHES, output_schema=None
        )

    def _make_call_tool(self) -> McpTool:
        mode = self

        async def call_tool(
            name: str,
            arguments: dict[str, Any] | None = None,
            ctx: Context = None,  # type: ignore[assignment]  # FastMCP gives it
        ) -> ToolResult:
            """Call a tool that `search_tools` found, with the arguments described there."""
            seen = [tool.name for tool in await mode.get_tool_catalog(ctx)]
            if name not in seen:
                raise ToolError(unknown_tool(name, seen))
            return await ctx.fastmcp.call_tool(name, arguments)

        return McpTool.from_function(
            fn=call_tool, name="call_tool", annotations=self._hints, output_schema=None
        )


def calling_hints(title: str, tools: list[Tool]) -> mcp_types.ToolAnnotations:
    """What a tool does that can call any of these: nothing worse than the worst of them."""
    only_reads = all(tool.effect == "read" for tool in tools)
    return mcp_types.ToolAnnotations(
        title=title,
        read_only_hint=only_reads,
        destructive_hint=not only_reads,
        idempotent_hint=only_reads,
        open_world_hint=True,
    )


def _told(tool: McpTool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.parameters,
    }

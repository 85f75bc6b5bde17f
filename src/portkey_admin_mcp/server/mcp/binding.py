"""From a catalog tool to an MCP tool."""

import logging
from collections.abc import Callable
from typing import Any, get_type_hints

import mcp_types
from fastmcp.exceptions import ToolError
from fastmcp.tools import Tool as McpTool
from fastmcp.tools.base import ToolResult
from pydantic import ConfigDict, Field

from ...portkey.api import Portkey
from ...portkey.catalog import Tool
from ..calls.executor import MAX_RESULT_CHARS, Executor
from ..calls.schema import output_schema


class BoundTool(McpTool):
    """A catalog tool with the client it will call."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    executor: Executor = Field(exclude=True)

    @property
    def entry(self) -> Tool:
        """The tool of the catalog."""
        return self.executor.tool

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Run the tool; a failure in words is an error of the tool."""
        outcome = await self.executor.run(arguments)
        if outcome.is_error:
            raise ToolError("\n".join(outcome.texts), log_level=logging.DEBUG)
        return ToolResult(
            content=[mcp_types.TextContent(type="text", text=text) for text in outcome.texts],
            structured_content=outcome.structured,
        )

    def to_mcp_tool(self, **overrides: Any) -> mcp_types.Tool:
        """Describe it without FastMCP's own metadata, which no client needs."""
        return super().to_mcp_tool(**{"_meta": None, **overrides})


def bind(
    tool: Tool, portkey: Callable[[], Portkey], max_result_chars: int = MAX_RESULT_CHARS
) -> BoundTool:
    """Describe a tool to MCP. Every hint is stated, none is left to a client's default."""
    executor = Executor(tool, portkey, max_result_chars)
    return BoundTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        parameters=executor.schema,
        output_schema=output_schema(get_type_hints(tool.function)["return"]),
        annotations=mcp_types.ToolAnnotations(
            title=tool.title,
            read_only_hint=tool.effect == "read",
            destructive_hint=tool.effect in ("overwrite", "delete"),
            idempotent_hint=tool.is_idempotent,
            open_world_hint=True,
        ),
        executor=executor,
    )

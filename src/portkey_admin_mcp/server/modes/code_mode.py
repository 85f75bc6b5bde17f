"""Three tools: one to find the others, one to describe them, one to run code that calls them.

`PORTKEY_TOOL_MODE=code`. Answers stay where the code runs; a model sees what the code returns.
"""

from importlib.util import find_spec
from typing import Annotated, Any

import mcp_types
from fastmcp.exceptions import ToolError
from fastmcp.experimental.transforms.code_mode import CodeMode as FastMcpCodeMode
from fastmcp.experimental.transforms.code_mode import GetToolCatalog
from fastmcp.server.context import Context
from fastmcp.tools.base import Tool as McpTool
from fastmcp.tools.base import ToolResult
from pydantic import Field

from ...errors import ConfigurationError
from ...portkey.catalog import Tool
from ..calls.result_size import compact
from ..selection import unknown_tool
from .code_run import ALL_S, CODE_CHARS, COMPUTING_S, MEMORY_BYTES, TOOL_CALLS, CodeRun
from .search import ToolSearch
from .search_mode import MOST, SEARCHES, calling_hints

USUAL = 10
AT_ONCE = 8
"""Executions in a server at one time, of MEMORY_BYTES each and a little more."""
DESCRIBES = SEARCHES.model_copy(update={"title": "Get schemas"})
EXECUTE = f"""\
Run Python that calls tools: `await call_tool(name, arguments)` gives a tool's answer as a dict, and
`return` gives yours.

Do a whole task in one execution: page, loop, join, `asyncio.gather`. Only what you return or print
is seen: return the few fields that matter. A tool that fails raises RuntimeError with advice.
At most {TOOL_CALLS} calls, {ALL_S:.0f} s, {COMPUTING_S:.0f} s of computing and
{MEMORY_BYTES // 1_000_000} MB; no files, no network."""


class CodeMode(FastMcpCodeMode):
    """FastMCP's, with our search, our advice, and code in a process of its own."""

    def __init__(self, tools: list[Tool], result_chars: int) -> None:
        if find_spec("pydantic_monty") is None:
            raise ConfigurationError(
                "PORTKEY_TOOL_MODE=code runs code in pydantic-monty, which is not installed: "
                "pip install 'portkey-admin-mcp[code]', or set another mode."
            )
        self._index = ToolSearch(tools)
        self._result_chars = result_chars
        self._hints = calling_hints("Execute", tools)
        self._running = 0
        super().__init__(discovery_tools=[self._make_search_tool, _make_schema_tool])

    def _make_search_tool(self, get_catalog: GetToolCatalog) -> McpTool:
        mode = self

        async def search(
            query: Annotated[str, Field(min_length=1, description="What you want to do.")],
            limit: Annotated[int, Field(ge=1, le=MOST)] = USUAL,
            ctx: Context = None,  # type: ignore[assignment]  # FastMCP gives it
        ) -> str:
            """Find Portkey tools by what you want: a name and a sentence for each."""
            seen = {tool.name: tool for tool in await get_catalog(ctx)}
            found = mode._index.find(query, limit, among=seen)
            lines = [f"{name}: {_first_line(seen[name].description)}" for name in found]
            return "\n".join(lines) or "Nothing fits. Say it in other words."

        return McpTool.from_function(
            fn=search, name="search", annotations=SEARCHES, output_schema=None
        )

    def _make_execute_tool(self) -> McpTool:
        mode = self

        async def execute(
            code: str,
            ctx: Context = None,  # type: ignore[assignment]  # FastMCP gives it
        ) -> ToolResult:
            if len(code) > CODE_CHARS:
                raise ToolError(f"The code has more than {CODE_CHARS:,} characters. Send less.")
            seen = {tool.name: tool for tool in await mode.get_tool_catalog(ctx)}
            if mode._running >= AT_ONCE:
                raise ToolError(
                    f"{AT_ONCE} executions are running here already. Call execute again in "
                    f"{ALL_S:.0f} s."
                )
            mode._running += 1
            try:
                return await CodeRun(seen, ctx.fastmcp.call_tool, mode._result_chars).run(code)
            finally:
                mode._running -= 1

        return McpTool.from_function(
            fn=execute,
            name="execute",
            description=EXECUTE,
            annotations=self._hints,
            output_schema=None,
        )


def _make_schema_tool(get_catalog: GetToolCatalog) -> McpTool:
    async def get_schema(
        tools: Annotated[list[str], Field(min_length=1, max_length=MOST)],
        ctx: Context = None,  # type: ignore[assignment]  # FastMCP gives it
    ) -> ToolResult:
        """Get what tools take and answer: descriptions, arguments and the fields of an answer."""
        seen = {tool.name: tool for tool in await get_catalog(ctx)}
        told = [_told(seen[name]) for name in tools if name in seen]
        unknown = [unknown_tool(name, [*seen]) for name in tools if name not in seen]
        if not told:
            raise ToolError("\n".join(unknown))
        texts = [compact(each) for each in told] + unknown
        return ToolResult([mcp_types.TextContent(type="text", text="\n".join(texts))])

    return McpTool.from_function(
        fn=get_schema, name="get_schema", annotations=DESCRIBES, output_schema=None
    )


def _told(tool: McpTool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.parameters,
        "outputSchema": tool.output_schema,
    }


def _first_line(description: str | None) -> str:
    return (description or "").partition("\n")[0]

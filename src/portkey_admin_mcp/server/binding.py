"""From a catalog tool to an MCP tool, and from an MCP call to a Python call."""

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any, get_type_hints

import mcp_types
from fastmcp.exceptions import ToolError
from fastmcp.tools import Tool as McpTool
from fastmcp.tools.base import ToolResult
from pydantic import BaseModel, Field

from ..api import Portkey
from ..catalog import Tool
from ..errors import PortkeyAdminError
from ..models.base import Record
from .arguments import arguments_model, call_flat, not_sent, read_arguments
from .failures import advice
from .presentation import shown
from .schema import input_schema, output_schema

MAX_RESULT_CHARS = 80_000


class BoundTool(McpTool):
    """A catalog tool with the client it will call."""

    entry: Tool = Field(exclude=True)
    portkey: Callable[[], Portkey] = Field(exclude=True)
    max_result_chars: int = Field(exclude=True)

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The validator, built when the tool is first called or described."""
        return arguments_model(self.entry)

    async def answer(self, arguments: dict[str, Any]) -> tuple[Record, BaseModel]:
        """Validate and call: what came of it, and the arguments as they were understood.

        Raises the errors of the family.
        """
        checked = read_arguments(self.arguments, self.parameters, arguments)
        return await call_flat(self.entry, self.portkey(), checked), checked

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Validate, call, and put any failure into words."""
        try:
            result, checked = await self.answer(arguments)
        except PortkeyAdminError as error:
            raise ToolError(advice(error, self.entry), log_level=logging.DEBUG) from error
        seen = shown(result, checked, self.max_result_chars)
        return ToolResult(
            content=[_text(seen.text), *_notes(seen.note, not_sent(checked))],
            structured_content=seen.answer,
        )

    def to_mcp_tool(self, **overrides: Any) -> mcp_types.Tool:
        """Describe it without FastMCP's own metadata, which no client needs."""
        return super().to_mcp_tool(**{"_meta": None, **overrides})


def bind(
    tool: Tool, portkey: Callable[[], Portkey], max_result_chars: int = MAX_RESULT_CHARS
) -> BoundTool:
    """Describe a tool to MCP. Every hint is stated, none is left to a client's default."""
    return BoundTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        parameters=input_schema(arguments_model(tool)),
        output_schema=output_schema(get_type_hints(tool.function)["return"]),
        annotations=mcp_types.ToolAnnotations(
            title=tool.title,
            read_only_hint=tool.effect == "read",
            destructive_hint=tool.effect in ("overwrite", "delete"),
            idempotent_hint=tool.is_idempotent,
            open_world_hint=True,
        ),
        entry=tool,
        portkey=portkey,
        max_result_chars=max_result_chars,
    )


def _text(text: str) -> mcp_types.TextContent:
    return mcp_types.TextContent(type="text", text=text)


def _notes(cut: str, names: list[str]) -> list[mcp_types.TextContent]:
    unsent = f"Not sent, for Portkey has no such field here: {', '.join(names)}." if names else ""
    return [_text(note) for note in (cut, unsent) if note]

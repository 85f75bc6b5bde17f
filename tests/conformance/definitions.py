"""The types and helpers that all fixtures share.

A fixture is a definition, which the server lists, and a function, which the server calls.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from mcp.server import ServerRequestContext
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    Prompt,
    PromptArgument,
    PromptMessage,
    TextContent,
    Tool,
)

Context = ServerRequestContext[Any, Any]
ToolFunction = Callable[
    [Context, CallToolRequestParams], Awaitable[CallToolResult | InputRequiredResult]
]
PromptFunction = Callable[
    [Context, GetPromptRequestParams], Awaitable[GetPromptResult | InputRequiredResult]
]


class ToolFixture(NamedTuple):
    """A tool of the conformance suite."""

    definition: Tool
    call: ToolFunction


class PromptFixture(NamedTuple):
    """A prompt of the conformance suite."""

    definition: Prompt
    render: PromptFunction


def tool(function: ToolFunction, *, schema: dict[str, Any] | None = None) -> ToolFixture:
    """The tool that has the name and the docstring of its function; no schema: no arguments."""
    definition = Tool(
        name=function.__name__,
        description=function.__doc__,
        input_schema=schema or object_schema({}),
    )
    return ToolFixture(definition, function)


def fixed_tool(name: str, description: str, result: CallToolResult) -> ToolFixture:
    """A tool that takes no arguments and returns the same result at each call."""

    async def call(_context: Context, _params: CallToolRequestParams) -> CallToolResult:
        return result

    definition = Tool(name=name, description=description, input_schema=object_schema({}))
    return ToolFixture(definition, call)


def prompt(function: PromptFunction, *arguments: str) -> PromptFixture:
    """The prompt that has the name and the docstring of its function; all arguments required."""
    definition = Prompt(
        name=function.__name__,
        description=function.__doc__,
        arguments=[PromptArgument(name=name, required=True) for name in arguments],
    )
    return PromptFixture(definition, function)


def object_schema(
    properties: dict[str, Any], *, required: list[str] | None = None
) -> dict[str, Any]:
    """The JSON Schema of an object; every property is required, unless `required` names some."""
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties] if required is None else required,
    }


def text(value: str) -> TextContent:
    """A text as a content block."""
    return TextContent(type="text", text=value)


def tool_result(*content: ContentBlock | str, is_error: bool = False) -> CallToolResult:
    """The result of a tool call with these content blocks."""
    blocks = [text(block) if isinstance(block, str) else block for block in content]
    return CallToolResult(content=blocks, is_error=is_error)


def prompt_result(*content: ContentBlock | str) -> GetPromptResult:
    """A rendered prompt with one message of the user for each content block."""
    blocks = [text(block) if isinstance(block, str) else block for block in content]
    return GetPromptResult(messages=[PromptMessage(role="user", content=b) for b in blocks])

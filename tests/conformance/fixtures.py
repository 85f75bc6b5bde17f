"""What the conformance suite asks of any server: its tools, resources, prompts, completions.

The names are the suite's, as are the texts it compares.
"""

import asyncio
import base64
import json
from typing import Annotated, Any

import mcp_types
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.prompts import Message
from fastmcp.tools import Tool
from fastmcp.tools.base import ToolResult
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ToolsListChanged,
)
from mcp_types import (
    AudioContent,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    TextContent,
    TextResourceContents,
)
from pydantic import Field

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAgA=="
BETWEEN_NOTICES_S = 0.05
UNTIL_CLIENT_IS_BACK_S = 0.2

SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


class WholeSchema(Tool):
    """A tool whose schema no Python signature could have."""

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult(content=[text("done")], structured_content=None)


def text(words: str) -> TextContent:
    return TextContent(type="text", text=words)


def image() -> ImageContent:
    return ImageContent(type="image", data=PNG, mime_type="image/png")


def embedded(uri: str, mime_type: str, words: str) -> EmbeddedResource:
    resource = TextResourceContents(uri=uri, mime_type=mime_type, text=words)
    return EmbeddedResource(type="resource", resource=resource)


def test_simple_text() -> str:
    """Answer with text."""
    return "This is a simple text response for testing."


def test_image_content() -> ImageContent:
    """Answer with an image."""
    return image()


def test_audio_content() -> AudioContent:
    """Answer with a sound."""
    return AudioContent(type="audio", data=WAV, mime_type="audio/wav")


def test_embedded_resource() -> EmbeddedResource:
    """Answer with a resource."""
    words = "This is an embedded resource content."
    return embedded("test://embedded-resource", "text/plain", words)


def test_multiple_content_types() -> list[Any]:
    """Answer with several kinds of content."""
    data = '{"test":"data","value":123}'
    mixed = embedded("test://mixed-content-resource", "application/json", data)
    return [text("Multiple content types test:"), image(), mixed]


def test_error_handling() -> str:
    """Fail."""
    raise ToolError("This tool intentionally returns an error for testing")


def test_header_parameter(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})],
) -> str:
    """Take an argument that clients repeat in a header."""
    return region


async def test_tool_with_logging(ctx: Context) -> str:
    """Log three times."""
    for words in ("started", "processing data", "completed"):
        await ctx.info(f"Tool execution {words}")
        await asyncio.sleep(BETWEEN_NOTICES_S)
    return "logged"


async def test_logging_tool(ctx: Context) -> str:
    """Log, which clients that named no level must not hear."""
    await ctx.info("Nobody asked for this")
    return "logged"


async def test_tool_with_progress(ctx: Context) -> str:
    """Report progress three times."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100, f"{done} of 100")
        await asyncio.sleep(BETWEEN_NOTICES_S)
    return "done"


async def test_reconnection(ctx: Context) -> str:
    """Close the stream before the answer, so that the client has to come back for it."""
    await ctx.close_sse_stream()
    await asyncio.sleep(UNTIL_CLIENT_IS_BACK_S)
    return "The client came back."


def add_subscriptions(server: FastMCP) -> None:
    """Subscriptions of both generations, and tools that set them off."""
    bus = InMemorySubscriptionBus()

    async def test_trigger_tool_change() -> str:
        """Tell subscribers that the tools changed."""
        await bus.publish(ToolsListChanged())
        return "told"

    async def test_trigger_prompt_change() -> str:
        """Tell subscribers that the prompts changed."""
        await bus.publish(PromptsListChanged())
        return "told"

    for tool in (test_trigger_tool_change, test_trigger_prompt_change):
        server.tool(tool, output_schema=None)

    async def accept(_context: Any, _params: Any) -> EmptyResult:
        return EmptyResult()

    # FastMCP has no door to these.
    low = server._mcp_server
    listen = ListenHandler(bus)
    low.add_request_handler(
        "subscriptions/listen", mcp_types.SubscriptionsListenRequestParams, listen
    )
    low.add_request_handler("resources/subscribe", mcp_types.SubscribeRequestParams, accept)
    low.add_request_handler("resources/unsubscribe", mcp_types.UnsubscribeRequestParams, accept)


def static_text() -> str:
    """Text that never changes."""
    return "This is the content of the static text resource."


def static_binary() -> bytes:
    """Bytes that never change."""
    return base64.b64decode(PNG)


def watched_resource() -> str:
    """A resource to subscribe to."""
    return "Watched resource content"


def template_data(id: str) -> str:
    """A resource for each id."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def test_simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:
    """A prompt that holds a resource."""
    resource = embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
    return [Message(resource), Message("Please process the embedded resource above.")]


def test_prompt_with_image() -> list[Message]:
    """A prompt that holds an image."""
    return [Message(image()), Message("Please analyze the image above.")]


async def complete(_ref: Any, argument: Any, _context: Any) -> list[str]:
    known = ("paris", "park", "party", "test")
    return [word for word in known if word.startswith(argument.value)]


TOOLS = (
    test_simple_text,
    test_image_content,
    test_audio_content,
    test_embedded_resource,
    test_multiple_content_types,
    test_error_handling,
    test_header_parameter,
    test_tool_with_logging,
    test_logging_tool,
    test_tool_with_progress,
    test_reconnection,
)
PROMPTS = (
    test_simple_prompt,
    test_prompt_with_arguments,
    test_prompt_with_embedded_resource,
    test_prompt_with_image,
)
RESOURCES = (
    ("test://static-text", "text/plain", static_text),
    ("test://static-binary", "image/png", static_binary),
    ("test://watched-resource", "text/plain", watched_resource),
    ("test://template/{id}/data", "application/json", template_data),
)


def add_fixtures(server: FastMCP) -> None:
    """Offer all of these."""
    for tool in TOOLS:
        server.tool(tool, output_schema=None)
    server.add_tool(
        WholeSchema(
            name="json_schema_2020_12_tool",
            description="Tool with JSON Schema 2020-12 features",
            parameters=SCHEMA_2020_12,
        )
    )
    for uri, mime_type, read in RESOURCES:
        server.resource(uri, mime_type=mime_type)(read)
    for prompt in PROMPTS:
        server.prompt(prompt)
    server.completion(complete)
    add_subscriptions(server)

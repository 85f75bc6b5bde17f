"""What the conformance suite expects of any server: tools, resources, prompts, completions.

The suite defines the names, and the texts that it compares.
"""

import asyncio
import json
import re

from definitions import (
    Context,
    fixed_tool,
    object_schema,
    prompt,
    prompt_result,
    tool,
    tool_result,
)
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    PromptsListChanged,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    AudioContent,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    EmbeddedResource,
    GetPromptRequestParams,
    GetPromptResult,
    ImageContent,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAgA=="
NOTIFICATION_INTERVAL_S = 0.05
RECONNECTION_TIME_S = 0.2
"""Seconds in which a client should have come back after its stream was closed."""

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
IMAGE = ImageContent(type="image", data=PNG, mime_type="image/png")
AUDIO = AudioContent(type="audio", data=WAV, mime_type="audio/wav")

subscriptions = InMemorySubscriptionBus()


def embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    """A text resource as a content block."""
    resource = TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return EmbeddedResource(type="resource", resource=resource)


async def test_header_parameter(_: Context, params: CallToolRequestParams) -> CallToolResult:
    """Take an argument that clients repeat in a header."""
    return tool_result((params.arguments or {})["region"])


async def json_schema_2020_12_tool(_: Context, __: CallToolRequestParams) -> CallToolResult:
    """Tool with JSON Schema 2020-12 features"""
    return tool_result("done")


async def test_tool_with_logging(context: Context, _: CallToolRequestParams) -> CallToolResult:
    """Log three times."""
    for status in ("started", "processing data", "completed"):
        await log(context, f"Tool execution {status}")
        await asyncio.sleep(NOTIFICATION_INTERVAL_S)
    return tool_result("logged")


async def test_logging_tool(context: Context, _: CallToolRequestParams) -> CallToolResult:
    """Log a message, which a client that set no log level must not receive."""
    await log(context, "No client asked for this")
    return tool_result("logged")


async def log(context: Context, message: str) -> None:
    """Send a log message to the client, on the stream of this request."""
    await context.session.send_log_message("info", message, related_request_id=context.request_id)


async def test_tool_with_progress(context: Context, _: CallToolRequestParams) -> CallToolResult:
    """Report progress three times."""
    for percent in (0, 50, 100):
        await context.session.report_progress(percent, 100, f"{percent} of 100")
        await asyncio.sleep(NOTIFICATION_INTERVAL_S)
    return tool_result("done")


async def test_reconnection(context: Context, _: CallToolRequestParams) -> CallToolResult:
    """Close the stream before the answer, so that the client has to come back for it."""
    if context.close_sse_stream is not None:
        await context.close_sse_stream()
    await asyncio.sleep(RECONNECTION_TIME_S)
    return tool_result("The client came back.")


async def test_trigger_tool_change(_: Context, __: CallToolRequestParams) -> CallToolResult:
    """Notify subscribers that the tools changed."""
    await subscriptions.publish(ToolsListChanged())
    return tool_result("notified")


async def test_trigger_prompt_change(_: Context, __: CallToolRequestParams) -> CallToolResult:
    """Notify subscribers that the prompts changed."""
    await subscriptions.publish(PromptsListChanged())
    return tool_result("notified")


FIXED_RESULTS = {
    "test_simple_text": tool_result("This is a simple text response for testing."),
    "test_image_content": tool_result(IMAGE),
    "test_audio_content": tool_result(AUDIO),
    "test_embedded_resource": tool_result(
        embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ),
    "test_multiple_content_types": tool_result(
        "Multiple content types test:",
        IMAGE,
        embedded(
            "test://mixed-content-resource", "application/json", '{"test":"data","value":123}'
        ),
    ),
    "test_error_handling": tool_result(
        "This tool intentionally returns an error for testing", is_error=True
    ),
}
TOOLS = (
    *(
        fixed_tool(name, "Return the same content at each call.", result)
        for name, result in FIXED_RESULTS.items()
    ),
    tool(
        test_header_parameter,
        schema=object_schema({"region": {"type": "string", "x-mcp-header": "Region"}}),
    ),
    tool(json_schema_2020_12_tool, schema=SCHEMA_2020_12),
    tool(test_tool_with_logging),
    tool(test_logging_tool),
    tool(test_tool_with_progress),
    tool(test_reconnection),
    tool(test_trigger_tool_change),
    tool(test_trigger_prompt_change),
)


RESOURCE_CONTENTS = {
    "test://static-text": TextResourceContents(
        uri="test://static-text",
        mime_type="text/plain",
        text="This is the content of the static text resource.",
    ),
    "test://static-binary": BlobResourceContents(
        uri="test://static-binary", mime_type="image/png", blob=PNG
    ),
    "test://watched-resource": TextResourceContents(
        uri="test://watched-resource", mime_type="text/plain", text="Watched resource content"
    ),
}
RESOURCES = [
    Resource(
        uri=uri,
        name=uri.removeprefix("test://"),
        description="A resource with fixed content.",
        mime_type=contents.mime_type,
    )
    for uri, contents in RESOURCE_CONTENTS.items()
]
RESOURCE_TEMPLATE = ResourceTemplate(
    uri_template="test://template/{id}/data",
    name="template-data",
    description="A resource for each id.",
    mime_type="application/json",
)
TEMPLATE_URI = re.compile(r"test://template/(?P<id>[^/]+)/data")


async def read_resource(_: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
    """The contents of a resource; raises MCPError if there is none at this address."""
    if params.uri in RESOURCE_CONTENTS:
        return ReadResourceResult(contents=[RESOURCE_CONTENTS[params.uri]])
    match = TEMPLATE_URI.fullmatch(params.uri)
    if match is None:
        message = f"There is no resource {params.uri!r}"
        raise MCPError(INVALID_PARAMS, message, {"uri": params.uri})
    data = {"id": match["id"], "templateTest": True, "data": f"Data for ID: {match['id']}"}
    contents = TextResourceContents(
        uri=params.uri, mime_type="application/json", text=json.dumps(data)
    )
    return ReadResourceResult(contents=[contents])


async def test_simple_prompt(_: Context, __: GetPromptRequestParams) -> GetPromptResult:
    """A prompt without arguments."""
    return prompt_result("This is a simple prompt for testing.")


async def test_prompt_with_arguments(_: Context, params: GetPromptRequestParams) -> GetPromptResult:
    """A prompt with arguments."""
    arguments = params.arguments or {}
    return prompt_result(
        f"Prompt with arguments: arg1='{arguments['arg1']}', arg2='{arguments['arg2']}'"
    )


async def test_prompt_with_embedded_resource(
    _: Context, params: GetPromptRequestParams
) -> GetPromptResult:
    """A prompt that holds a resource."""
    uri = (params.arguments or {})["resourceUri"]
    resource = embedded(uri, "text/plain", "Embedded resource content for testing.")
    return prompt_result(resource, "Please process the embedded resource above.")


async def test_prompt_with_image(_: Context, __: GetPromptRequestParams) -> GetPromptResult:
    """A prompt that holds an image."""
    return prompt_result(IMAGE, "Please analyze the image above.")


PROMPTS = (
    prompt(test_simple_prompt),
    prompt(test_prompt_with_arguments, "arg1", "arg2"),
    prompt(test_prompt_with_embedded_resource, "resourceUri"),
    prompt(test_prompt_with_image),
)
COMPLETIONS = ("paris", "park", "party", "test")


async def complete(_: Context, params: CompleteRequestParams) -> CompleteResult:
    """The known values that begin with what was typed."""
    values = [value for value in COMPLETIONS if value.startswith(params.argument.value)]
    return CompleteResult(completion=Completion(values=values))

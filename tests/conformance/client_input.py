"""Fixtures that need input from the client.

To revision 2025-11-25 the server sends the client a request, and waits. From revision 2026-07-28
the result of the call names the input that is required, and the client repeats the call with it.
"""

import json
from typing import Any

from definitions import Context, object_schema, prompt, prompt_result, text, tool, tool_result
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolRequestParams,
    CallToolResult,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequests,
    InputRequiredResult,
    InputResponseRequestParams,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)

ToolResult = CallToolResult | InputRequiredResult

NAME = {"name": {"type": "string"}}
WITH_DEFAULTS = {
    "name": {"type": "string", "description": "User name", "default": "John Doe"},
    "age": {"type": "integer", "description": "User age", "default": 30},
    "score": {"type": "number", "description": "User score", "default": 95.5},
    "status": {
        "type": "string",
        "description": "User status",
        "enum": ["active", "inactive", "pending"],
        "default": "active",
    },
    "verified": {"type": "boolean", "description": "Verification status", "default": True},
}
OPTIONS = ["option1", "option2", "option3"]
TITLED = [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2, 3)]
ENUMS = {
    "untitledSingle": {"type": "string", "enum": OPTIONS},
    "titledSingle": {"type": "string", "oneOf": TITLED},
    "legacyEnum": {"type": "string", "enum": OPTIONS, "enumNames": ["One", "Two", "Three"]},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
    "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
}
USER = {
    "username": {"type": "string", "description": "User's response"},
    "email": {"type": "string", "description": "User's email address"},
}


async def test_sampling(context: Context, params: CallToolRequestParams) -> ToolResult:
    """Let the client's model answer a prompt."""
    message = user_message((params.arguments or {})["prompt"])
    result = await context.session.create_message(
        [message], max_tokens=100, related_request_id=context.request_id
    )
    answer = result.content.text if isinstance(result.content, TextContent) else ""
    return tool_result(f"LLM response: {answer}")


async def test_elicitation(context: Context, params: CallToolRequestParams) -> ToolResult:
    """Ask the user."""
    message = (params.arguments or {})["message"]
    return tool_result(f"User response: {await elicit(context, message, object_schema(USER))}")


async def test_elicitation_sep1034_defaults(
    context: Context, _: CallToolRequestParams
) -> ToolResult:
    """Ask the user, with a default of each type."""
    schema = object_schema(WITH_DEFAULTS, required=[])
    result = await elicit(context, "Please review", schema)
    return tool_result(f"Elicitation completed: {result}")


async def test_elicitation_sep1330_enums(context: Context, _: CallToolRequestParams) -> ToolResult:
    """Ask the user to choose, with each form of an enumeration."""
    schema = object_schema(ENUMS, required=[])
    result = await elicit(context, "Please choose", schema)
    return tool_result(f"Elicitation completed: {result}")


async def elicit(context: Context, message: str, schema: dict[str, Any]) -> str:
    """Ask the user with a form, wait, and describe the result."""
    result = await context.session.elicit_form(message, schema, context.request_id)
    return f"action={result.action}, content={json.dumps(result.content or {})}"


async def test_input_required_result_elicitation(
    _: Context, params: CallToolRequestParams
) -> ToolResult:
    """Require a name."""
    form = form_content(params, "user_name")
    if not form:
        return input_required({"user_name": name_form()})
    return tool_result(f"Hello, {form['name']}!")


async def test_input_required_result_sampling(
    _: Context, params: CallToolRequestParams
) -> ToolResult:
    """Require an answer of the client's model."""
    response = response_to(params, "capital_question")
    if not isinstance(response, CreateMessageResult):
        question = model_question("What is the capital of France?")
        return input_required({"capital_question": question})
    return tool_result(response.content)


async def test_input_required_result_list_roots(
    _: Context, params: CallToolRequestParams
) -> ToolResult:
    """Require the client's roots."""
    response = response_to(params, "client_roots")
    if not isinstance(response, ListRootsResult):
        return input_required({"client_roots": ListRootsRequest()})
    return tool_result(", ".join(str(root.uri) for root in response.roots))


async def test_input_required_result_multiple_inputs(
    _: Context, params: CallToolRequestParams
) -> ToolResult:
    """Require three inputs at once."""
    requests: InputRequests = {
        "user_name": name_form(),
        "greeting": model_question("Generate a greeting"),
        "client_roots": ListRootsRequest(),
    }
    if requests.keys() <= (params.input_responses or {}).keys() and is_repeated(params):
        return tool_result("All inputs were received.")
    return input_required(requests, REQUESTED)


async def test_input_required_result_multi_round(
    _: Context, params: CallToolRequestParams
) -> ToolResult:
    """Require one input after the other."""
    if params.request_state == "step 2" and form_content(params, "step2"):
        return tool_result("Both inputs were received.")
    if params.request_state == "step 1" and form_content(params, "step1"):
        color = form("Step 2: What is your favorite color?", {"color": {"type": "string"}})
        return input_required({"step2": color}, "step 2")
    return input_required({"step1": form("Step 1: What is your name?", NAME)}, "step 1")


async def test_input_required_result_capabilities(
    context: Context, _: CallToolRequestParams
) -> ToolResult:
    """Require only input of which the client says that it can provide it."""
    capabilities = context.session.client_capabilities
    requests: InputRequests = {}
    if capabilities is not None and capabilities.elicitation is not None:
        requests["user_name"] = name_form()
    if capabilities is not None and capabilities.sampling is not None:
        requests["greeting"] = model_question("Generate a greeting")
    return input_required(requests) if requests else tool_result("The client has no capability.")


async def test_streaming_elicitation(context: Context, _: CallToolRequestParams) -> ToolResult:
    """Require input after the response became a stream."""
    await context.session.report_progress(0, 1)
    return input_required({"user_name": name_form()})


async def test_missing_capability(context: Context, _: CallToolRequestParams) -> ToolResult:
    """Refuse a client without sampling."""
    capabilities = context.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        required: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "Sampling is required", required)
    return tool_result("done")


async def test_input_required_result_request_state(
    _: Context, params: CallToolRequestParams
) -> ToolResult:
    """Require a confirmation, and recognise the repeated call by its state."""
    return confirm(params)


async def test_input_required_result_tampered_state(
    _: Context, params: CallToolRequestParams
) -> ToolResult:
    """Require a confirmation; the server refuses a state that is not the one that it sent."""
    return confirm(params)


def confirm(params: CallToolRequestParams) -> ToolResult:
    """Require a confirmation, unless this call brings it."""
    if is_repeated(params) and form_content(params, "confirm"):
        return tool_result("state-ok")
    confirmation = form("Please confirm", {"ok": {"type": "boolean"}})
    return input_required({"confirm": confirmation}, REQUESTED)


async def test_input_required_result_prompt(
    _: Context, params: GetPromptRequestParams
) -> GetPromptResult | InputRequiredResult:
    """A prompt that requires input."""
    content = form_content(params, "user_context")
    if not content:
        schema = {"context": {"type": "string"}}
        question = form("What context should the prompt use?", schema)
        return input_required({"user_context": question})
    return prompt_result(f"Use this context: {content['context']}")


REQUESTED = "requested"
"""The state of a call whose input was requested."""


def is_repeated(params: InputResponseRequestParams) -> bool:
    """Whether the client repeats a call after its input was requested."""
    return params.request_state == REQUESTED


def input_required(requests: InputRequests, state: str | None = None) -> InputRequiredResult:
    """The result of a call that cannot go on without these inputs."""
    return InputRequiredResult(input_requests=requests, request_state=state)


def form(message: str, properties: dict[str, Any]) -> ElicitRequest:
    """A form for the user; all its fields are required."""
    schema = object_schema(properties)
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def name_form() -> ElicitRequest:
    """A form that asks for a name."""
    return form("What is your name?", NAME)


def model_question(question: str) -> CreateMessageRequest:
    """A question for the client's model."""
    params = CreateMessageRequestParams(messages=[user_message(question)], max_tokens=100)
    return CreateMessageRequest(params=params)


def user_message(value: str) -> SamplingMessage:
    """A message of the user to the client's model."""
    return SamplingMessage(role="user", content=text(value))


def response_to(params: InputResponseRequestParams, key: str) -> Any:
    """The client's response to the input request of this key, or None."""
    return (params.input_responses or {}).get(key)


def form_content(params: InputResponseRequestParams, key: str) -> dict[str, Any]:
    """What the user wrote into a form; empty if it was declined or is not yet filled in."""
    response = response_to(params, key)
    if not isinstance(response, ElicitResult) or response.action != "accept":
        return {}
    return dict(response.content or {})


TOOLS = (
    tool(test_sampling, schema=object_schema({"prompt": {"type": "string"}})),
    tool(test_elicitation, schema=object_schema({"message": {"type": "string"}})),
    tool(test_elicitation_sep1034_defaults),
    tool(test_elicitation_sep1330_enums),
    tool(test_input_required_result_elicitation),
    tool(test_input_required_result_sampling),
    tool(test_input_required_result_list_roots),
    tool(test_input_required_result_multiple_inputs),
    tool(test_input_required_result_multi_round),
    tool(test_input_required_result_capabilities),
    tool(test_streaming_elicitation),
    tool(test_missing_capability),
    tool(test_input_required_result_request_state),
    tool(test_input_required_result_tampered_state),
)
PROMPTS = (prompt(test_input_required_result_prompt),)

"""Fixtures that ask the client back: by a request (to 2025-11-25), by their answer (2026-07-28)."""

import json
from typing import Any

from fastmcp import Context, FastMCP
from fastmcp.prompts import Message
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)

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


async def elicited(ctx: Context, message: str, schema: dict[str, Any]) -> str:
    result = await ctx.session.elicit_form(message, schema, ctx.request_id)
    return f"action={result.action}, content={json.dumps(result.content or {})}"


async def test_sampling(prompt: str, ctx: Context) -> str:
    """Have the client's model answer."""
    result = await ctx.session.create_message(
        [said(prompt)], max_tokens=100, related_request_id=ctx.request_id
    )
    words = result.content.text if isinstance(result.content, TextContent) else ""
    return f"LLM response: {words}"


async def test_elicitation(message: str, ctx: Context) -> str:
    """Ask the user."""
    schema = form_schema(USER, list(USER))
    return f"User response: {await elicited(ctx, message, schema)}"


async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Ask the user, with a default of each kind."""
    schema = form_schema(WITH_DEFAULTS, [])
    return f"Elicitation completed: {await elicited(ctx, 'Please review', schema)}"


async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Ask the user to choose, in each form a choice can have."""
    schema = form_schema(ENUMS, [])
    return f"Elicitation completed: {await elicited(ctx, 'Please choose', schema)}"


async def test_input_required_result_elicitation(ctx: Context) -> Any:
    """Ask for a name."""
    given = form_of(ctx, "user_name")
    return f"Hello, {given['name']}!" if given else needs(user_name=ask_name())


async def test_input_required_result_sampling(ctx: Context) -> Any:
    """Ask the client's model."""
    answer = (ctx.input_responses or {}).get("capital_question")
    if not isinstance(answer, CreateMessageResult):
        return needs(capital_question=ask_model("What is the capital of France?"))
    return answer.content


async def test_input_required_result_list_roots(ctx: Context) -> Any:
    """Ask for the client's roots."""
    answer = (ctx.input_responses or {}).get("client_roots")
    if not isinstance(answer, ListRootsResult):
        return needs(client_roots=ListRootsRequest())
    return ", ".join(str(root.uri) for root in answer.roots)


async def test_input_required_result_multiple_inputs(ctx: Context) -> Any:
    """Ask three things at once."""
    asked = {
        "user_name": ask_name(),
        "greeting": ask_model("Generate a greeting"),
        "client_roots": ListRootsRequest(),
    }
    if asked.keys() <= (ctx.input_responses or {}).keys() and ctx.request_state == "asked":
        return "All answered."
    return needs("asked", **asked)


async def test_input_required_result_multi_round(ctx: Context) -> Any:
    """Ask one thing after another."""
    if ctx.request_state == "two" and form_of(ctx, "step2"):
        return "Both answered."
    if ctx.request_state == "one" and form_of(ctx, "step1"):
        color = {"color": {"type": "string"}}
        return needs("two", step2=ask("Step 2: What is your favorite color?", color))
    return needs("one", step1=ask("Step 1: What is your name?", NAME))


async def test_input_required_result_capabilities(ctx: Context) -> Any:
    """Ask only what the client says it can answer."""
    can = ctx.session.client_capabilities
    asked: dict[str, Any] = {}
    if can is not None and can.elicitation is not None:
        asked["user_name"] = ask_name()
    if can is not None and can.sampling is not None:
        asked["greeting"] = ask_model("Generate a greeting")
    return needs(**asked) if asked else "There is nothing the client could be asked."


async def test_streaming_elicitation(ctx: Context) -> Any:
    """Ask on a stream."""
    await ctx.report_progress(0, 1)
    return needs(user_name=ask_name())


async def test_missing_capability(ctx: Context) -> str:
    """Refuse a client without sampling."""
    can = ctx.session.client_capabilities
    if can is None or can.sampling is None:
        needed = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "Sampling is needed", needed)
    return "done"


async def test_input_required_result_prompt(ctx: Context) -> Any:
    """A prompt that asks first."""
    given = form_of(ctx, "user_context")
    if not given:
        schema = {"context": {"type": "string"}}
        return needs(user_context=ask("What context should the prompt use?", schema))
    return [Message(f"Use this context: {given['context']}")]


async def confirmed(ctx: Context) -> Any:
    if ctx.request_state == "asked" and form_of(ctx, "confirm"):
        return "state-ok"
    return needs("asked", confirm=ask("Please confirm", {"ok": {"type": "boolean"}}))


async def test_input_required_result_request_state(ctx: Context) -> Any:
    """Ask, and know the answer again by its state."""
    return await confirmed(ctx)


async def test_input_required_result_tampered_state(ctx: Context) -> Any:
    """Ask, and refuse a state that is not what was sent."""
    return await confirmed(ctx)


def needs(state: str | None = None, /, **asked: Any) -> InputRequiredResult:
    """The answer of a tool that cannot go on without these."""
    return InputRequiredResult(input_requests=asked, request_state=state)


def ask(message: str, properties: dict[str, Any]) -> ElicitRequest:
    schema = form_schema(properties, list(properties))
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def ask_name() -> ElicitRequest:
    return ask("What is your name?", NAME)


def ask_model(words: str) -> CreateMessageRequest:
    params = CreateMessageRequestParams(messages=[said(words)], max_tokens=100)
    return CreateMessageRequest(params=params)


def said(words: str) -> SamplingMessage:
    return SamplingMessage(role="user", content=TextContent(type="text", text=words))


def form_schema(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def form_of(ctx: Context, key: str) -> dict[str, Any]:
    """What the user wrote into a form; nothing if it is not answered or was declined."""
    answer = (ctx.input_responses or {}).get(key)
    if not isinstance(answer, ElicitResult) or answer.action != "accept":
        return {}
    return dict(answer.content or {})


TOOLS = (
    test_sampling,
    test_elicitation,
    test_elicitation_sep1034_defaults,
    test_elicitation_sep1330_enums,
    test_input_required_result_elicitation,
    test_input_required_result_sampling,
    test_input_required_result_list_roots,
    test_input_required_result_multiple_inputs,
    test_input_required_result_multi_round,
    test_input_required_result_capabilities,
    test_streaming_elicitation,
    test_missing_capability,
    test_input_required_result_request_state,
    test_input_required_result_tampered_state,
)


def add_client_input(server: FastMCP) -> None:
    """Offer these tools, and the prompt that asks."""
    for tool in TOOLS:
        server.tool(tool, output_schema=None)
    server.prompt(test_input_required_result_prompt)

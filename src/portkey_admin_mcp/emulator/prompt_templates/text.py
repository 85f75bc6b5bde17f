"""Filling in prompts, and a model that answers with what it was told."""

import json
from typing import Any

from ..core.routing import Call, invalid
from ..core.rows import Row
from ..partials import VERSIONS as PARTIAL_VERSIONS
from . import mustache

NOT_PARAMETERS = ("variables", "stream", "metadata", "workspace_id")
LETTERS_PER_TOKEN = 4


def filled_request(call: Call, row: Row, version: Row) -> dict[str, Any]:
    """What a model is sent: messages filled in, parameters of the version and of the request."""
    body = call.body if isinstance(call.body, dict) else {}
    variables = body.get("variables")
    if not isinstance(variables, dict):
        raise invalid("variables", "must be an object")
    content = version["content"]
    parameters = {name: value for name, value in body.items() if name not in NOT_PARAMETERS}
    tools = {
        name: content[name] for name in ("functions", "tools", "tool_choice") if content.get(name)
    }
    return {
        **content["parameters"],
        "model": content["model"],
        **tools,
        **parameters,
        "messages": _messages(call, row, content, variables),
    }


def _messages(
    call: Call, row: Row, content: Row, variables: dict[str, Any]
) -> list[dict[str, Any]]:
    """Filled in, then read as JSON for a raw template; otherwise the other way round.

    Text that is no list of messages becomes one message of the user (an assumption).
    """

    def filled(text: str) -> str:
        return mustache.render(text, variables, lambda name: _partial(call, row, name))

    text = content["string"]
    if content.get("is_raw_template"):
        text = filled(text)
        return _as_messages(text) or [{"role": "user", "content": text}]
    messages = _as_messages(text)
    if messages is None:
        return [{"role": "user", "content": filled(text)}]
    return [{**message, "content": _each_text(message["content"], filled)} for message in messages]


def _as_messages(text: str) -> list[dict[str, Any]] | None:
    try:
        messages = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(messages, list) or not messages:
        return None
    if not all(isinstance(each, dict) and "content" in each for each in messages):
        return None
    return messages


def _each_text(content: Any, filled: Any) -> Any:
    """The content of a message: text, or parts of which some are text."""
    if isinstance(content, str):
        return filled(content)
    if isinstance(content, list):
        return [_each_text(part, filled) for part in content]
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        return {**content, "text": filled(content["text"])}
    return content


def _partial(call: Call, row: Row, name: str) -> str | None:
    """A partial of the prompt's workspace: `slug`, `slug@2` or `slug@latest`."""
    slug, _, version_name = name.partition("@")
    partial = call.table("partials").find(slug)
    if partial is None or partial["workspace_id"] != row["workspace_id"]:
        return None
    version = (
        PARTIAL_VERSIONS.published(call, partial)
        if not version_name
        else PARTIAL_VERSIONS.latest(call, partial)
        if version_name == "latest"
        else PARTIAL_VERSIONS.find(call, partial, version_name)
    )
    return None if version is None else str(version["content"]["string"])


def text_of(content: Any) -> str:
    """The text of a message, without what else it holds."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part.get("text", "") for part in parts if isinstance(part, dict))


def echo(text: str, request: dict[str, Any]) -> tuple[str, str]:
    """What the model says, and why it stopped: `max_tokens` are obeyed."""
    max_tokens = request.get("max_completion_tokens", request.get("max_tokens"))
    answer = f"You said: {text}"
    if isinstance(max_tokens, int) and 0 < max_tokens < tokens_in(answer):
        return answer[: max_tokens * LETTERS_PER_TOKEN], "length"
    return answer, "stop"


def tokens_in(text: str) -> int:
    """How many tokens a text has, roughly."""
    return -(-len(text) // LETTERS_PER_TOKEN)

"""Filling in prompts, and the emulated model, which repeats what it is sent."""

import json
from typing import Any

from ..core.answers import invalid
from ..core.routing import Call
from ..core.rows import Row
from ..partials import VERSIONS as PARTIAL_VERSIONS
from . import mustache

NOT_PARAMETERS = ("variables", "stream", "metadata", "workspace_id")
LETTERS_PER_TOKEN = 4
MAX_CHOICES = 128
"""The maximum number of answers of one completion (the OpenAPI file)."""


def filled_request(call: Call, row: Row, version: Row) -> dict[str, Any]:
    """The request to a model: filled-in messages, and parameters of the version and the request."""
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
    """The messages of a version with its variables filled in.

    A raw template is filled in before it is read as JSON, another one after that. Text that is not
    a list of messages becomes one message of the user (an assumption).
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
    """Fill in the text of a message's content, which is text or a list of parts."""
    if isinstance(content, str):
        return filled(content)
    if isinstance(content, list):
        return [_each_text(part, filled) for part in content]
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        return {**content, "text": filled(content["text"])}
    return content


def _partial(call: Call, row: Row, name: str) -> str | None:
    """The text of a partial by `slug`, `slug@2` or `slug@latest`; None if there is none."""
    slug, _, version_name = name.partition("@")
    partial = call.table("partials").find(slug)
    if partial is None or partial["workspace_id"] != row["workspace_id"]:
        return None
    version = PARTIAL_VERSIONS.named(call, partial, version_name or "default")
    return None if version is None else str(version["content"]["string"])


def text_of(content: Any) -> str:
    """The text of a message's content; images and the like are left out."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part.get("text", "") for part in parts if isinstance(part, dict))


def echo(text: str, request: dict[str, Any]) -> tuple[str, str]:
    """The answer of the emulated model and its finish reason; `max_tokens` limits it."""
    max_tokens = request.get("max_completion_tokens", request.get("max_tokens"))
    answer = f"You said: {text}"
    if isinstance(max_tokens, int) and 0 < max_tokens < tokens_in(answer):
        return answer[: max_tokens * LETTERS_PER_TOKEN], "length"
    return answer, "stop"


def tokens_in(text: str) -> int:
    """The approximate number of tokens of a text."""
    return -(-len(text) // LETTERS_PER_TOKEN)


def number_of_choices(request: Row) -> int:
    """The number of answers that the request asks for (`n`); all answers are the same."""
    choices = request.get("n")
    if choices is None:
        return 1
    if type(choices) is not int or not 1 <= choices <= MAX_CHOICES:
        raise invalid("n", f"must be a whole number from 1 to {MAX_CHOICES}")
    return choices

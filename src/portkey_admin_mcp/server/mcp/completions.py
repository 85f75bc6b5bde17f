"""Completions: ids and slugs for the arguments of prompts and of resource templates."""

from typing import Any, NamedTuple

from mcp_types import Completion

from ..calls.tool_calls import ToolCalls, ToolFailed
from ..offer.offer import Offer

MAX_VALUES = 100
"""Maximum number of values in one answer, by the MCP specification."""


class Source(NamedTuple):
    """The tool that lists the values, and the field that contains them."""

    tool: str
    field: str


OF_TEMPLATES = {
    "portkey://workspaces/{slug}": Source("list_workspaces", "slug"),
    "portkey://configs/{slug}": Source("list_configs", "slug"),
    "portkey://prompts/{slug}": Source("list_prompts", "slug"),
    "portkey://guardrails/{slug}": Source("list_guardrails", "slug"),
    "portkey://api-keys/{slug}": Source("list_api_keys", "id"),
    "portkey://integrations/{slug}": Source("list_integrations", "slug"),
}
OF_PROMPT_ARGUMENTS = {
    "workspace": Source("list_workspaces", "slug"),
    "person": Source("list_all_users", "email"),
    "prompt": Source("list_prompts", "slug"),
}


async def complete(
    calls: ToolCalls, reference: dict[str, Any], argument: str, typed: str
) -> Completion:
    """Complete the typed text of an argument of an offered prompt or template.

    Empty for any other, and if the key may not list the values: a completion is no reason to fail.
    """
    offer = calls.offer.current
    source = _source(offer, reference, argument)
    if source is None or source.tool not in offer.tools:
        return Completion(values=[])
    try:
        answer = await calls.answer(source.tool, {})
    except ToolFailed:
        return Completion(values=[])
    values = matching(answer.get("data") or [], source.field, typed)
    return Completion(
        values=values[:MAX_VALUES], total=len(values), has_more=len(values) > MAX_VALUES
    )


def matching(rows: list[dict[str, Any]], field: str, typed: str) -> list[str]:
    """The values that contain the typed text, or whose row has a name with it; prefixes first."""
    text = typed.casefold()
    matches = []
    for row in rows:
        texts = [str(row.get(name) or "") for name in (field, "name", "first_name", "last_name")]
        value, names = texts[0], [each.casefold() for each in texts]
        if value and any(text in name for name in names):
            matches.append((not any(name.startswith(text) for name in names), value))
    return [value for _later, value in sorted(matches, key=lambda match: match[0])]


def _source(offer: Offer, reference: dict[str, Any], argument: str) -> Source | None:
    if reference["type"] == "ref/resource":
        uri = reference["uri"]
        templates = {d["uriTemplate"] for d in offer.definitions("resourceTemplates")}
        return OF_TEMPLATES.get(uri) if uri in templates and argument == "slug" else None
    for prompt in offer.definitions("prompts"):
        if prompt["name"] == reference["name"]:
            names = {each["name"] for each in prompt["arguments"]}
            return OF_PROMPT_ARGUMENTS.get(argument) if argument in names else None
    return None

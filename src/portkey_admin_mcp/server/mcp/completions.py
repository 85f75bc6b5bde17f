"""Completions: ids and slugs for the arguments of prompts and of resource templates."""

from typing import Any, NamedTuple

from mcp_types import Completion

from ..calls.list_rows import matching, rows_everywhere, rows_of
from ..calls.tool_calls import ToolCalls
from ..offer.offer import Offer

MAX_VALUES = 100
"""Maximum number of values in one answer, by the MCP specification."""


class Source(NamedTuple):
    """The tool that lists the values, and the field that contains them.

    With `by_workspace`, the tool lists one workspace only, so that all of them are asked.
    """

    tool: str
    field: str
    by_workspace: bool = False


OF_TEMPLATES = {
    "portkey://workspaces/{slug}": Source("list_workspaces", "slug"),
    "portkey://configs/{slug}": Source("list_configs", "slug", by_workspace=True),
    "portkey://prompts/{slug}": Source("list_prompts", "slug", by_workspace=True),
    "portkey://guardrails/{slug}": Source("list_guardrails", "slug", by_workspace=True),
    "portkey://api-keys/{slug}": Source("list_api_keys", "id"),
    "portkey://integrations/{slug}": Source("list_integrations", "slug"),
}
OF_PROMPT_ARGUMENTS = {
    "workspace": Source("list_workspaces", "slug"),
    "person": Source("list_all_users", "email"),
    "prompt": Source("list_prompts", "slug", by_workspace=True),
}


async def complete(
    calls: ToolCalls, reference: dict[str, Any], argument: str, typed: str
) -> Completion:
    """Complete the typed text of an argument of an offered prompt or template.

    Empty for any other, and if the key may not list the values: a completion is no reason to fail.
    If not all rows were read, there may be more values, and the total is not known.
    """
    offer = calls.offer.current
    source = _source(offer, reference, argument)
    if source is None or source.tool not in offer.tools:
        return Completion(values=[])
    result = await (rows_everywhere if source.by_workspace else rows_of)(calls, source.tool)
    values = list(dict.fromkeys(matching(result.rows, source.field, typed)))
    return Completion(
        values=values[:MAX_VALUES],
        total=len(values) if result.are_all else None,
        has_more=len(values) > MAX_VALUES or not result.are_all,
    )


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

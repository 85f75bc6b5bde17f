"""MCP resources: guides, the scopes of each tool, and objects that are read from Portkey."""

import json
from typing import Any, NamedTuple

from mcp.shared.path_security import contains_path_traversal
from mcp.shared.uri_template import UriTemplate

from ..calls.tool_calls import ToolCalls, ToolFailed
from ..calls.visible_text import visible
from ..offer.offer import Definition, Offer
from .guide_texts import GUIDES, guide_text

GUIDE_TITLES = {"scopes": "Guide: scopes and plans"}


class Live(NamedTuple):
    """A kind of object: the tool that reads one, its argument, and a description."""

    tool: str
    argument: str
    description: str


LIVE = {
    "workspaces": Live("get_workspace", "workspace_id", "A workspace, with members and limits."),
    "configs": Live("get_config", "slug", "A gateway config in its current version."),
    "prompts": Live("get_prompt", "prompt_id", "A prompt in its published version."),
    "guardrails": Live("get_guardrail", "guardrail_id", "A guardrail with its checks."),
    "api-keys": Live("get_api_key", "id", "An API key, its secret masked."),
    "integrations": Live("get_integration", "slug", "An integration, its credentials masked."),
}
SUMMARY: dict[str, tuple[str, dict[str, Any]]] = {
    "workspaces": ("list_workspaces", {"page_size": 100}),
    "people": ("list_all_users", {"page_size": 100}),
    "api_keys": ("list_api_keys", {"page_size": 100}),
    "integrations": ("list_integrations", {}),
}
"""The tools whose answers make up the organisation's summary."""
SUMMARY_DEFINITION: Definition = {
    "uri": "portkey://organisation",
    "name": "organisation",
    "title": "The organisation",
    "description": "Workspaces, people, API keys and integrations: how many, and their names.",
    "mimeType": "application/json",
}


class ResourceNotFound(Exception):
    """No resource of that URI is offered."""


def describe_guide(name: str) -> Definition:
    """The definition of a guide for `resources/list`."""
    return {
        "uri": f"portkey://guides/{name}",
        "name": f"guide_{name}",
        "title": GUIDE_TITLES.get(name, f"Guide: {name}"),
        "description": GUIDES[name],
        "mimeType": "text/markdown",
    }


def describe_live(kind: str) -> Definition:
    """The definition of a template for `resources/templates/list`."""
    return {
        "uriTemplate": f"portkey://{kind}/{{slug}}",
        "name": kind.replace("-", "_"),
        "title": kind.replace("-", " ").capitalize(),
        "description": LIVE[kind].description,
        "mimeType": "application/json",
    }


class ResourceText(NamedTuple):
    """The content of a resource."""

    text: str
    mime_type: str


async def read_resource(uri: str, calls: ToolCalls) -> ResourceText:
    """Read a resource that is offered to the current request.

    Raises ResourceNotFound for any other, and ToolFailed if Portkey refuses.
    """
    offer = calls.offer.current
    for definition in offer.definitions("resources"):
        if definition["uri"] == uri:
            text = await _fixed(definition["name"], calls)
            return ResourceText(text, definition["mimeType"])
    for definition in offer.definitions("resourceTemplates"):
        slug = (UriTemplate.parse(definition["uriTemplate"]).match(uri) or {}).get("slug")
        if isinstance(slug, str) and slug and not contains_path_traversal(slug):
            live = LIVE[definition["name"].replace("_", "-")]
            answer = await calls.answer(live.tool, {live.argument: slug})
            return ResourceText(_json(answer), definition["mimeType"])
    raise ResourceNotFound(uri)


async def _fixed(name: str, calls: ToolCalls) -> str:
    if name == SUMMARY_DEFINITION["name"]:
        return await _summary(calls)
    guide = name.removeprefix("guide_")
    if guide == "scopes":
        return _scopes(calls.offer.current)
    return guide_text(guide)


def _scopes(offer: Offer) -> str:
    from .definitions import all_tools  # imports every domain, so only when it is read

    head = "# Scopes and plans\n\n| tool | scopes | plan |\n|---|---|---|\n"
    return head + "".join(
        f"| `{tool.name}` | {tool.scopes_in_words or '–'} |"
        f" {'Enterprise' if tool.enterprise else 'all'} |\n"
        for tool in all_tools()
        if tool.name in offer.tools
    )


async def _summary(calls: ToolCalls) -> str:
    summary: dict[str, Any] = {}
    for part, (tool, arguments) in SUMMARY.items():
        try:
            answer = await calls.answer(tool, arguments)
        except ToolFailed as error:
            # A key that may not read one part may still read the others.
            summary[part] = {"not_readable": str(error).partition("\n")[0]}
            continue
        rows = answer.get("data") or []
        names = [row.get("name") or row.get("email") or row.get("slug") for row in rows]
        summary[part] = {"total": answer.get("total", len(rows)), "names": names}
    return _json(summary)


def _json(value: Any) -> str:
    return visible(json.dumps(value, ensure_ascii=False, indent=1))

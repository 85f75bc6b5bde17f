"""MCP resources: guides, what a key needs for each tool, and Portkey's objects read live."""

import json
from importlib.resources import files
from typing import Any

from fastmcp import FastMCP
from fastmcp.exceptions import ResourceError
from fastmcp.resources import Resource, ResourceTemplate

from ...errors import PortkeyAdminError
from ...portkey.catalog import Tool
from ..calls.failures import advice
from .binding import BoundTool
from .components import PlainResource, PlainTemplate

GUIDES = {
    "workflows": "How an administrator's usual tasks go, and in which order they are safe.",
    "configs": "The config language: routing, fallback, cache, retries, with examples.",
    "errors": "Portkey's error codes, and what to do about each.",
}
LIVE = {
    "workspaces": ("get_workspace", "workspace_id", "A workspace, with members and limits."),
    "configs": ("get_config", "slug", "A gateway config in its current version."),
    "prompts": ("get_prompt", "prompt_id", "A prompt in its published version."),
    "guardrails": ("get_guardrail", "guardrail_id", "A guardrail with its checks."),
    "api-keys": ("get_api_key", "id", "An API key, its secret masked."),
    "integrations": ("get_integration", "slug", "An integration, its credentials masked."),
}
"""What is read live: the tool, its argument, and a sentence."""
SUMMARY = {
    "workspaces": ("list_workspaces", {"page_size": 100}),
    "people": ("list_all_users", {"page_size": 100}),
    "api_keys": ("list_api_keys", {"page_size": 100}),
    "integrations": ("list_integrations", {}),
}
"""What the organisation's summary is made of."""


def add_resources(server: FastMCP, tools: list[BoundTool]) -> None:
    """Offer the guides, and what can be read with the tools that are offered."""
    offered = {tool.name: tool for tool in tools}
    for name, sentence in GUIDES.items():
        server.add_resource(_guide(name, sentence))
    server.add_resource(_scopes([tool.entry for tool in tools]))
    if offered.keys() >= {tool for tool, _arguments in SUMMARY.values()}:
        server.add_resource(_summary(offered))
    for kind, (name, argument, sentence) in LIVE.items():
        if name in offered:
            server.add_template(_live(kind, offered[name], argument, sentence))


def _guide(name: str, sentence: str) -> Resource:
    def read() -> str:
        return files(__package__).joinpath("guides", f"{name}.md").read_text(encoding="utf-8")

    return PlainResource.from_function(
        read,
        uri=f"portkey://guides/{name}",
        name=f"guide_{name}",
        title=f"Guide: {name}",
        description=sentence,
        mime_type="text/markdown",
    )


def _scopes(tools: list[Tool]) -> Resource:
    def read() -> str:
        head = "# Scopes and plans\n\n| tool | scopes | plan |\n|---|---|---|\n"
        return head + "".join(
            f"| `{tool.name}` | {tool.scopes_in_words or '–'} |"
            f" {'Enterprise' if tool.enterprise else 'all'} |\n"
            for tool in tools
        )

    return PlainResource.from_function(
        read,
        uri="portkey://guides/scopes",
        name="guide_scopes",
        title="Guide: scopes and plans",
        description="What a key needs for each tool.",
        mime_type="text/markdown",
    )


def _summary(offered: dict[str, BoundTool]) -> Resource:
    async def read() -> str:
        said: dict[str, Any] = {}
        for what, (name, arguments) in SUMMARY.items():
            try:
                answer = await answer_of(offered[name], arguments)
            except ResourceError as error:
                # A key that may not read one part may still read the others.
                said[what] = {"not_readable": str(error).partition("\n")[0]}
                continue
            rows = answer.get("data") or []
            names = [row.get("name") or row.get("email") or row.get("slug") for row in rows]
            said[what] = {"total": answer.get("total", len(rows)), "names": names}
        return json.dumps(said, ensure_ascii=False, indent=1)

    return PlainResource.from_function(
        read,
        uri="portkey://organisation",
        name="organisation",
        title="The organisation",
        description="Workspaces, people, API keys and integrations: how many, and their names.",
        mime_type="application/json",
    )


def _live(kind: str, tool: BoundTool, argument: str, sentence: str) -> ResourceTemplate:
    async def read(slug: str) -> str:
        answer = await answer_of(tool, {argument: slug})
        return json.dumps(answer, ensure_ascii=False, indent=1)

    return PlainTemplate.from_function(
        read,
        uri_template=f"portkey://{kind}/{{slug}}",
        name=kind.replace("-", "_"),
        title=kind.replace("-", " ").capitalize(),
        description=sentence,
        mime_type="application/json",
    )


async def answer_of(tool: BoundTool, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a tool answers; its refusal, as advice, is the resource's."""
    try:
        record, _checked = await tool.executor.answer(arguments)
    except PortkeyAdminError as error:
        raise ResourceError(advice(error, tool.entry)) from error
    return record.answer()

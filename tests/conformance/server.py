"""The conformance suite's fixtures on the application that serves our tools.

    python tests/conformance/server.py --port 3100 --mode stateless --store memory

Only the tools, resources and prompts differ: access control, sessions and streams are those of
the hosted service.
"""

import argparse
import logging
from typing import Any, get_args

import anyio
import client_input
import fixtures
from definitions import Context
from mcp.server import CacheHint, NotificationOptions, Server
from mcp.server.caching import CacheableMethod
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import ListenHandler
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    EmptyResult,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    ServerCapabilities,
    TextContent,
)
from pydantic import BaseModel

from portkey_admin_mcp.server.calls.outcome import Outcome
from portkey_admin_mcp.server.calls.result_size import compact
from portkey_admin_mcp.server.fastpath.answers import FastPath
from portkey_admin_mcp.server.http.app import build_http
from portkey_admin_mcp.server.http.serve import run
from portkey_admin_mcp.server.mcp.modern_fields import record_modern_fields
from portkey_admin_mcp.server.modes.mode import Mode
from portkey_admin_mcp.server.offer.offer import Offer
from portkey_admin_mcp.settings.hosting import Hosting

NAME = "conformance"
LIST_CACHE_MS = 300_000
CHANGE_NOTIFICATIONS = NotificationOptions(
    prompts_changed=True, resources_changed=True, tools_changed=True
)
ENCRYPTION_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
"""Encrypts the events that are kept in Redis."""

FAST_PATH_TOOLS = frozenset({"test_simple_text", "test_error_handling"})
"""The fixtures that the fast path may call: they return text, and send the client nothing else."""

TOOLS = {tool.definition.name: tool for tool in (*fixtures.TOOLS, *client_input.TOOLS)}
PROMPTS = {prompt.definition.name: prompt for prompt in (*fixtures.PROMPTS, *client_input.PROMPTS)}


async def list_tools(_context: Context, _params: Any) -> ListToolsResult:
    return ListToolsResult(tools=[tool.definition for tool in TOOLS.values()])


async def call_tool(
    context: Context, params: CallToolRequestParams
) -> CallToolResult | InputRequiredResult:
    if params.name not in TOOLS:
        raise MCPError(INVALID_PARAMS, f"There is no tool {params.name!r}")
    return await TOOLS[params.name].call(context, params)


async def list_resources(_context: Context, _params: Any) -> ListResourcesResult:
    return ListResourcesResult(resources=fixtures.RESOURCES)


async def list_resource_templates(_context: Context, _params: Any) -> ListResourceTemplatesResult:
    return ListResourceTemplatesResult(resource_templates=[fixtures.RESOURCE_TEMPLATE])


async def list_prompts(_context: Context, _params: Any) -> ListPromptsResult:
    return ListPromptsResult(prompts=[prompt.definition for prompt in PROMPTS.values()])


async def get_prompt(
    context: Context, params: GetPromptRequestParams
) -> GetPromptResult | InputRequiredResult:
    if params.name not in PROMPTS:
        raise MCPError(INVALID_PARAMS, f"There is no prompt {params.name!r}")
    return await PROMPTS[params.name].render(context, params)


async def acknowledge(_context: Context, _params: Any) -> EmptyResult:
    """Accept a request that changes nothing here."""
    return EmptyResult()


class FixtureServer(Server[Any]):
    """A server that announces change notifications to clients of every revision.

    The SDK announces them from revision 2026-07-28 only; the fast path has one announcement.
    """

    def get_capabilities(
        self, notification_options: NotificationOptions | None = None, *arguments: Any, **named: Any
    ) -> ServerCapabilities:
        return super().get_capabilities(CHANGE_NOTIFICATIONS, *arguments, **named)


def create_server() -> FixtureServer:
    """The SDK's server with all fixtures."""
    server = FixtureServer(
        NAME,
        version="1",
        cache_hints=dict.fromkeys(get_args(CacheableMethod), CacheHint(LIST_CACHE_MS, "private")),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_resource_templates,
        on_read_resource=fixtures.read_resource,
        on_subscribe_resource=acknowledge,
        on_unsubscribe_resource=acknowledge,
        on_subscriptions_listen=ListenHandler(fixtures.subscriptions),
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_completion=fixtures.complete,
        on_set_logging_level=acknowledge,
    )
    # Encrypts the state of a call whose input is required, and refuses one that was changed.
    security = RequestStateSecurity.ephemeral()
    server.middleware.append(RequestStateBoundary(security, default_audience=NAME))
    return server


def fast_path_for(server: Server[Any]) -> FastPath:
    """The fast path in front of this server, which offers the same."""
    sdk_tools = frozenset(TOOLS.keys() - FAST_PATH_TOOLS)
    return FastPath(offer_of(server), call_fast, lambda name, _arguments: name in sdk_tools)


def offer_of(server: Server[Any]) -> Offer:
    """All fixtures, as the fast path lists them."""
    tools = [plain(tool.definition) for tool in TOOLS.values()]
    head = {
        "capabilities": plain(server.get_capabilities()),
        "instructions": "",
        "serverInfo": plain(server.server_info),
        "modern": anyio.run(record_modern_fields, server),
        "modes": {"full": Mode.manifest_entry()},
        "tools": [
            {"name": tool["name"], "domain": "", "effect": "read", "module": ""} for tool in tools
        ],
        "prompts": [unconditional(prompt.definition) for prompt in PROMPTS.values()],
        "resources": [unconditional(resource) for resource in fixtures.RESOURCES],
        "resourceTemplates": [unconditional(fixtures.RESOURCE_TEMPLATE)],
    }
    return Offer.of(head, [compact(tool) for tool in tools])


def plain(model: BaseModel) -> dict[str, Any]:
    """A model as it is sent."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def unconditional(definition: BaseModel) -> dict[str, Any]:
    """Something that is offered whatever tools are."""
    return {"needs": [], "definition": plain(definition)}


async def call_fast(name: str, _arguments: dict[str, Any]) -> Outcome:
    """Call one of FAST_PATH_TOOLS."""
    result = fixtures.FIXED_RESULTS[name]
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    return Outcome(texts, is_error=result.is_error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mode", choices=["stateful", "stateless"], default="stateful")
    parser.add_argument("--store", choices=["off", "memory", "redis"], default="off")
    parser.add_argument("--fast-path", choices=["on", "off"], default="on")
    parser.add_argument("--redis", help="address of Redis, for --store redis")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    hosting = Hosting(
        MCP_PORT=arguments.port,
        MCP_SESSION_MODE=arguments.mode,
        MCP_EVENT_STORE=arguments.store,
        MCP_ALLOW_UNAUTHENTICATED_HTTP=True,
        RATE_LIMIT_ENABLED=False,
        MCP_REDIS_URL=arguments.redis,
        MCP_EVENT_ENCRYPTION_KEY=ENCRYPTION_KEY,
    )
    server = create_server()
    fast_path = fast_path_for(server) if arguments.fast_path == "on" else None
    run(build_http(server, hosting, fast_path=fast_path), hosting)


if __name__ == "__main__":
    main()

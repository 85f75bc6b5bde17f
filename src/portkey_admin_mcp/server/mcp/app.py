"""The MCP server: the SDK's server with a handler for each method."""

import logging
import os
from collections.abc import Mapping
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

import mcp_types as types
from mcp.server import Server
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel

from ...portkey.progress import Progress, current_progress
from ...safety.asking import current_asker
from ...safety.caller import called_with
from ..calls.outcome import InputRequired
from ..calls.tool_calls import ToolCalls
from ..offer.offer import LISTS, MAX_SELECTIONS, SKILLS, Offer
from .asking import asker_of, input_required, state_boundary
from .completions import complete
from .prompts import PromptArgumentsMissing, write_prompt
from .resources import read_resource
from .skill_handlers import SkillHandlers, served_at
from .skills.skill import MARKDOWN, SCHEME

if TYPE_CHECKING:
    from .skills.methods import OfferedSkills

FRESH_MS = 300_000
"""Milliseconds for which a client may cache a list or a resource."""
KEPT_BY_CLIENTS: tuple[Any, ...] = (*LISTS, "server/discover", "resources/read")

LIST_RESULTS: dict[str, type[BaseModel]] = {
    "tools/list": types.ListToolsResult,
    "prompts/list": types.ListPromptsResult,
    "resources/list": types.ListResourcesResult,
    "resources/templates/list": types.ListResourceTemplatesResult,
}

log = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]


class AdminServer(Server[Any]):
    """The SDK's server, limited to what is offered to the current request.

    `state_key`, at least 32 secret bytes, seals the state of questions; replicas share it. Without
    it each process has its own.
    """

    def __init__(self, calls: ToolCalls, state_key: bytes = b"") -> None:
        self._calls = calls
        info = calls.offer.server_info
        super().__init__(
            info["name"],
            version=info["version"],
            instructions=calls.offer.announcement["instructions"],
            cache_hints={method: CacheHint(FRESH_MS, "private") for method in KEPT_BY_CLIENTS},
            get_tool_input_schema=self._input_schema,
            on_list_tools=self._list("tools/list"),
            on_list_prompts=self._list("prompts/list"),
            on_list_resources=self._list("resources/list"),
            on_list_resource_templates=self._list("resources/templates/list"),
            on_call_tool=self._call_tool,
            on_get_prompt=self._get_prompt,
            on_read_resource=self._read_resource,
            on_completion=self._complete,
        )
        SkillHandlers(lambda: self._skills, lambda: SKILLS in self._extensions).add_to(self)
        self.middleware.append(state_boundary(state_key or os.urandom(32), info["name"]))

    def get_capabilities(self, *_options: Any, **_named: Any) -> types.ServerCapabilities:
        """The capabilities that are offered to the current request."""
        return types.ServerCapabilities.model_validate(self._offer.announcement["capabilities"])

    @cached_property
    def _skills(self) -> "OfferedSkills":
        from .skills.methods import OfferedSkills  # imports a reader of YAML, so only when needed

        return OfferedSkills(self._calls)

    @property
    def _extensions(self) -> Mapping[str, Any]:
        """The extensions that are announced to the current request, with their settings."""
        extensions: Mapping[str, Any] = self._offer.announcement["capabilities"].get(
            "extensions", {}
        )
        return extensions

    @property
    def _offer(self) -> Offer:
        return self._calls.offer.current

    def _input_schema(self, name: str) -> Mapping[str, Any] | None:
        tool = self._calls.offer.tools.get(name)
        return None if tool is None else tool.input_schema

    def _list(self, method: str) -> Any:
        async def handle(_context: Context, _params: Any) -> BaseModel:
            return _listing(self._offer, method)

        return handle

    async def _call_tool(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        current_asker.set(asker_of(context, params))
        current_progress.set(Progress(partial(_report, context)))
        called_with(client_of(context))
        try:
            outcome = await self._calls(params.name, params.arguments or {})
        except InputRequired as question:
            return input_required(question)
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text) for text in outcome.texts],
            structured_content=outcome.structured,
            is_error=outcome.is_error,
        )

    async def _get_prompt(
        self, _context: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        offered = {prompt["name"]: prompt for prompt in self._offer.definitions("prompts")}
        if params.name not in offered:
            raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name[:60]!r}")
        try:
            text = write_prompt(params.name, params.arguments or {})
        except PromptArgumentsMissing as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from None
        content = types.TextContent(type="text", text=text)
        return types.GetPromptResult(
            description=offered[params.name]["description"],
            messages=[types.PromptMessage(role="user", content=content)],
        )

    async def _read_resource(
        self, _context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        uri = str(params.uri)
        if uri.startswith(SCHEME):
            text = await served_at(uri, self._skills.read(uri))
            return _text_resource(uri, MARKDOWN, text)
        resource = await served_at(uri, read_resource(uri, self._calls))
        return _text_resource(uri, resource.mime_type, resource.text)

    async def _complete(
        self, _context: Context, params: types.CompleteRequestParams
    ) -> types.CompleteResult:
        reference = params.ref.model_dump(by_alias=True, mode="json")
        completion = await complete(
            self._calls, reference, params.argument.name, params.argument.value
        )
        return types.CompleteResult(completion=completion)


def _text_resource(uri: str, mime_type: str, text: str) -> types.ReadResourceResult:
    content = types.TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return types.ReadResourceResult(contents=[content])


async def _report(context: Context, done: float, total: float | None, message: str) -> None:
    """Tell the client how far its call is; nothing is sent if it gave no progress token."""
    await context.session.report_progress(done, total, message or None)


def client_of(context: Context) -> str:
    """The client program of a request, as `name/version`; empty if it does not say."""
    params = context.session.client_params
    return "" if params is None else f"{params.client_info.name}/{params.client_info.version}"


@lru_cache(maxsize=MAX_SELECTIONS * len(LISTS))
def _listing(offer: Offer, method: str) -> BaseModel:
    """A list as the SDK's model; cached, because it takes longer to build than to send."""
    return LIST_RESULTS[method].model_validate_json(b"{%b}" % offer.lists[method])

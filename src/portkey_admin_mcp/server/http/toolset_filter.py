"""Limit a client to some toolsets, by `?tools=users,mcp` or the header X-MCP-Toolsets."""

from contextvars import ContextVar
from difflib import get_close_matches
from typing import Any

from fastmcp.exceptions import NotFoundError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ...domains import GROUPS, domains_of
from ...portkey.catalog import Tool
from .request import header_values

HEADER = "x-mcp-toolsets"

_selected: ContextVar[frozenset[str] | None] = ContextVar("selected_toolsets", default=None)


def selected_toolsets() -> frozenset[str] | None:
    """The toolsets that the request being served is limited to; None where it is not."""
    return _selected.get()


class ToolsetSelection:
    """ASGI middleware that reads the requested toolsets, and answers 400 to an unknown one."""

    def __init__(self, app: ASGIApp, domains: list[str]) -> None:
        self._app = app
        self._domains = domains

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its toolsets in a context variable."""
        if not scope["query_string"] and not header_values(scope, HEADER):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        requested = [request.query_params.get("tools"), request.headers.get(HEADER)]
        lists = [set(filter(None, map(str.strip, text.split(",")))) for text in requested if text]
        for name in sorted(set().union(*lists)):
            if {*domains_of(name)} & {*self._domains}:
                continue
            refusal = JSONResponse(
                {"error": "unknown_toolset", "message": self._correction(name)}, 400
            )
            await refusal(scope, receive, send)
            return
        chosen = [frozenset(d for name in names for d in domains_of(name)) for names in lists]
        token = _selected.set(frozenset.intersection(*chosen) if chosen else None)
        try:
            await self._app(scope, receive, send)
        finally:
            _selected.reset(token)

    def _correction(self, name: str) -> str:
        near = get_close_matches(name, [*self._domains, *GROUPS], n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self._domains)}"
        return f"There is no toolset {name[:40]!r}; {hint}"


class ToolsetFilter(Middleware):
    """MCP middleware that lists and calls only the tools of the selected toolsets."""

    def __init__(self, tools: list[Tool]) -> None:
        self._domain = {tool.name: tool.domain for tool in tools}

    async def on_list_tools(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        """Leave out the tools of other toolsets."""
        return [tool for tool in await call_next(context) if self._is_selected(tool.name)]

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        """Raise NotFoundError for a tool of another toolset."""
        if not self._is_selected(context.message.name):
            raise NotFoundError(f"Unknown tool: {context.message.name!r}")
        return await call_next(context)

    def _is_selected(self, name: str) -> bool:
        """A name of no toolset passes: it finds tools, or it is no tool at all."""
        selected = _selected.get()
        return selected is None or name not in self._domain or self._domain[name] in selected

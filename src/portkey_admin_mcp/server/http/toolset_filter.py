"""Fewer tools for one client: `?tools=users,configs` or `X-MCP-Toolsets`. Never more."""

from contextvars import ContextVar
from difflib import get_close_matches
from typing import Any

from fastmcp.exceptions import NotFoundError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ...catalog import Tool

_wanted: ContextVar[frozenset[str] | None] = ContextVar("wanted", default=None)


class Narrow:
    """Reads which domains a request asks for; an unknown one is refused with the nearest."""

    def __init__(self, app: ASGIApp, domains: list[str]) -> None:
        self._app = app
        self._domains = domains

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its domains, if it names any."""
        request = Request(scope)
        asked = [request.query_params.get("tools"), request.headers.get("x-mcp-toolsets")]
        lists = [set(filter(None, map(str.strip, text.split(",")))) for text in asked if text]
        for name in sorted(set().union(*lists) - set(self._domains)):
            refusal = JSONResponse({"error": "unknown_toolset", "message": self._cure(name)}, 400)
            await refusal(scope, receive, send)
            return
        token = _wanted.set(frozenset.intersection(*map(frozenset, lists)) if lists else None)
        try:
            await self._app(scope, receive, send)
        finally:
            _wanted.reset(token)

    def _cure(self, name: str) -> str:
        near = get_close_matches(name, self._domains, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self._domains)}"
        return f"There is no toolset {name[:40]!r}; {hint}"


class Narrowed(Middleware):
    """Lists and calls only the tools of the domains that were asked for."""

    def __init__(self, tools: list[Tool]) -> None:
        self._domain = {tool.name: tool.domain for tool in tools}

    async def on_list_tools(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        """Leave out what was not asked for."""
        return [tool for tool in await call_next(context) if self._offers(tool.name)]

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        """Answer as if a tool outside did not exist."""
        if not self._offers(context.message.name):
            raise NotFoundError(f"Unknown tool: {context.message.name!r}")
        return await call_next(context)

    def _offers(self, name: str) -> bool:
        wanted = _wanted.get()
        return wanted is None or self._domain.get(name) in wanted

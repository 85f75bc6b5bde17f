"""Limit a client to some toolsets, by `?tools=users,mcp` or the header X-MCP-Toolsets."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ...domains import GROUPS, domains_of
from ...suggestions import MAX_NAME_LENGTH, suggest
from ..offer.toolsets import limited_to
from .request import header_values

PARAMETER = "tools"
HEADER = "x-mcp-toolsets"


class ToolsetSelection:
    """ASGI middleware that reads the requested toolsets, and answers 400 to an unknown one.

    Several parameters or headers are intersected: each can remove toolsets, none can add any.
    """

    def __init__(self, app: ASGIApp, domains: list[str]) -> None:
        self._app = app
        self._domains = domains

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request with the toolsets that it selects."""
        headers = header_values(scope, HEADER)
        if not scope["query_string"] and not headers:
            await self._app(scope, receive, send)
            return
        texts = [*Request(scope).query_params.getlist(PARAMETER), *headers]
        lists = [names for text in texts if (names := set(_names(text)))]
        unknown = [n for n in sorted(set().union(*lists)) if not self._is_offered(n)]
        if unknown:
            error = {"error": "unknown_toolset", "message": self._correction(unknown[0])}
            await JSONResponse(error, 400)(scope, receive, send)
            return
        chosen = [frozenset(d for name in names for d in domains_of(name)) for names in lists]
        with limited_to(frozenset.intersection(*chosen) if chosen else None):
            await self._app(scope, receive, send)

    def _is_offered(self, toolset: str) -> bool:
        return not {*domains_of(toolset)}.isdisjoint(self._domains)

    def _correction(self, name: str) -> str:
        hint = suggest(name, [*self._domains, *GROUPS], limit=1)
        advice = hint or f"there are {', '.join(self._domains)}"
        return f"There is no toolset {name[:MAX_NAME_LENGTH]!r}; {advice}"


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]

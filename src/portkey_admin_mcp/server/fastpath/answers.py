"""the fast path itself: the answer to a request, as the bytes of a JSON-RPC response.

Standard library only; what a tool needs is imported by the function that calls it.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from ..calls.outcome import Outcome, unknown_tool
from .manifest import LISTS, Manifest
from .requests import LEGACY_VERSIONS, MODERN_VERSION, Request

Call = Callable[[str, dict[str, Any]], Awaitable[Outcome]]
"""Calls a tool by name with its arguments."""


class FastPath:
    """Answers requests from a manifest, and calls tools, except those that need a dialogue."""

    def __init__(
        self, manifest: Manifest, call: Call, interactive_tools: frozenset[str] = frozenset()
    ) -> None:
        self._manifest = manifest
        self._call = call
        self._interactive_tools = interactive_tools

    def takes(self, request: Request) -> bool:
        """Whether the fast path answers this; a tool that asks its client is the SDK's to call."""
        return (
            request.method != "tools/call" or request.params["name"] not in self._interactive_tools
        )

    def static_answer(self, request: Request) -> bytes | None:
        """The answer to a request that asks nobody; None for a call, or one for the SDK."""
        match request.method:
            case "initialize":
                return response(request, _inner(self._initialized(request.params)))
            case "server/discover":
                return response(request, _inner(self._discovered()))
            case "ping":
                return response(request, b"")
            case method if method in LISTS:
                return response(request, self._manifest.lists[method] + self._besides(request))
        return None

    async def called(self, request: Request) -> bytes:
        """Call the tool, and answer."""
        name = request.params["name"]
        if name in self._manifest.tools:
            outcome = await self._call(name, request.params.get("arguments", {}))
        else:
            outcome = unknown_tool(name, [*self._manifest.tools])
        return response(request, _call_result(outcome) + self._besides(request))

    def _initialized(self, params: dict[str, Any]) -> dict[str, Any]:
        asked = params["protocolVersion"]
        version = asked if asked in LEGACY_VERSIONS else LEGACY_VERSIONS[-1]
        info = self._manifest.server_info
        return {"protocolVersion": version, **self._manifest.announcement, "serverInfo": info}

    def _discovered(self) -> dict[str, Any]:
        besides = self._manifest.modern["discover"]
        return {"supportedVersions": [MODERN_VERSION], **self._manifest.announcement, **besides}

    def _besides(self, request: Request) -> bytes:
        if request.generation == "legacy":
            return b""
        kind = "call" if request.method == "tools/call" else "list"
        return b"," + _inner(self._manifest.modern[kind])


def response(request: Request, inner: bytes) -> bytes:
    """A JSON-RPC response; `inner` is the result without its braces."""
    asked = json.dumps(request.id).encode()
    return b'{"jsonrpc":"2.0","id":%b,"result":{%b}}' % (asked, inner)


def _call_result(outcome: Outcome) -> bytes:
    content = [{"type": "text", "text": text} for text in outcome.texts]
    inner = _inner({"content": content, "isError": outcome.is_error})
    if outcome.structured is None:
        return inner
    if outcome.is_json:  # and so it is written already
        structured = outcome.texts[0].encode()
    else:
        structured = b"{%b}" % _inner(outcome.structured)
    return b'%b,"structuredContent":%b' % (inner, structured)


def _inner(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))[1:-1].encode()

"""The fast path itself: the answer to a request, as the bytes of a JSON-RPC response.

Standard library only; what a tool needs is imported by the function that calls it.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from ..calls.outcome import Outcome
from ..offer.offer import LISTS, Offer, called_tool
from .requests import LEGACY_VERSIONS, MODERN_VERSION, PROGRESS_KEY, Request, client_of

MayAsk = Callable[[str, dict[str, Any]], bool]
"""Whether a call, by the tool's name and its arguments, may ask a person."""
Call = Callable[[str, dict[str, Any]], Awaitable[Outcome]]
"""Calls a tool by its name, as `ToolCalls` does."""


class FastPath:
    """Answers requests from the offer, and calls tools, unless a call sends more than its answer.

    A question to a person and a report of progress are messages that only the SDK can send.
    """

    def __init__(self, offer: Offer, call: Call, may_ask: MayAsk | None = None) -> None:
        self._offer = offer
        self._call = call
        self._may_ask = may_ask

    def takes(self, request: Request) -> bool:
        """Whether the fast path answers this request."""
        if request.method != "tools/call":
            return True
        name, arguments = request.params["name"], request.params.get("arguments", {})
        if PROGRESS_KEY in request.params.get("_meta", ()) and self._reports(name, arguments):
            return False
        return self._may_ask is None or not self._may_ask(name, arguments)

    def _reports(self, name: str, arguments: dict[str, Any]) -> bool:
        """Whether the call of this tool, or of the one that it calls, says how far it is."""
        tool = self._offer.tools.get(called_tool(name, arguments))
        return tool is not None and tool.reports_progress

    def static_answer(self, request: Request) -> bytes | None:
        """The answer to a request that calls no tool; None for a call."""
        offer = self._offer.current
        match request.method:
            case "initialize":
                return response(request, _inner(_initialized(offer, request.params)))
            case "server/discover":
                return response(request, _inner(_discovered(offer)))
            case "ping":
                return response(request, b"")
            case method if method in LISTS:
                return response(request, offer.lists[method] + self._modern_fields(request))
        return None

    async def call(self, request: Request, client: str = "") -> bytes:
        """Call the tool, and answer. `client` is the program that opened the session, if any."""
        name = request.params["name"]
        self._tell_client(name, request, client)
        outcome = await self._call(name, request.params.get("arguments", {}))
        return response(request, _call_result(outcome) + self._modern_fields(request))

    async def answer(self, request: Request) -> bytes:
        """The answer to any request that the fast path takes."""
        return self.static_answer(request) or await self.call(request)

    def _tell_client(self, name: str, request: Request, client: str) -> None:
        """Say which client calls, unless the tool only reads: no record names it then."""
        tool = self._offer.tools.get(name)
        if tool is not None and tool.effect == "read":
            return
        from ...safety.caller import called_with  # not at the top, because reads do without it

        is_legacy = request.generation == "legacy"
        called_with(client if is_legacy else client_of({"params": request.params}))

    def _modern_fields(self, request: Request) -> bytes:
        if request.generation == "legacy":
            return b""
        kind = "call" if request.method == "tools/call" else "list"
        return b"," + _inner(self._offer.modern_fields[kind])


def _initialized(offer: Offer, params: dict[str, Any]) -> dict[str, Any]:
    requested = params["protocolVersion"]
    version = requested if requested in LEGACY_VERSIONS else LEGACY_VERSIONS[-1]
    announcement = dict(offer.announcement)
    # Extensions are of revision 2026-07-28; the SDK leaves them out for older ones, too.
    capabilities = {n: v for n, v in announcement["capabilities"].items() if n != "extensions"}
    announcement["capabilities"] = capabilities
    return {"protocolVersion": version, **announcement, "serverInfo": offer.server_info}


def _discovered(offer: Offer) -> dict[str, Any]:
    fields = offer.modern_fields["discover"]
    return {"supportedVersions": [MODERN_VERSION], **offer.announcement, **fields}


def response(request: Request, inner: bytes) -> bytes:
    """A JSON-RPC response; `inner` is the result without its braces."""
    id = b"%d" % request.id if isinstance(request.id, int) else json.dumps(request.id).encode()
    return b'{"jsonrpc":"2.0","id":%b,"result":{%b}}' % (id, inner)


def _call_result(outcome: Outcome) -> bytes:
    from pydantic_core import to_json  # not at the top, because lists are answered without it

    content = b",".join(b'{"type":"text","text":%b}' % to_json(text) for text in outcome.texts)
    is_error = b"true" if outcome.is_error else b"false"
    result = b'"content":[%b],"isError":%b' % (content, is_error)
    if outcome.structured is None:
        return result
    # With `is_json`, the first text is the structured content, already as JSON.
    text = outcome.texts[0] if outcome.is_json else outcome.json
    structured = to_json(outcome.structured) if text is None else text.encode()
    return b'%b,"structuredContent":%b' % (result, structured)


def _inner(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))[1:-1].encode()

"""The state of one connection on stdio, and which of its messages the fast path answers."""

from collections.abc import Awaitable
from typing import Any

from .answers import FastPath
from .requests import Generation, Request, client_of, recognised

OPENING_ID = "fast-path-opening"
"""The id of the request that repeats the handshake to the SDK; its answer is not passed on."""


class FastPathConnection:
    """The fast path for one client; the first request decides the generation, as in the SDK.

    `is_open` becomes false, and stays false, if the first request is one that only the SDK can
    answer; from then on the SDK answers everything.
    """

    def __init__(self, fast_path: FastPath | None) -> None:
        self._fast_path = fast_path
        self.is_open = fast_path is not None
        self._generation: Generation | None = None
        self._client = ""
        self.opening: list[dict[str, Any]] = []
        """The messages to send to the SDK first, if it is started later."""

    def request(self, message: Any) -> Request | None:
        """The request in a message, if the fast path may answer it on this connection."""
        if not self.is_open or self._fast_path is None:
            return None
        request = recognised(message)
        if request is not None and not self._fast_path.takes(request):
            request = None
        if self._generation is None:
            if isinstance(message, dict) and "method" in message:
                self._open(message, request)
            return request if self.is_open else None
        if (
            request is None
            or request.generation != self._generation
            or request.method == "initialize"
        ):
            return None
        return request

    def static_answer(self, request: Request) -> bytes | None:
        """The answer to a request that calls no tool, or None."""
        return None if self._fast_path is None else self._fast_path.static_answer(request)

    def call(self, request: Request) -> Awaitable[bytes]:
        """Call the tool, and answer."""
        assert self._fast_path is not None  # `request` returns none without it
        return self._fast_path.call(request, self._client)

    def needs_no_answer(self, message: Any) -> bool:
        """Whether this notification ends the handshake; it is repeated to an SDK started later."""
        if not self.is_open or self._generation != "legacy" or not isinstance(message, dict):
            return False
        if message.keys() - {"params"} != {"jsonrpc", "method"}:
            return False
        is_end = message["method"] == "notifications/initialized" and not message.get("params")
        if is_end and len(self.opening) == 1:
            self.opening.append(message)
        return is_end

    def _open(self, message: dict[str, Any], request: Request | None) -> None:
        opens = request is not None and (
            request.generation == "modern" or request.method == "initialize"
        )
        if not opens or request is None:
            self.is_open = False
            return
        self._generation = request.generation
        self._client = client_of(message)
        method = "initialize" if request.generation == "legacy" else "server/discover"
        params = message["params"] if request.generation == "legacy" else {"_meta": _meta(message)}
        self.opening = [{"jsonrpc": "2.0", "id": OPENING_ID, "method": method, "params": params}]


def _meta(message: dict[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = message["params"]["_meta"]
    return {name: value for name, value in meta.items() if name != "progressToken"}

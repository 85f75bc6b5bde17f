"""What a connection on stdio has agreed on, and which of its messages the lane answers."""

from typing import Any

from .lane import Lane
from .requests import Era, Request, recognised

OPENING_ID = "express-lane-opening"
"""The id under which the SDK is told how a connection opened, and whose answer is kept back."""


class LaneConnection:
    """The lane for one client: its first request decides the era, as in the SDK.

    `is_open` turns false, for good, where a client opens in a way that only the SDK understands;
    then everything is the SDK's.
    """

    def __init__(self, lane: Lane | None) -> None:
        self._lane = lane
        self.is_open = lane is not None
        self._era: Era | None = None
        self.opening: list[dict[str, Any]] = []
        """What the SDK must hear before anything else, when it is started later."""

    def request(self, message: Any) -> Request | None:
        """The request that a message is, if the lane may answer it on this connection."""
        if not self.is_open or self._lane is None:
            return None
        request = recognised(message)
        if request is not None and not self._lane.takes(request):
            request = None
        if self._era is None:
            if isinstance(message, dict) and "method" in message:
                self._open(message, request)
            return request if self.is_open else None
        if request is None or request.era != self._era or request.method == "initialize":
            return None
        return request

    def static_answer(self, request: Request) -> bytes | None:
        """The answer to a request that asks nobody, or None."""
        return None if self._lane is None else self._lane.static_answer(request)

    async def called(self, request: Request) -> bytes:
        """Call the tool, and answer."""
        assert self._lane is not None
        return await self._lane.called(request)

    def needs_no_answer(self, message: Any) -> bool:
        """Whether this is the end of the handshake, which the SDK is told of if it is started."""
        if not self.is_open or self._era != "legacy" or not isinstance(message, dict):
            return False
        if message.keys() - {"params"} != {"jsonrpc", "method"}:
            return False
        is_end = message["method"] == "notifications/initialized" and not message.get("params")
        if is_end and len(self.opening) == 1:
            self.opening.append(message)
        return is_end

    def _open(self, message: dict[str, Any], request: Request | None) -> None:
        opens = request is not None and (request.era == "modern" or request.method == "initialize")
        if not opens or request is None:
            self.is_open = False
            return
        self._era = request.era
        method = "initialize" if request.era == "legacy" else "server/discover"
        params = message["params"] if request.era == "legacy" else {"_meta": _meta(message)}
        self.opening = [{"jsonrpc": "2.0", "id": OPENING_ID, "method": method, "params": params}]


def _meta(message: dict[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = message["params"]["_meta"]
    return {name: value for name, value in meta.items() if name != "progressToken"}

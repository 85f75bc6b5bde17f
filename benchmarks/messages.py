"""The messages for both servers: JSON-RPC, and the HTTP requests that contain them.

Ids have a fixed width, so that a request is created by writing a number into bytes.
"""

import json
from dataclasses import dataclass, field
from typing import Any

FIRST_ID = 1_000_000
SESSION_REVISION = "2025-11-25"
SESSIONLESS_REVISION = "2026-07-28"
TOOL = "list_configs"
CLIENT = {"name": "benchmark", "version": "1"}
ID_FIELD = f'"id":{FIRST_ID}'.encode()
"""The id of a request, as compact JSON."""


@dataclass(frozen=True)
class Message:
    """A request; `mark` is text that a successful answer contains."""

    method: str
    params: dict[str, Any]
    mark: bytes
    revision: str = SESSION_REVISION
    id: int | None = FIRST_ID

    @property
    def body(self) -> bytes:
        """Compact JSON."""
        params = dict(self.params)
        if self.revision == SESSIONLESS_REVISION:
            about = "io.modelcontextprotocol/"
            params["_meta"] = {
                f"{about}protocolVersion": self.revision,
                f"{about}clientInfo": CLIENT,
                f"{about}clientCapabilities": {},
            }
        request: dict[str, Any] = {"jsonrpc": "2.0", "method": self.method, "params": params}
        if self.id is not None:
            request["id"] = self.id
        return json.dumps(request, separators=(",", ":")).encode()

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers that this request needs."""
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
        }
        if self.method != "initialize":
            headers["mcp-protocol-version"] = self.revision
        if self.revision == SESSIONLESS_REVISION:
            headers["mcp-method"] = self.method
            if "name" in self.params:
                headers["mcp-name"] = self.params["name"]
        return headers


INITIALIZE = Message(
    "initialize",
    {"protocolVersion": SESSION_REVISION, "capabilities": {}, "clientInfo": CLIENT},
    b"serverInfo",
)
INITIALIZED = Message("notifications/initialized", {}, b"", id=None)
LIST = Message("tools/list", {}, b"inputSchema")
CALL = Message("tools/call", {"name": TOOL, "arguments": {}}, b"cfg-marked")
SESSIONLESS_LIST = Message("tools/list", {}, b"inputSchema", SESSIONLESS_REVISION)
SESSIONLESS_CALL = Message("tools/call", CALL.params, CALL.mark, SESSIONLESS_REVISION)
FAILURE_MARKS = (b'"isError":true', b'"isError": true')


@dataclass
class Numbered:
    """A request that is sent many times, each time with the next id."""

    message: Message
    end: bytes = b""
    head: bytes = b""
    _next: int = field(default=FIRST_ID, init=False)

    def __post_init__(self) -> None:
        before, _, after = self.message.body.partition(ID_FIELD)
        self._before = self.head + before + b'"id":'
        self._after = after + self.end

    def next(self) -> bytes:
        """The next request, in bytes."""
        self._next += 1
        return self._before + b"%d" % self._next + self._after


def check(answer: bytes, message: Message) -> None:
    """Raise ValueError if an answer is an error, or does not answer this message."""
    if message.mark not in answer or any(mark in answer for mark in FAILURE_MARKS):
        raise ValueError(f"{message.method} was answered {answer[:600]!r}")

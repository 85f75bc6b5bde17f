"""What is judged of a JSON-RPC message before the SDK sees it: its id, and whether it is one.

Does not import the SDK, so it can be used before that is loaded.
"""

import json
from typing import Any, NamedTuple

import pydantic_core

PARSE_ERROR = -32700
INVALID_REQUEST = -32600

NOT_JSON = "Parse error: the line is no JSON in UTF-8."
NOT_READABLE = (
    "Invalid Request: the line holds half a surrogate pair or bytes that are not UTF-8, or is "
    "nested too deep."
)
NOT_A_MESSAGE = "Invalid Request: the line is no request or notification of JSON-RPC 2.0."

RequestId = str | int


class Line(NamedTuple):
    """A line of input: what it says, and the answer to one that the SDK would drop in silence."""

    message: Any
    """As decoded; None if it cannot be."""
    refusal: bytes | None
    """A JSON-RPC error without an end of line, or None for a line that the SDK may have."""


def read_line(line: bytes) -> Line:
    """Decode a line and judge it; the same parser as the SDK's judges alike.

    A blank line and a malformed response are not answered: JSON-RPC has no answer to them.
    """
    try:
        message = pydantic_core.from_json(line)
    except ValueError:
        return Line(None, _unreadable(line) if line.strip() else None)
    if _is_acceptable(message):
        return Line(message, None)
    return Line(message, error_line(request_id(message), INVALID_REQUEST, NOT_A_MESSAGE))


def request_id(message: Any) -> RequestId | None:
    """The id of a decoded request, or None if it has none that can be answered."""
    found = message.get("id") if isinstance(message, dict) else None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    return found


def id_in_use(request_id: RequestId) -> str:
    """Why a second request under the id of an unanswered one is refused."""
    shown = json.dumps(request_id)[:100]
    return f"Invalid Request: the id {shown} belongs to a request that is not answered yet."


def error_object(request_id: RequestId | None, code: int, message: str) -> dict[str, Any]:
    """A JSON-RPC error."""
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}


def error_line(request_id: RequestId | None, code: int, message: str) -> bytes:
    """A JSON-RPC error as bytes, without an end of line."""
    return json.dumps(error_object(request_id, code, message), separators=(",", ":")).encode()


def _is_acceptable(message: Any) -> bool:
    """Whether this is a request or a notification, or a response, which is never refused."""
    if not isinstance(message, dict):
        return False
    if "method" not in message:
        return "result" in message or "error" in message
    # With an id of null the SDK takes it for a notification, and so may a client mean it. With
    # any other wrong id the SDK does that too, and the sender would wait for an answer.
    has_sound_id = message.get("id") is None or request_id(message) is not None
    return (
        message.get("jsonrpc") == "2.0"
        and isinstance(message["method"], str)
        and isinstance(message.get("params"), dict | None)
        and has_sound_id
    )


def _unreadable(line: bytes) -> bytes:
    """The answer to a line the SDK cannot parse; Python's parser takes more, and finds its id."""
    try:
        found = request_id(json.loads(line.decode("utf-8", "replace")))
    except RecursionError:
        found = None
    except ValueError:
        return error_line(None, PARSE_ERROR, NOT_JSON)
    if isinstance(found, str) and not found.isascii():
        found = None  # it may be what cannot be read
    return error_line(found, INVALID_REQUEST, NOT_READABLE)

"""Check JSON-RPC messages before the SDK gets them: their ids, and errors for invalid ones.

Does not import the SDK, so it can be used before the SDK is loaded.
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
WRONG_ID = "Invalid Request: the id of a request must be a string or an integer."
NOT_A_MESSAGE = "Invalid Request: the line is no request or notification of JSON-RPC 2.0."

RequestId = str | int


class Line(NamedTuple):
    """A line of input, and the error to send if the SDK would silently drop it."""

    message: Any
    """The decoded message; None if it cannot be decoded."""
    refusal: bytes | None
    """A JSON-RPC error without an end of line, or None if the line is acceptable."""


def read_line(line: bytes) -> Line:
    """Decode a line and check it, with the parser that the SDK uses.

    A blank line and a malformed response are not answered: JSON-RPC has no answer to them.
    """
    try:
        message = pydantic_core.from_json(line)
    except ValueError:
        return Line(None, _unreadable(line) if line.strip() else None)
    if not _is_acceptable(message):
        return Line(message, error_line(request_id(message), INVALID_REQUEST, NOT_A_MESSAGE))
    return Line(message, wrong_id_error(message))


def request_id(message: Any) -> RequestId | None:
    """The id of a decoded request, or None if it has none that can be answered."""
    id = message.get("id") if isinstance(message, dict) else None
    return None if isinstance(id, bool) or not isinstance(id, str | int) else id


def wrong_id_error(message: Any) -> bytes | None:
    """The error for a request whose id is not valid, which the SDK takes for a notification.

    None for any other message, and for a notification with the id null.
    """
    if not isinstance(message, dict) or "method" not in message or "id" not in message:
        return None
    is_notification = message["id"] is None and str(message["method"]).startswith("notifications/")
    if is_notification or request_id(message) is not None:
        return None
    return error_line(None, INVALID_REQUEST, WRONG_ID)


def id_in_use(request_id: RequestId) -> str:
    """The error message for a request with the id of another one that is not yet answered."""
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
    return (
        message.get("jsonrpc") == "2.0"
        and isinstance(message["method"], str)
        and isinstance(message.get("params"), dict | None)
    )


def _unreadable(line: bytes) -> bytes:
    """The error for a line that the SDK cannot parse; its id is found with Python's parser."""
    try:
        id = request_id(json.loads(line.decode("utf-8", "replace")))
    except RecursionError:
        id = None
    except ValueError:
        return error_line(None, PARSE_ERROR, NOT_JSON)
    if isinstance(id, str) and not id.isascii():
        id = None  # it may be the part that cannot be read
    return error_line(id, INVALID_REQUEST, NOT_READABLE)

"""The error that ends the stream of a call that will not be answered.

Without it, a client that resumes the stream would wait for an answer for ever.
"""

from typing import Any, Literal

from ...json_rpc import RequestId

NOT_ANSWERED = -32010
"""The error's code: one of those that JSON-RPC and MCP leave to implementations."""

Reason = Literal["server_stopped", "session_ended", "timed_out", "not_kept"]

SENTENCES: dict[Reason, str] = {
    "server_stopped": "The server stopped before the answer",
    "session_ended": "The session ended before the answer",
    "timed_out": "There was no answer in the time that a call may take",
    "not_kept": "The answer could not be kept",
}
ADVICE = "the call may have taken effect. Look before you send it again."


def not_answered(request_id: RequestId, reason: Reason) -> dict[str, Any]:
    """The JSON-RPC error; its `data` has the reason, and that the outcome is unknown."""
    error = {
        "code": NOT_ANSWERED,
        "message": f"{SENTENCES[reason]}; {ADVICE}",
        "data": {"reason": reason, "outcome": "unknown"},
    }
    return {"jsonrpc": "2.0", "id": request_id, "error": error}

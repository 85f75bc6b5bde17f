"""Ask the person at an MCP client: by elicitation, or since 2026-07-28 by `input_required`."""

import asyncio
import json
import secrets
import time
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError

from ...safety.asking import Asker, Question, Reply
from ...safety.caller import current_caller
from ...safety.door import REPLY_S
from ..calls.outcome import InputRequired

Context = ServerRequestContext[Any, Any]

KEY = "confirm"
FIELD = "name"
MODERN_VERSION = "2026-07-28"


def asker_of(context: Context, params: types.CallToolRequestParams) -> Asker | None:
    """How to ask the person at the client of a request; None if it cannot show a form."""
    capabilities = context.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        return None
    if context.protocol_version >= MODERN_VERSION:
        return AskByResult(params)
    return AskBySession(context) if context.session.can_send_request else None


class AskBySession:
    """Asks with a request of the server's own, and waits for the answer."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, question: Question) -> Reply:
        """Ask, and wait at most REPLY_S seconds."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(REPLY_S):
                result = await self._context.session.elicit_form(
                    question.message, _schema(question), self._context.request_id
                )
        except TimeoutError:
            return Reply("timeout")
        except MCPError:
            return Reply("cancel")
        return _reply(result, time.monotonic() - started, question.binding)


class AskByResult:
    """Ends the call with the question; the client repeats the call with the answer.

    The state that it sends back was sealed by `RequestStateBoundary`, which has checked that it
    belongs to this caller, tool and arguments, and is not too old.
    """

    def __init__(self, params: types.CallToolRequestParams) -> None:
        self._params = params

    async def __call__(self, question: Question) -> Reply:
        """The reply in this request; raises InputRequired to ask if there is none."""
        result = (self._params.input_responses or {}).get(KEY)
        state = self._params.request_state
        if state is None or not isinstance(result, types.ElicitResult):
            raise InputRequired(question.message, question.label, question.binding)
        asked = json.loads(state)
        return _reply(result, time.time() - asked["at"], asked["binding"], asked["nonce"])


def input_required(question: InputRequired) -> types.InputRequiredResult:
    """The result that asks a question, with the state that the boundary seals."""
    params = types.ElicitRequestFormParams(
        message=question.message, requested_schema=_schema(question)
    )
    state = {"binding": question.binding, "nonce": secrets.token_hex(16), "at": time.time()}
    return types.InputRequiredResult(
        input_requests={KEY: types.ElicitRequest(params=params)}, request_state=json.dumps(state)
    )


def state_boundary(key: bytes, server_name: str) -> RequestStateBoundary:
    """Seals the state of questions with a key of at least 32 bytes, for the caller only.

    The caller is the principal with its Portkey key: with another one, it was asked nothing.
    """
    security = RequestStateSecurity(
        keys=[key], ttl=REPLY_S, bind_principal=lambda _context: current_caller.get().identity
    )
    return RequestStateBoundary(security, default_audience=server_name)


def _schema(question: Question | InputRequired) -> dict[str, Any]:
    name = {"type": "string", "title": "Name", "description": f"Type: {question.label}"}
    return {"type": "object", "properties": {FIELD: name}, "required": [FIELD]}


def _reply(result: types.ElicitResult, seconds: float, binding: str, nonce: str = "") -> Reply:
    typed = (result.content or {}).get(FIELD)
    return Reply(result.action, typed if isinstance(typed, str) else "", seconds, binding, nonce)

"""Approvals and the freeze over HTTP, for authenticated principals: `/approvals/…`, `/freeze`.

A request needs a token in the Authorization header, which no other site can make a browser send.
Without authentication nobody is known, so nothing is settled here.
"""

import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import NotPermitted, StateUnavailable
from ....safety.approvals import (
    Approvers,
    Where,
    is_label,
    lines_of_approval,
    not_open_text,
    one_line_of,
    shown_approval,
    shown_freeze,
)
from ....safety.caller import ANONYMOUS, current_caller
from ....safety.store import Approval, Decision, Freeze, SafetyStore
from ....settings.safety import SafetySettings
from ..access.principal import principal_of
from ..request import RequestRefused
from .headers import NO_STORE
from .paths import APPROVALS

FREEZE = "/freeze"
DECISIONS: dict[Any, Decision] = {"approve": "approved", "deny": "denied"}

Answer = Callable[[Request, str], Awaitable[dict[str, Any]]]
"""Answers a request of a principal; raises RequestRefused or an error in `errors`."""

log = logging.getLogger(__name__)


class Approvals:
    """The endpoints of approvals and of the freeze; `where` is for those who cannot use them."""

    def __init__(self, store: SafetyStore, settings: SafetySettings, where: Where) -> None:
        self._store = store
        self._approvers = Approvers(settings)
        self._where = where

    def routes(self) -> list[Route]:
        """The routes; each needs a principal."""
        one = f"{APPROVALS}/{{id}}"
        return [
            Route(f"{APPROVALS}/open", self._endpoint(self._open), methods=["GET"]),
            Route(one, self._endpoint(self._one), methods=["GET"]),
            Route(one, self._endpoint(self._settle), methods=["POST"]),
            Route(FREEZE, self._endpoint(self._frozen), methods=["GET"]),
            Route(FREEZE, self._endpoint(self._freeze), methods=["POST"]),
            Route(FREEZE, self._endpoint(self._thaw), methods=["DELETE"]),
        ]

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    def _endpoint(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                principal = self._approver(request)
                return JSONResponse(await answer(request, principal), headers=NO_STORE)
            except RequestRefused as refused:
                return refused.response()
            except StateUnavailable as error:
                return RequestRefused(503, "state_unavailable", f"{error}").response()
            except NotPermitted as error:
                return RequestRefused(403, "forbidden", f"{error}.").response()

        return endpoint

    def _approver(self, request: Request) -> str:
        """The principal of a request, if it is an approver."""
        if principal_of(request.scope) == ANONYMOUS:
            raise RequestRefused(
                403,
                "forbidden",
                "This service has no authentication, so it does not know who asks. Use the "
                f"commands approvals, approve, deny, freeze and thaw on its machine, like "
                f"{self._where.thaw}.",
            )
        principal = current_caller.get().principal
        self._approvers.require(principal)
        return principal

    async def _open(self, _request: Request, principal: str) -> dict[str, Any]:
        approvals = await self._store.list_open()
        return {
            "you": principal,
            "freeze": shown_freeze(await self._store.freeze()),
            "approvals": [_shown(approval) for approval in approvals],
        }

    async def _one(self, request: Request, _principal: str) -> dict[str, Any]:
        id = request.path_params["id"]
        approval = await self._store.find(id)
        if approval is None:
            raise RequestRefused(404, "not_found", not_open_text(id, None))
        return _shown(approval)

    async def _settle(self, request: Request, principal: str) -> dict[str, Any]:
        """Body: `{"decision": "approve", "name": …}` or `{"decision": "deny", "why": …}`."""
        id = request.path_params["id"]
        body = await _body(request)
        decision = DECISIONS.get(_text(body, "decision"))
        if decision is None:
            raise _invalid('"decision" must be "approve" or "deny".')
        approval = await self._store.find(id)
        if approval is None or approval.state != "pending":
            raise _not_open(id, await self._store.find(id))
        self._approvers.require_may_settle(principal, approval, decision)
        if decision == "approved" and not is_label(_text(body, "name"), approval):
            raise _invalid('"name" must be the name of the object, as the request shows it.')
        why = one_line_of(_text(body, "why"))
        settled = await self._store.settle(id, decision, principal, why)
        if settled is None:  # another approver was faster
            raise _not_open(id, await self._store.find(id))
        log.info("%s %s %s (%s)", principal, decision, id, approval.tool)
        return _shown(settled)

    async def _frozen(self, _request: Request, _principal: str) -> dict[str, Any]:
        return {"freeze": shown_freeze(await self._store.freeze())}

    async def _freeze(self, request: Request, principal: str) -> dict[str, Any]:
        """Body: `{"why": …}`."""
        why = one_line_of(_text(await _body(request), "why"))
        if not why:
            raise _invalid('"why" must say why all changes are stopped.')
        freeze = await self._store.set_freeze(Freeze(principal, why, time.time()))
        log.warning("%s stopped all changes: %s", principal, why)
        return {"freeze": shown_freeze(freeze)}

    async def _thaw(self, _request: Request, principal: str) -> dict[str, Any]:
        self._approvers.require_may_thaw(principal, await self._store.freeze())
        await self._store.set_freeze(None)
        log.warning("%s allowed changes again", principal)
        return {"freeze": None}


def _shown(approval: Approval) -> dict[str, Any]:
    """An approval as JSON; `lines` are what it allows, as sentences for a person."""
    answer = shown_approval(approval)
    return {**answer, "lines": lines_of_approval(answer)}


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object in the body; the guards have checked its type, size and depth."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _invalid("Send a JSON object as Content-Type: application/json.")
    return body


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise _invalid(f'"{name}" must be a text.')
    return value


def _invalid(message: str) -> RequestRefused:
    return RequestRefused(400, "invalid_request", message)


def _not_open(id: str, approval: Any) -> RequestRefused:
    message = not_open_text(id, approval)
    if approval is None:
        return RequestRefused(404, "not_found", message)
    return RequestRefused(409, "already_settled", message)

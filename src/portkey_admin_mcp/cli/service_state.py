"""The approvals and the freeze of a hosted service, over HTTP with the user's own token."""

import os
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import click
import httpx2
import truststore

from ..safety.approvals import not_open_text, printable

TIMEOUT_S = 15
"""Seconds to wait for one answer."""


class ServiceState:
    """The state of a hosted service, which checks what the owner of the token may do."""

    def __init__(self, http: Any, url: str, token_variable: str) -> None:
        self.name = url
        self._http = http
        self._token_variable = token_variable

    async def list_open(self) -> list[dict[str, Any]]:
        """See `State`."""
        answer = await self._send("GET", "/approvals/open", "approvals")
        approvals: list[dict[str, Any]] = answer["approvals"]
        return approvals

    async def find(self, id: str) -> dict[str, Any]:
        """See `State`."""
        approval = await self._send("GET", _path(id), "state")
        if approval["state"] != "pending":
            raise click.ClickException(
                f"The request {approval['id']} is {approval['state']} already. To ask again, make "
                "the call again."
            )
        return approval

    async def settle(self, id: str, decision: str, name: str, why: str) -> dict[str, Any]:
        """See `State`."""
        body = {"decision": decision, "name": name, "why": why}
        return await self._send("POST", _path(id), "state", body)

    async def freeze(self) -> dict[str, Any] | None:
        """See `State`."""
        return _freeze_in(await self._send("GET", "/freeze", "freeze"))

    async def set_freeze(self, why: str | None) -> dict[str, Any] | None:
        """See `State`."""
        if why is None:
            return _freeze_in(await self._send("DELETE", "/freeze", "freeze"))
        return _freeze_in(await self._send("POST", "/freeze", "freeze", {"why": why}))

    async def _send(
        self, method: str, path: str, expected: str, body: Any = None
    ) -> dict[str, Any]:
        """The answer, which has the field `expected`."""
        content = {} if body is None else {"json": body}
        try:
            answer = await self._http.request(method, f"{self.name}{path}", **content)
        except (httpx2.HTTPError, OSError) as error:
            raise click.ClickException(
                f"{self.name} was not reached ({type(error).__name__}): check the address and your "
                "network."
            ) from None
        if answer.status_code == 401:
            raise click.ClickException(
                f"{self.name} does not accept the token in {self._token_variable}: set it to your "
                "own token, or name another variable with --token-env."
            )
        try:
            fields = answer.json()
        except ValueError:
            fields = None
        needed = expected if answer.is_success else "message"
        if not isinstance(fields, dict) or needed not in fields:
            raise click.ClickException(
                f"{self.name} answered {answer.status_code}, and not as a portkey-admin-mcp "
                "service with approvals does: check the address."
            )
        if not answer.is_success:
            raise click.ClickException(printable(str(fields["message"])))
        return fields


@asynccontextmanager
async def at_service(url: str, token_variable: str) -> AsyncIterator[ServiceState]:
    """The state of the service at a URL, with the token in a variable."""
    trust = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    headers = {"Authorization": f"Bearer {secret_in(token_variable, '--token-env')}"}
    async with httpx2.AsyncClient(headers=headers, verify=trust, timeout=TIMEOUT_S) as http:
        yield ServiceState(http, url, token_variable)


def secret_in(variable: str, option: str) -> str:
    """The secret in a variable that the user named by this option; ends the command without one."""
    secret = os.environ.get(variable, "")  # noqa: TID251  # the variable that the user named
    if not re.fullmatch(r"[!-~]+", secret):
        problem = "holds a text that is not ASCII without spaces" if secret else "is not set"
        raise click.ClickException(
            f"the variable {variable} {problem}: set it to your own secret, or name another "
            f"variable with {option}."
        )
    return secret


def _freeze_in(answer: dict[str, Any]) -> dict[str, Any] | None:
    freeze: dict[str, Any] | None = answer.get("freeze")
    return freeze


def _path(id: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{1,64}", id):
        raise click.ClickException(not_open_text(id, None))
    return f"/approvals/{id}"

"""The caller that a tool sees is the one of its request: on each path, and within sessions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from observed_service import observed_service
from portkey_admin_mcp.safety.caller import Caller
from portkey_admin_mcp.settings.hosting import Hosting
from token_issuer import bearer_header

AUDIENCE = "https://mcp.example.com/mcp"
CALLS = 10
CLIENT = {"clientInfo": {"name": "test", "version": "1"}, "capabilities": {}}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": CLIENT["clientInfo"],
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Service:
    """A running service, and the callers that its tools saw."""

    def __init__(self, client: httpx2.AsyncClient, callers: list[Caller]) -> None:
        self.client = client
        self.callers = callers

    async def post(self, token: str, message: dict[str, Any], **headers: str) -> httpx2.Response:
        common = {"accept": "application/json, text/event-stream", **bearer_header(token)}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"jsonrpc": "2.0", **message}
        answer = await self.client.post("/mcp", json=body, headers={**common, **named})
        assert answer.status_code < 300, answer.text
        return answer

    async def open_session(self, token: str) -> dict[str, str]:
        """Headers of a new session."""
        params = {"protocolVersion": "2025-11-25", **CLIENT}
        message = {"id": 0, "method": "initialize", "params": params}
        answer = await self.post(token, message)
        headers = {"mcp_protocol_version": "2025-11-25"}
        if "mcp-session-id" in answer.headers:
            headers["mcp_session_id"] = answer.headers["mcp-session-id"]
            await self.post(token, {"method": "notifications/initialized"}, **headers)
        return headers

    async def call(self, token: str, id: int, headers: dict[str, str]) -> None:
        """Call a tool in a session, or without headers in the newest protocol generation."""
        params: dict[str, Any] = {"name": "list_workspaces", "arguments": {}}
        if not headers:
            params["_meta"] = META
            headers = {"mcp_protocol_version": "2026-07-28"}
            headers |= {"mcp_method": "tools/call", "mcp_name": "list_workspaces"}
        await self.post(token, {"id": id, "method": "tools/call", "params": params}, **headers)


@asynccontextmanager
async def running(hosting: Hosting, *, fast: bool) -> AsyncIterator[Service]:
    callers: list[Caller] = []
    app = observed_service(hosting, callers, fast=fast)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:3000"
        ) as client,
    ):
        yield Service(client, callers)


@pytest.mark.parametrize("fast", [True, False], ids=["fast path", "SDK"])
@pytest.mark.parametrize("sessions", ["stateful", "stateless"])
@pytest.mark.parametrize("events", ["off", "memory"])
@pytest.mark.parametrize("generation", ["legacy", "modern"])
async def test_concurrent_calls_of_two_principals_each_have_their_own(
    fast, sessions, events, generation
):
    tokens = {"ada": "a" * 20, "ci": "c" * 20}
    hosting = Hosting(
        MCP_AUTH_MODE="bearer",
        MCP_AUTH_TOKENS=tokens,
        MCP_SESSION_MODE=sessions,
        MCP_EVENT_STORE=events,
    )
    async with running(hosting, fast=fast) as service:
        is_legacy = generation == "legacy"
        headers = {
            name: await service.open_session(token) if is_legacy else {}
            for name, token in tokens.items()
        }

        for name, token in tokens.items():
            await service.call(token, 1, headers[name])
            caller = replace(service.callers.pop(), client="")
            assert caller == Caller(f"bearer:{name}", name=name)
        await asyncio.gather(
            *(
                service.call(token, id, headers[name])
                for id in range(2, CALLS + 2)
                for name, token in tokens.items()
            )
        )

    principals = [caller.principal for caller in service.callers]
    assert sorted(principals) == ["bearer:ada"] * CALLS + ["bearer:ci"] * CALLS


@pytest.mark.parametrize("fast", [True, False], ids=["fast path", "SDK"])
async def test_within_a_session_a_new_token_brings_its_own_roles(issuer, fast):
    issuer.publish_metadata()
    issuer.audience = AUDIENCE
    hosting = Hosting(
        MCP_AUTH_MODE="oidc",
        MCP_OIDC_ISSUER=issuer.url,
        MCP_OIDC_AUDIENCE=AUDIENCE,
        MCP_OIDC_ROLES_CLAIM="roles",
    )
    async with running(hosting, fast=fast) as service:
        session = await service.open_session(issuer.token(roles=["admin"]))
        for id, role in enumerate(("admin", "viewer", "admin"), 1):
            await service.call(issuer.token(roles=[role]), id, session)

    assert [caller.roles for caller in service.callers] == [{"admin"}, {"viewer"}, {"admin"}]
    assert {caller.principal for caller in service.callers} == {f"oidc:{issuer.url}#user_1"}


async def test_another_subject_cannot_use_the_session(issuer):
    issuer.publish_metadata()
    issuer.audience = AUDIENCE
    hosting = Hosting(
        MCP_AUTH_MODE="oidc",
        MCP_OIDC_ISSUER=issuer.url,
        MCP_OIDC_AUDIENCE=AUDIENCE,
        MCP_OIDC_NAME_CLAIM="name",
    )
    async with running(hosting, fast=False) as service:
        session = await service.open_session(issuer.token(name="ada"))
        with pytest.raises(AssertionError, match="Session not found"):
            await service.call(issuer.token(sub="user_2", name="ada"), 1, session)

    assert service.callers == []

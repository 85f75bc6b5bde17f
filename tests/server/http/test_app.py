"""The hosted service as a whole, in both generations of the protocol, over real sockets."""

import asyncio
import json

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from asgi_server import serve_app
from portkey_admin_mcp.domains import DOMAINS
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.settings.hosting import Hosting
from servers import hosted

TOKENS = {"ada": "a-token-of-adas-own", "ben": "a-token-of-bens-own"}
GREETING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


@pytest.fixture
def service(connect):
    """Serve the emulator's organisation with these settings."""

    def made(**variables):
        def app(port):
            given = {"MCP_ALLOW_UNAUTHENTICATED_HTTP": True, "MCP_PORT": port, **variables}
            api = connect("owner")
            return hosted(lambda: api, Hosting(**given))

        return serve_app(app)

    return made


def bearer(**variables):
    return {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKENS": TOKENS, **variables}


def headers(who=None, **more):
    token = {"authorization": f"Bearer {TOKENS[who]}"} if who else {}
    return {"accept": "application/json, text/event-stream", **token, **more}


async def said(http, body, **more):
    """The response to a message, and the answer in it."""
    response = await http.post("/mcp", json=body, headers=headers(**more))
    if not response.is_success:
        return response, None
    return response, answer_in(response)


@pytest.mark.parametrize("session_mode", ["stateful", "stateless"])
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_both_eras_are_served_in_both_modes(service, session_mode, mode):
    with service(MCP_SESSION_MODE=session_mode) as url:
        async with Client(f"{url}/mcp", mode=mode) as client:
            tools = (await client.list_tools()).tools
            answer = await client.call_tool("list_workspaces", {"page_size": 1})

    assert len(tools) == len(all_tools())
    assert answer.structured_content["total"] == 3


async def test_a_token_opens_the_door_and_nothing_else_does(service):
    with service(**bearer()) as url:
        async with httpx2.AsyncClient() as http:
            http.headers["authorization"] = f"Bearer {TOKENS['ada']}"
            transport = streamable_http_client(f"{url}/mcp", http_client=http)
            async with Client(transport) as client:
                assert len((await client.list_tools()).tools) == len(all_tools())
        async with httpx2.AsyncClient(base_url=url) as http:
            stranger = await http.post("/mcp", json=LIST, headers=headers())
            forms = [await http.post(path, json=LIST) for path in ("/mcp/", "/MCP", "//mcp", "/x")]

    assert stranger.status_code == 401
    assert stranger.headers["www-authenticate"].startswith("Bearer ")
    assert [form.status_code for form in forms] == [401] * 4


async def test_a_session_is_its_principals_alone(service):
    with service(**bearer()) as url:
        async with httpx2.AsyncClient(base_url=url) as http:
            opened, _ = await said(http, GREETING, who="ada")
            session = {"mcp-session-id": opened.headers["mcp-session-id"]}

            own, answer = await said(http, LIST, who="ada", **session)
            stolen, _ = await said(http, LIST, who="ben", **session)
            ended = await http.delete("/mcp", headers=headers("ben", **session))
            still, _ = await said(http, LIST, who="ada", **session)
            fixed, _ = await said(http, LIST, who="ben", **{"mcp-session-id": "0" * 32})

    assert own.status_code == still.status_code == 200
    assert answer["result"]["tools"]
    assert (stolen.status_code, ended.status_code, fixed.status_code) == (404, 404, 404)


async def test_a_full_house_says_when_to_come_back_and_a_failed_opening_takes_no_place(service):
    with service(MCP_MAX_SESSIONS=2) as url:
        async with httpx2.AsyncClient(base_url=url) as http:
            for _ in range(5):
                await said(http, LIST)
                await http.post("/mcp", content=b"{", headers=headers())
            opened = [(await said(http, GREETING))[0] for _ in range(3)]
            ready = (await http.get("/ready")).json()
            session = {"mcp-session-id": opened[0].headers["mcp-session-id"]}
            await http.delete("/mcp", headers=headers(**session))
            again, _ = await said(http, GREETING)

    assert [response.status_code for response in opened] == [200, 200, 503]
    assert int(opened[2].headers["retry-after"]) > 0
    assert ready["sessions"]["open"] == 2
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("variables", "share"),
    [
        ({"MCP_MAX_SESSIONS": 8}, 2),
        ({"MCP_MAX_SESSIONS": 3}, 1),
        ({"MCP_MAX_SESSIONS": 8, "MCP_MAX_SESSIONS_PER_PRINCIPAL": 3}, 3),
    ],
)
async def test_a_principal_has_a_share_of_the_sessions(service, variables, share):
    with service(**bearer(**variables)) as url:
        async with httpx2.AsyncClient(base_url=url) as http:
            asked = [said(http, GREETING, who="ada") for _ in range(share + 3)]
            opened = [response for response, _ in await asyncio.gather(*asked)]
            refused = next(response for response in opened if response.status_code != 200)
            bens, _ = await said(http, GREETING, who="ben")
            own = next(response for response in opened if response.status_code == 200)
            session = {"mcp-session-id": own.headers["mcp-session-id"]}
            await http.delete("/mcp", headers=headers("ada", **session))
            again, _ = await said(http, GREETING, who="ada")

    assert sorted(response.status_code for response in opened) == [200] * share + [429] * 3
    assert "MCP_MAX_SESSIONS_PER_PRINCIPAL" in refused.json()["error"]["message"]
    assert int(refused.headers["retry-after"]) > 0
    assert (bens.status_code, again.status_code) == (200, 200)


async def test_a_session_without_requests_ends(service):
    with service(MCP_SESSION_TIMEOUT=1000) as url:
        async with httpx2.AsyncClient(base_url=url) as http:
            opened, _ = await said(http, GREETING)
            session = {"mcp-session-id": opened.headers["mcp-session-id"]}
            async with asyncio.timeout(10):
                await all_gone(http)
            late, _ = await said(http, LIST, **session)

    assert late.status_code == 404


async def all_gone(http):
    while True:
        if not (await http.get("/ready")).json()["sessions"]["open"]:
            return
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("path", "more", "domains"),
    [
        ("/mcp", {}, set(DOMAINS)),
        ("/mcp?tools=configs", {}, {"configs"}),
        ("/mcp?tools=configs,users", {"x-mcp-toolsets": "users, api_keys"}, {"users"}),
        ("/mcp", {"x-mcp-toolsets": "users"}, {"users"}),
        ("/mcp?tools=configs", {"x-mcp-toolsets": "users"}, set()),
    ],
)
async def test_a_client_may_ask_for_fewer_tools(service, path, more, domains):
    call = {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "tools/call",
        "params": {"name": "list_virtual_keys", "arguments": {}},
    }
    version = {"mcp-protocol-version": "2025-11-25"}
    with service(MCP_SESSION_MODE="stateless") as url:
        async with httpx2.AsyncClient(base_url=url) as http:
            seen = await http.post(path, json=LIST, headers=headers(**version, **more))
            called = await http.post(path, json=call, headers=headers(**version, **more))

    names = {tool["name"] for tool in answer_in(seen)["result"]["tools"]}
    assert names == {tool.name for tool in all_tools() if tool.domain in domains}
    refused = answer_in(called)["result"]["isError"]
    assert refused == ("virtual_keys" not in domains)


def answer_in(response):
    """The answer, out of JSON or the one event of a stream."""
    lines = [line for line in response.text.splitlines() if line.startswith("data: {")]
    return json.loads(lines[-1].removeprefix("data: ") if lines else response.text)


async def test_an_unknown_toolset_is_refused_with_the_nearest(service):
    with service() as url:
        async with httpx2.AsyncClient(base_url=url) as http:
            response = await http.post("/mcp?tools=confgs", json=LIST, headers=headers())

    assert response.status_code == 400
    assert "did you mean configs?" in response.json()["message"]


async def test_cors_and_the_guard_agree_on_who_may_call(service):
    preflight = {"access-control-request-method": "POST"}
    with service(ALLOWED_ORIGINS="https://chat.example/") as url:
        async with httpx2.AsyncClient(base_url=url) as http:
            good = {"origin": "https://chat.example"}
            asked = await http.options("/mcp", headers={**preflight, **good})
            called = await http.post("/mcp", json=GREETING, headers=headers(**good))
            evil = {"origin": "https://evil.example"}
            refused = [
                await http.options("/mcp", headers={**preflight, **evil}),
                await http.post("/mcp", json=GREETING, headers=headers(**evil)),
            ]

    assert asked.headers["access-control-allow-origin"] == "https://chat.example"
    assert called.status_code == 200
    assert "mcp-session-id" in called.headers["access-control-expose-headers"]
    assert [response.status_code for response in refused] == [403, 403]


async def test_who_calls_too_often_waits_but_health_is_always_told(service):
    with service(**bearer(RATE_LIMIT_MAX_REQUESTS_PER_PRINCIPAL=3)) as url:
        async with httpx2.AsyncClient(base_url=url) as http:
            statuses = [(await said(http, LIST, who="ada"))[0].status_code for _ in range(5)]
            other, _ = await said(http, GREETING, who="ben")
            health = [(await http.get("/health")).status_code for _ in range(5)]

    assert statuses[3:] == [429, 429]
    assert other.status_code == 200
    assert health == [200] * 5


async def test_metrics_count_calls_and_are_off_unless_asked_for(service):
    with service(MCP_METRICS=True) as url:
        async with Client(f"{url}/mcp") as client:
            await client.call_tool("list_workspaces", {})
            await client.call_tool("get_config", {"slug": "nowhere"})
        async with httpx2.AsyncClient(base_url=url) as http:
            told = (await http.get("/metrics")).text
    with service() as url:
        async with httpx2.AsyncClient(base_url=url) as http:
            off = await http.get("/metrics")

    assert 'portkey_admin_tool_calls_total{outcome="ok",tool="list_workspaces"} 1.0' in told
    assert 'portkey_admin_tool_calls_total{outcome="error",tool="get_config"} 1.0' in told
    assert off.status_code == 404

"""The complete hosted service, in both generations of the protocol, over real sockets."""

import asyncio
import json
from contextlib import ExitStack
from functools import partial

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from pydantic import SecretStr

from asgi_server import plain_client, serve_app
from initialization import INITIALIZE
from portkey_admin_mcp.domains import TOOLSETS
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings
from servers import hosted

TOKENS = {"ada": "a-token-of-adas-own", "ben": "a-token-of-bens-own"}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


@pytest.fixture(scope="module")
def service():
    """The address of a service with these settings; equal settings share one service."""
    with ExitStack() as running:
        addresses = {}

        def address(**variables):
            key = json.dumps(variables, sort_keys=True)
            if key not in addresses:
                addresses[key] = running.enter_context(serve_app(partial(create_app, variables)))
            return addresses[key]

        yield address


def create_app(variables, port):
    """The tools of an emulated organisation over HTTP."""
    emulator = Emulator("acme", frozen_time)
    key = SecretStr(emulator.keys()["owner"])
    portkey = Portkey(Settings(PORTKEY_API_KEY=key), InProcess(emulator))
    hosting = Hosting(**{"MCP_ALLOW_UNAUTHENTICATED_HTTP": True, "MCP_PORT": port, **variables})
    return hosted(lambda: portkey, hosting)


def bearer(**variables):
    return {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKENS": TOKENS, **variables}


def headers(principal=None, **more):
    token = {"authorization": f"Bearer {TOKENS[principal]}"} if principal else {}
    return {"accept": "application/json, text/event-stream", **token, **more}


async def send(http, body, **more):
    """The response to a message, and the JSON-RPC answer in it, if the status is a success."""
    response = await http.post("/mcp", json=body, headers=headers(**more))
    if not response.is_success:
        return response, None
    return response, answer_in(response)


@pytest.mark.parametrize("session_mode", ["stateful", "stateless"])
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_both_protocol_generations_work_in_both_session_modes(service, session_mode, mode):
    url = service(MCP_SESSION_MODE=session_mode)
    async with Client(f"{url}/mcp", mode=mode) as client:
        tools = (await client.list_tools()).tools
        answer = await client.call_tool("list_workspaces", {"page_size": 1})

    assert len(tools) == len(all_tools())
    assert answer.structured_content["total"] == 3


async def test_only_a_valid_token_gives_access(service):
    url = service(**bearer())
    async with plain_client() as http:
        http.headers["authorization"] = f"Bearer {TOKENS['ada']}"
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(transport) as client:
            assert len((await client.list_tools()).tools) == len(all_tools())
    async with plain_client(base_url=url) as http:
        refused = await http.post("/mcp", json=LIST, headers=headers())
        forms = [await http.post(path, json=LIST) for path in ("/mcp/", "/MCP", "//mcp", "/x")]

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer ")
    assert [form.status_code for form in forms] == [401] * 4


@pytest.mark.parametrize(
    ("host", "token", "status"),
    [
        ("127.0.0.1", "", 401),
        ("127.0.0.1", "Authorization: Bearer not-the-token-of-anybody\r\n", 401),
        ("evil.example", f"Authorization: Bearer {TOKENS['ada']}\r\n", 421),
    ],
)
async def test_a_request_without_access_is_refused_before_its_body_arrives(
    service, host, token, status
):
    name, port = service(**bearer()).removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    head = f"POST /mcp HTTP/1.1\r\nHost: {host}\r\n{token}Content-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: 900000\r\n\r\n[".encode())
    async with asyncio.timeout(10):  # less than the time that a body has
        refused = await reader.readuntil(b"\r\n\r\n")
        await reader.read()  # until the service closes the connection
    writer.close()

    assert refused.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"connection: close" in refused.lower()


async def test_a_session_belongs_to_its_principal_only(service):
    url = service(**bearer())
    async with plain_client(base_url=url) as http:
        opened, _ = await send(http, INITIALIZE, principal="ada")
        session = {"mcp-session-id": opened.headers["mcp-session-id"]}

        own, answer = await send(http, LIST, principal="ada", **session)
        of_another, _ = await send(http, LIST, principal="ben", **session)
        ended = await http.delete("/mcp", headers=headers("ben", **session))
        still, _ = await send(http, LIST, principal="ada", **session)
        fixed, _ = await send(http, LIST, principal="ben", **{"mcp-session-id": "0" * 32})

    assert own.status_code == still.status_code == 200
    assert answer["result"]["tools"]
    assert (of_another.status_code, ended.status_code, fixed.status_code) == (404, 404, 404)


async def test_failed_requests_open_no_session(service):
    url = service(MCP_MAX_SESSIONS=2)
    async with plain_client(base_url=url) as http:
        opened, _ = await send(http, INITIALIZE)
        for _ in range(5):
            await send(http, LIST)
            await http.post("/mcp", content=b"{", headers=headers())
        kept, _ = await send(http, LIST, **session_of(opened))
        ready = (await http.get("/ready")).json()
        await http.delete("/mcp", headers=headers(**session_of(opened)))

    assert kept.status_code == 200
    assert ready["sessions"]["open"] == 1


def session_of(response):
    return {"mcp-session-id": response.headers["mcp-session-id"]}


async def test_at_the_limit_the_session_that_was_not_used_for_longest_ends(service):
    url = service(MCP_MAX_SESSIONS=3)
    async with plain_client(base_url=url) as http:
        sessions = [session_of((await send(http, INITIALIZE))[0]) for _ in range(3)]
        await send(http, LIST, **sessions[0])
        with_stream = http.stream("GET", "/mcp", headers=headers(**sessions[1]))
        async with asyncio.timeout(10), with_stream as stream:
            added, _ = await send(http, INITIALIZE)
            await stream.aread()  # the stream of notifications ends with its session
        used = [(await send(http, LIST, **session))[0] for session in sessions]
        ready = (await http.get("/ready")).json()
        anew, _ = await send(http, INITIALIZE)

    assert (added.status_code, anew.status_code) == (200, 200)
    assert [response.status_code for response in used] == [200, 404, 200]
    assert ready["sessions"]["open"] == 3


@pytest.mark.parametrize(
    ("variables", "share"),
    [
        ({"MCP_MAX_SESSIONS": 8}, 2),
        ({"MCP_MAX_SESSIONS": 3}, 1),
        ({"MCP_MAX_SESSIONS": 8, "MCP_MAX_SESSIONS_PER_PRINCIPAL": 3}, 3),
    ],
)
async def test_a_principal_at_its_share_of_the_sessions_loses_its_own_oldest(
    service, variables, share
):
    url = service(**bearer(**variables))
    async with plain_client(base_url=url) as http:
        bens, _ = await send(http, INITIALIZE, principal="ben")
        opened = [(await send(http, INITIALIZE, principal="ada"))[0] for _ in range(share + 2)]
        used = [(await send(http, LIST, principal="ada", **session_of(each)))[0] for each in opened]
        of_ben, _ = await send(http, LIST, principal="ben", **session_of(bens))

    assert {response.status_code for response in opened} == {200}
    assert [response.status_code for response in used] == [404] * 2 + [200] * share
    assert of_ben.status_code == 200


async def test_a_session_without_requests_ends(service):
    url = service(MCP_SESSION_TIMEOUT=1000)
    async with plain_client(base_url=url) as http:
        opened, _ = await send(http, INITIALIZE)
        session = {"mcp-session-id": opened.headers["mcp-session-id"]}
        async with asyncio.timeout(30):
            await wait_until_closed(http)
        late, _ = await send(http, LIST, **session)

    assert late.status_code == 404


async def wait_until_closed(http):
    while True:
        if not (await http.get("/ready")).json()["sessions"]["open"]:
            return
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("path", "more", "domains"),
    [
        ("/mcp", {}, set(TOOLSETS)),
        ("/mcp?tools=configs", {}, {"configs"}),
        ("/mcp?tools=configs,users", {"x-mcp-toolsets": "users, api_keys"}, {"users"}),
        ("/mcp", {"x-mcp-toolsets": "users"}, {"users"}),
        ("/mcp?tools=configs", {"x-mcp-toolsets": "users"}, set()),
    ],
)
async def test_a_client_may_select_toolsets(service, path, more, domains):
    call = {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "tools/call",
        "params": {"name": "list_virtual_keys", "arguments": {}},
    }
    version = {"mcp-protocol-version": "2025-11-25"}
    url = service(MCP_SESSION_MODE="stateless")
    async with plain_client(base_url=url) as http:
        listed = await http.post(path, json=LIST, headers=headers(**version, **more))
        called = await http.post(path, json=call, headers=headers(**version, **more))

    names = {tool["name"] for tool in answer_in(listed)["result"]["tools"]}
    assert names == {tool.name for tool in all_tools() if tool.domain in domains}
    refused = answer_in(called)["result"]["isError"]
    assert refused == ("virtual_keys" not in domains)


def answer_in(response):
    """The JSON-RPC answer, in a JSON response or in the last event of a stream."""
    lines = [line for line in response.text.splitlines() if line.startswith("data: {")]
    return json.loads(lines[-1].removeprefix("data: ") if lines else response.text)


async def test_an_unknown_toolset_is_refused_with_a_suggestion(service):
    url = service()
    async with plain_client(base_url=url) as http:
        response = await http.post("/mcp?tools=confgs", json=LIST, headers=headers())

    assert response.status_code == 400
    assert "did you mean configs?" in response.json()["message"]


async def test_cors_and_the_origin_check_allow_the_same_origins(service):
    preflight = {"access-control-request-method": "POST"}
    url = service(ALLOWED_ORIGINS="https://chat.example/")
    async with plain_client(base_url=url) as http:
        allowed = {"origin": "https://chat.example"}
        preflighted = await http.options("/mcp", headers={**preflight, **allowed})
        called = await http.post("/mcp", json=INITIALIZE, headers=headers(**allowed))
        foreign = {"origin": "https://evil.example"}
        refused = [
            await http.options("/mcp", headers={**preflight, **foreign}),
            await http.post("/mcp", json=INITIALIZE, headers=headers(**foreign)),
        ]

    assert preflighted.headers["access-control-allow-origin"] == "https://chat.example"
    assert called.status_code == 200
    assert "mcp-session-id" in called.headers["access-control-expose-headers"]
    assert [response.status_code for response in refused] == [403, 403]


async def test_an_answer_that_a_cache_may_keep_varies_by_origin(service):
    async with plain_client(base_url=service()) as http:
        page = await http.get("/health")
        called = await http.post("/mcp", json=INITIALIZE, headers=headers())

    assert page.headers["vary"] == "Origin"
    assert called.status_code == 200
    assert not {"vary", "access-control-expose-headers"} & {*called.headers}


async def test_the_rate_limit_counts_each_principal_and_not_health(service):
    url = service(**bearer(RATE_LIMIT_MAX_REQUESTS_PER_PRINCIPAL=3))
    async with plain_client(base_url=url) as http:
        statuses = [(await send(http, LIST, principal="ada"))[0].status_code for _ in range(5)]
        other, _ = await send(http, INITIALIZE, principal="ben")
        health = [(await http.get("/health")).status_code for _ in range(5)]

    assert statuses[3:] == [429, 429]
    assert 429 not in statuses[:3]
    assert other.status_code == 200
    assert health == [200] * 5


async def test_metrics_count_calls_and_are_off_by_default(service):
    url = service(MCP_METRICS=True)
    async with Client(f"{url}/mcp") as client:
        await client.call_tool("list_workspaces", {})
        await client.call_tool("get_config", {"slug": "nowhere"})
    async with plain_client(base_url=url) as http:
        metrics = (await http.get("/metrics")).text
    url = service()
    async with plain_client(base_url=url) as http:
        off = await http.get("/metrics")

    assert 'portkey_admin_tool_calls_total{outcome="ok",tool="list_workspaces"} 1.0' in metrics
    assert 'portkey_admin_tool_calls_total{outcome="error",tool="get_config"} 1.0' in metrics
    assert off.status_code == 404


MODERN = {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "list_workspaces",
}
MODERN_CALL = {
    "jsonrpc": "2.0",
    "id": 4,
    "method": "tools/call",
    "params": {
        "name": "list_workspaces",
        "arguments": {},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    },
}


@pytest.mark.parametrize("session_mode", ["stateful", "stateless"])
@pytest.mark.parametrize("is_first_valid", [True, False])
@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("mcp-session-id", "0" * 32),
        ("mcp-protocol-version", "2025-11-25"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "list_configs"),
        ("mcp-name", "list_workspaces"),
    ],
)
async def test_a_duplicate_mcp_header_is_refused_whichever_is_first(
    service, session_mode, name, is_first_valid, other
):
    """No path may read the first value of two, and another path the last."""
    url = service(MCP_SESSION_MODE=session_mode)
    single = [*headers(**MODERN).items()]
    first = (name, MODERN.get(name, "1" * 32))
    pair = [first, (name, other)] if is_first_valid else [(name, other), first]
    async with plain_client(base_url=url) as http:
        valid = await http.post("/mcp", json=MODERN_CALL, headers=single)
        others = [header for header in single if header[0] != name]
        duplicated = await http.post("/mcp", json=MODERN_CALL, headers=[*others, *pair])

    assert answer_in(valid)["result"]["structuredContent"]["total"] == 3
    assert duplicated.status_code == 400
    assert "result" not in duplicated.json()


@pytest.mark.parametrize("is_own_first", [True, False])
async def test_two_session_ids_are_refused_even_if_both_are_valid(service, is_own_first):
    url = service(**bearer())
    async with plain_client(base_url=url) as http:
        opened = [
            (await send(http, INITIALIZE, principal=principal))[0] for principal in ("ada", "ben")
        ]
        ids = [response.headers["mcp-session-id"] for response in opened]
        pair = [("mcp-session-id", each) for each in (ids if is_own_first else ids[::-1])]
        response = await http.post("/mcp", json=LIST, headers=[*headers("ada").items(), *pair])

    assert response.status_code == 400
    assert response.json()["error"] == "invalid_header"

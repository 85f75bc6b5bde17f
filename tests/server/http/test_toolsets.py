"""A client that selects toolsets reaches nothing else, whichever method it calls."""

import json

import pytest
from pydantic import SecretStr

from asgi_server import plain_client, serve_app
from initialization import INITIALIZE_PARAMS
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings
from servers import hosted

ACCEPT = {"accept": "application/json, text/event-stream"}
PREFIX = "io.modelcontextprotocol/"
META = {f"{PREFIX}protocolVersion": "2026-07-28", f"{PREFIX}clientCapabilities": {}}


@pytest.fixture(scope="module")
def organisation():
    """An emulated organisation, which these tests only read."""
    return Emulator("acme", frozen_time)


@pytest.fixture(scope="module", params=["fast path", "SDK"])
def service(request, organisation):
    """The organisation without sessions, with the fast path and without."""

    def app(port):
        hosting = Hosting(
            MCP_ALLOW_UNAUTHENTICATED_HTTP=True, MCP_PORT=port, MCP_SESSION_MODE="stateless"
        )
        key = SecretStr(organisation.keys()["owner"])
        api = Portkey(Settings(PORTKEY_API_KEY=key), InProcess(organisation))
        return hosted(lambda: api, hosting, fast_path=request.param == "fast path")

    with serve_app(app) as url:
        yield url


@pytest.fixture
def ask(service, organisation):
    """Send a request; returns its answer, and the log of requests to Portkey."""

    async def answer(method, query="", headers=(), generation="legacy", **params):
        organisation.log.clear()
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        all_headers = [*ACCEPT.items(), *headers]
        if generation == "modern":
            params["_meta"] = META
            name = params.get("name", params.get("uri"))
            all_headers += [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)]
            all_headers += [("mcp-name", name)] if name else []
        async with plain_client(timeout=30) as http:
            response = await http.post(f"{service}/mcp{query}", json=message, headers=all_headers)
        # An error of the modern generation has a status of its own.
        assert response.status_code in (200, 400), response.text
        text = response.text
        if "event-stream" in response.headers["content-type"]:
            (text,) = [li[6:] for li in text.split("\n") if li.startswith("data: {")]
        return json.loads(text), list(organisation.log)

    return answer


def names(answer, field):
    return {each["name"] for each in answer["result"][field]}


GENERATIONS = pytest.mark.parametrize("generation", ["legacy", "modern"])


@GENERATIONS
async def test_lists_hold_only_what_the_toolsets_can_do(ask, generation):
    users = {"query": "?tools=users", "generation": generation}
    tools, _log = await ask("tools/list", **users)
    prompts, _log = await ask("prompts/list", **users)
    resources, _log = await ask("resources/list", **users)
    templates, _log = await ask("resources/templates/list", **users)

    assert "list_all_users" in names(tools, "tools")
    assert "list_workspaces" not in names(tools, "tools")
    assert names(prompts, "prompts") == set()
    assert "organisation" not in names(resources, "resources")
    assert names(templates, "resourceTemplates") == set()


@GENERATIONS
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("resources/read", {"uri": "portkey://api-keys/anything"}),
        ("resources/read", {"uri": "portkey://organisation"}),
        ("prompts/get", {"name": "audit_access"}),
    ],
)
async def test_what_other_toolsets_offer_is_not_available(ask, generation, method, params):
    answer, log = await ask(method, "?tools=users", generation=generation, **params)
    unlimited, _log = await ask(method, generation=generation, **params)

    assert answer["error"]["code"] == -32602
    assert log == []
    assert unlimited.get("error", {}).get("code") != -32602


@GENERATIONS
async def test_nothing_is_completed_from_other_toolsets(ask, generation):
    params = {
        "ref": {"type": "ref/resource", "uri": "portkey://api-keys/{slug}"},
        "argument": {"name": "slug", "value": ""},
    }
    answer, log = await ask("completion/complete", "?tools=users", generation=generation, **params)
    unlimited, _log = await ask("completion/complete", generation=generation, **params)

    assert answer["result"]["completion"]["values"] == []
    assert log == []
    assert len(unlimited["result"]["completion"]["values"]) > 3


@GENERATIONS
async def test_a_tool_of_another_toolset_is_unknown(ask, generation):
    answer, log = await ask(
        "tools/call", "?tools=users", generation=generation, name="list_api_keys", arguments={}
    )

    assert answer["result"]["isError"]
    assert "There is no tool 'list_api_keys'" in answer["result"]["content"][0]["text"]
    assert log == []


async def test_without_prompts_none_are_announced(ask):
    limited, _log = await ask("initialize", "?tools=users", **INITIALIZE_PARAMS)
    unlimited, _log = await ask("initialize", **INITIALIZE_PARAMS)

    assert "prompts" not in limited["result"]["capabilities"]
    assert "prompts" in unlimited["result"]["capabilities"]


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?tools=access&tools=users,configs", []),
        ("?tools=access", [("x-mcp-toolsets", "users,configs")]),
        ("", [("x-mcp-toolsets", "access"), ("x-mcp-toolsets", "users,prompts")]),
        ("?tools=users&tools=", [("x-mcp-toolsets", "all")]),
    ],
)
async def test_of_several_selections_the_intersection_counts(ask, query, headers):
    several, _log = await ask("tools/list", query, headers)
    users, _log = await ask("tools/list", "?tools=users")

    assert names(several, "tools") == names(users, "tools")


async def test_selections_with_nothing_in_common_leave_nothing(ask):
    answer, _log = await ask("tools/list", "?tools=users&tools=configs")

    assert answer["result"]["tools"] == []

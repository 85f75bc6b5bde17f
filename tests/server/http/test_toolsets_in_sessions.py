"""Within a session, each request is limited to the toolsets that it names itself."""

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


@pytest.fixture(scope="module", params=["fast path", "SDK"])
def service(request):
    """An emulated organisation with sessions."""

    def app(port):
        emulator = Emulator("acme", frozen_time)
        key = SecretStr(emulator.keys()["owner"])
        api = Portkey(Settings(PORTKEY_API_KEY=key), InProcess(emulator))
        hosting = Hosting(MCP_ALLOW_UNAUTHENTICATED_HTTP=True, MCP_PORT=port)
        return hosted(lambda: api, hosting, fast_path=request.param == "fast path")

    with serve_app(app) as url:
        yield url


@pytest.fixture
async def ask(service):
    """Send a request within one session, with a query."""
    headers = {"accept": "application/json, text/event-stream"}
    async with plain_client(timeout=30, headers=headers) as http:

        async def answer(method, query="", **params):
            message = {"jsonrpc": "2.0", "id": len(asked), "method": method, "params": params}
            asked.append(method)
            response = await http.post(f"{service}/mcp{query}", json=message)
            text = response.text
            if "event-stream" in response.headers["content-type"]:
                (text,) = [li[6:] for li in text.split("\n") if li.startswith("data: {")]
            http.headers.update({"mcp-session-id": response.headers["mcp-session-id"]})
            return json.loads(text)

        asked = []
        await answer("initialize", **INITIALIZE_PARAMS)
        yield answer


@pytest.mark.parametrize("method", ["prompts/list", "tools/list", "resources/templates/list"])
async def test_a_list_is_limited_by_its_own_request(ask, method):
    whole = await ask(method)
    limited = await ask(method, "?tools=users")
    again = await ask(method)

    (field,) = whole["result"]
    assert len(limited["result"][field]) < len(whole["result"][field])
    assert again["result"] == whole["result"]


async def test_a_call_and_a_resource_are_limited_by_their_own_request(ask):
    call = {"name": "list_workspaces", "arguments": {}}
    uri = "portkey://organisation"

    assert not (await ask("tools/call", **call))["result"]["isError"]
    refused = await ask("tools/call", "?tools=users", **call)
    assert "There is no tool 'list_workspaces'" in refused["result"]["content"][0]["text"]
    assert "contents" in (await ask("resources/read", uri=uri))["result"]
    assert (await ask("resources/read", "?tools=users", uri=uri))["error"]["code"] == -32602

"""Headers of a request narrow what it may do: reads only, or some workspaces. They never widen."""

import json

import pytest
from pydantic import SecretStr

from asgi_server import plain_client, serve_app
from initialization import INITIALIZE_PARAMS
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.safety.policy_guard import PolicyGuard
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings
from servers import hosted

ACCEPT = {"accept": "application/json, text/event-stream"}
ORGANISATION = Emulator("acme", frozen_time)
SLUGS = {row["name"]: row["slug"] for row in ORGANISATION.store.table("workspaces").rows()}
SUPPORT, SCIENCE = SLUGS["Support"], SLUGS["Science"]


def service(*, sessions: bool, fast_path: bool, workspaces: tuple[str, ...] = ()):
    """The address of a service; with `workspaces`, its settings are limited to them."""

    def app(port):
        hosting = Hosting(
            MCP_ALLOW_UNAUTHENTICATED_HTTP=True,
            MCP_PORT=port,
            MCP_SESSION_MODE="stateful" if sessions else "stateless",
        )
        key = SecretStr(ORGANISATION.keys()["owner"])
        api = Portkey(Settings(PORTKEY_API_KEY=key), InProcess(ORGANISATION))
        policy = PolicyGuard(None, workspaces) if workspaces else None
        return hosted(lambda: api, hosting, fast_path=fast_path, policy=policy)

    return serve_app(app)


@pytest.fixture(scope="module", params=[True, False], ids=["fast path", "SDK"])
def url(request):
    with service(sessions=False, fast_path=request.param) as address:
        yield address


@pytest.fixture(scope="module", params=[True, False], ids=["fast path", "SDK"])
def url_with_sessions(request):
    with service(sessions=True, fast_path=request.param) as address:
        yield address


@pytest.fixture(scope="module")
def bounded_url():
    with service(sessions=False, fast_path=True, workspaces=(SUPPORT,)) as address:
        yield address


async def ask(url, method, query="", headers=(), **params):
    """The status and the decoded answer of one request, and the headers of the response."""
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    async with plain_client(timeout=30) as http:
        response = await http.post(
            f"{url}/mcp{query}", json=message, headers=[*ACCEPT.items(), *headers]
        )
    text = response.text
    if "event-stream" in response.headers["content-type"]:
        (text,) = [li[6:] for li in text.split("\n") if li.startswith("data: {")]
    return response.status_code, json.loads(text), response.headers


async def call(url, tool, /, *headers, query="", **arguments):
    _status, answer, _ = await ask(
        url, "tools/call", query, headers, name=tool, arguments=arguments
    )
    return answer["result"]


async def listed(url, *headers, query=""):
    _status, answer, _ = await ask(url, "tools/list", query, headers)
    return {tool["name"] for tool in answer["result"]["tools"]}


READ_ONLY = ("x-portkey-readonly", "true")
IN_SUPPORT = ("x-portkey-workspaces", SUPPORT)
IN_SCIENCE = ("x-portkey-workspaces", SCIENCE)


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", [READ_ONLY]),
        ("?readonly=1", []),
        ("?readonly=0&readonly=on", []),
        ("?readonly=1", [("x-portkey-readonly", "false")]),
    ],
)
async def test_a_request_may_limit_itself_to_reads(url, query, headers):
    names = await listed(url, *headers, query=query)
    refused = await call(url, "create_collection", *headers, query=query, name="Never")

    assert "list_configs" in names
    assert not {"create_config", "delete_user", "create_collection"} & names
    assert refused["isError"]
    assert "There is no tool 'create_collection'" in refused["content"][0]["text"]
    assert not ORGANISATION.store.table("collections").where(name="Never")


@pytest.mark.parametrize(
    ("query", "headers"),
    [("", []), ("?readonly=0", []), ("", [("x-portkey-readonly", "no")])],
)
async def test_without_them_nothing_is_narrowed(url, query, headers):
    assert {"create_config", "list_all_users"} <= await listed(url, *headers, query=query)


async def test_a_request_may_limit_itself_to_workspaces(url):
    names = await listed(url, IN_SUPPORT)
    own = await call(url, "list_configs", IN_SUPPORT)
    other = await call(url, "list_configs", IN_SUPPORT, workspace_id=SCIENCE)
    organisation = await call(url, "list_all_users", IN_SUPPORT)
    none = await call(url, "list_configs", IN_SUPPORT, IN_SCIENCE)

    assert "list_configs" in names
    assert not {"list_all_users", "create_workspace", "list_secret_references"} & names
    assert len(own["structuredContent"]["data"]) == 2
    assert "is another workspace" in other["content"][0]["text"]
    assert "There is no tool 'list_all_users'" in organisation["content"][0]["text"]
    assert "limited to no workspace" in none["content"][0]["text"]


async def test_a_header_does_not_widen_what_the_settings_allow(bounded_url):
    within = await call(bounded_url, "list_configs", IN_SUPPORT)
    beyond = await call(bounded_url, "list_collections", IN_SCIENCE)
    more = ("x-portkey-workspaces", f"{SUPPORT},{SCIENCE}")
    named = await call(bounded_url, "list_collections", more, workspace_id=SCIENCE)

    assert len(within["structuredContent"]["data"]) == 2
    assert "limited to no workspace" in beyond["content"][0]["text"]
    assert "is another workspace" in named["content"][0]["text"]


@pytest.mark.parametrize(
    ("query", "header", "error"),
    [
        ("?readonly=perhaps", None, "invalid_readonly"),
        ("", ("x-portkey-readonly", "2"), "invalid_readonly"),
        ("", ("x-portkey-workspaces", ","), "invalid_workspaces"),
        ("", ("x-portkey-workspaces", ",".join(map(str, range(51)))), "invalid_workspaces"),
    ],
)
async def test_a_word_that_is_not_understood_is_refused(url, query, header, error):
    status, answer, _ = await ask(url, "ping", query, [header] if header else [])

    assert (status, answer["error"]) == (400, error)


async def test_in_a_session_what_the_first_request_said_holds_to_the_end(url_with_sessions):
    url = url_with_sessions
    _, _, headers = await ask(url, "initialize", "", [READ_ONLY, IN_SUPPORT], **INITIALIZE_PARAMS)
    session = ("mcp-session-id", headers["mcp-session-id"])

    names = await listed(url, session)
    widened = await call(
        url, "create_collection", session, ("x-portkey-readonly", "false"), name="Never"
    )
    other = await call(url, "list_collections", session, workspace_id=SCIENCE)
    further = await call(url, "list_collections", session, IN_SCIENCE)

    assert not {"create_config", "list_all_users"} & names
    assert "There is no tool" in widened["content"][0]["text"]
    assert "is another workspace" in other["content"][0]["text"]
    assert "limited to no workspace" in further["content"][0]["text"]
    async with plain_client() as http:
        ended = await http.delete(f"{url}/mcp", headers=dict([session]))
        assert ended.status_code == 200


async def test_a_session_that_was_not_narrowed_may_be_by_each_request(url_with_sessions):
    _, _, headers = await ask(url_with_sessions, "initialize", **INITIALIZE_PARAMS)
    session = ("mcp-session-id", headers["mcp-session-id"])

    assert "create_config" in await listed(url_with_sessions, session)
    assert "create_config" not in await listed(url_with_sessions, session, READ_ONLY)

"""What belongs to a caller with one Portkey key is out of reach with another."""

import asyncio
import json
import re
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from asgi_client import client_of
from asgi_server import plain_client, serve_app
from portkey_admin_mcp.assembly import http_app
from portkey_admin_mcp.portkey.clients import current_secret
from portkey_admin_mcp.safety.caller import LOCAL, Caller, current_caller
from portkey_admin_mcp.safety.journal.sqlite_journal import SqliteJournal
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.server.http.access.caller_key import CallerKeys, CallerKeySelection
from portkey_admin_mcp.server.http.access.principal import principal_of
from portkey_admin_mcp.server.http.app import build_http
from portkey_admin_mcp.server.http.events.event_log import stream_key
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings
from servers import hosted, shared_server
from tenants import MARKS, PREFIX, TOKENS, TenantsCaller, create_service, organisation, portkey_of

SERVER_KEY_SEED = "admin"
"""The server's own key is another one of the first organisation."""
STREAM = {"accept": "application/json, text/event-stream"}
KINDS = {
    "fast path": {},
    "SDK": {"MCP_FAST_PATH": False},
    "with events": {"MCP_EVENT_STORE": "memory"},
    "code": {"PORTKEY_TOOL_MODE": "code", "MCP_SESSION_MODE": "stateless"},
    "guarded": {"MCP_SESSION_MODE": "stateless", "PORTKEY_CONFIRM": "always"},
}


class Services(NamedTuple):
    """Services in front of two organisations, whose keys these are."""

    urls: dict
    keys: list
    server_key: str
    received: list
    folder: object


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    folder, received = tmp_path_factory.mktemp("keys"), []
    organisations = [organisation(mark) for mark in MARKS]
    keys = [emulator.keys()["owner"] for emulator in organisations]
    server_key = organisations[0].keys()[SERVER_KEY_SEED]
    with ExitStack() as running:
        portkey = running.enter_context(
            serve_app(lambda _port: portkey_of(organisations, received))
        )

        def start(kind):
            def create(port):
                return create_service(
                    f"{portkey}/v1",
                    folder / kind,
                    port,
                    key=server_key,
                    PORTKEY_KEY_MODE="either",
                    PORTKEY_CALLER_KEYS=json.dumps({"bearer:dee": keys[1]}),
                    **KINDS[kind],
                )

            (folder / kind).mkdir()
            return running.enter_context(serve_app(create))

        yield Services({kind: start(kind) for kind in KINDS}, keys, server_key, received, folder)


@pytest.fixture
async def http():
    async with plain_client(timeout=30) as client:
        yield client


@pytest.fixture
def caller(services, http):
    """A caller by name, with the key of this tenant; with None, without a key."""

    def create(kind, generation, name, tenant=None, **headers):
        own = {} if tenant is None else {"x-portkey-api-key": services.keys[tenant]}
        authorization = {"authorization": f"Bearer {TOKENS[name]}"}
        return TenantsCaller(
            http, services.urls[kind], generation, **authorization, **own, **headers
        )

    return create


def marks_in(answer):
    return {mark for mark in MARKS if mark in answer.text.lower()}


in_each_way = pytest.mark.parametrize("kind", ["fast path", "SDK", "with events"])


@in_each_way
async def test_in_interleaved_sessions_each_request_uses_the_key_it_came_with(
    caller, services, kind
):
    """Of two principals with two keys, of the server, and of one that is configured."""
    tenants = {"ada": 0, "ben": 1, "cyd": None, "dee": None}
    callers = [caller(kind, "stateful", name, tenant) for name, tenant in tenants.items()]
    for each in callers:
        await each.open()
    services.received.clear()

    marks = [{MARKS[0]}, {MARKS[1]}, {MARKS[0]}, {MARKS[1]}]
    for _round in range(2):
        answers = await asyncio.gather(*(each.call("list_workspaces") for each in callers))
        assert [marks_in(answer) for answer in answers] == marks

    own = [*services.keys, services.server_key, services.keys[1]]
    used = [request.key for request in services.received]
    assert sorted(used) == sorted(own * 2)


@in_each_way
async def test_a_session_is_not_found_with_another_key_of_the_same_principal(caller, http, kind):
    first = caller(kind, "stateful", "ada", 0)
    await first.open()
    for tenant in (1, None):
        other = caller(kind, "stateful", "ada", tenant)
        other.headers |= {"mcp-session-id": first.headers["mcp-session-id"]}
        for method in ("list_workspaces", "list_configs"):
            answer = await other.call(method)
            assert answer.status == 404, answer
            assert marks_in(answer) == set()
        for method in ("GET", "DELETE"):
            answer = await http.request(method, other._url, headers=other.headers)
            assert answer.status_code == 404

    assert marks_in(await first.call("list_workspaces")) == {MARKS[0]}


async def test_a_stream_is_resumed_with_its_own_key_only(caller, http):
    first = caller("with events", "stateful", "ada", 0)
    await first.open()
    first.headers |= {"mcp-protocol-version": "2025-11-25"}
    answer = await first.call("list_workspaces")
    event = re.findall(r"(?m)^id: (\S+)", answer.text)[0]
    resumed = {"last-event-id": event}
    for tenant in (1, None):
        other = caller("with events", "stateful", "ada", tenant)
        refused = await http.get(other._url, headers=other.headers | resumed)
        assert refused.status_code == 404

    replayed = await http.get(first._url, headers=first.headers | resumed)
    assert MARKS[0] in replayed.text


async def test_no_connection_to_portkey_is_used_with_two_keys(caller, services):
    services.received.clear()
    for _round in range(3):
        for tenant in (0, 1, None):
            answer = await caller("guarded", "stateless", "ada", tenant).call("list_workspaces")
            assert answer.status == 200

    by_port = {}
    for request in services.received:
        by_port.setdefault(request.port, set()).add(request.key)
    assert {len(keys) for keys in by_port.values()} == {1}
    assert len(by_port) == 3  # and each is used again


async def test_no_header_changes_where_a_request_goes_or_adds_to_it(caller, services):
    """The token of this service is not sent to Portkey."""
    names = ("x-portkey-base-url", "x-portkey-custom-host", "portkey-base-url", "x-forwarded-host")
    elsewhere = dict.fromkeys(names, "https://elsewhere.example/v1")
    services.received.clear()
    for generation in ("stateless", "modern"):
        answer = await caller("guarded", generation, "ada", 0, **elsewhere).call("list_workspaces")
        assert marks_in(answer) == {MARKS[0]}

    assert len(services.received) == 2
    for request in services.received:
        text = json.dumps(request.headers)
        assert "elsewhere" not in text
        assert not any(token in text for token in TOKENS.values())
        assert set(request.headers) <= {
            "host", "accept", "accept-encoding", "user-agent", "x-portkey-api-key",
        }  # fmt: skip


async def test_completions_and_resources_are_of_the_key_of_their_request(caller):
    reference = {"type": "ref/prompt", "name": "set_budgets"}
    argument = {"name": "workspace", "value": ""}
    for generation in ("stateless", "modern"):
        for tenant in (0, 1, 0):
            each = caller("guarded", generation, "ada", tenant)
            completion = await each.send("completion/complete", ref=reference, argument=argument)
            resource = await each.send("resources/read", uri="portkey://organisation")
            assert marks_in(completion) == marks_in(resource) == {MARKS[tenant]}


async def test_code_calls_tools_with_the_key_of_its_caller(caller):
    code = 'return [each["name"] for each in (await call_tool("list_workspaces"))["data"]]'
    callers = [caller("code", "modern", "ada", tenant) for tenant in (0, 1)]

    answers = await asyncio.gather(*(each.call("execute", code=code) for each in callers))

    assert [marks_in(answer) for answer in answers] == [{mark} for mark in MARKS]


NEW = {"name": "mine", "config": {"retry": {"attempts": 2}}}


async def test_an_approval_is_for_the_key_that_asked_and_the_journal_tells_keys_apart(
    caller, services
):
    folder = services.folder / "guarded"
    first, other = (caller("guarded", "modern", "ada", tenant) for tenant in (0, 1))
    requested = await first.call("create_config", **NEW)
    (id,) = re.findall(r"Approval id: (\w+)", requested.text)
    store = SqliteStore(folder / "state.db")
    await store.settle(id, "approved", "bearer:ben", "")

    refused = await other.call("create_config", **NEW)
    (another,) = re.findall(r"Approval id: (\w+)", refused.text)
    assert another != id
    made = await first.call("create_config", **NEW)
    assert made.message["result"]["isError"] is False
    await store.settle(another, "approved", "bearer:ben", "")
    assert (await other.call("create_config", **NEW)).message["result"]["isError"] is False
    await store.close()

    journal = SqliteJournal(folder / "journal.db")
    lines = [line.fields async for line in journal.lines()]
    await journal.close()
    begun = [line for line in lines if line["state"] == "begun"]
    assert [line["principal"] for line in begun] == ["bearer:ada"] * 2
    assert len({line["key"] for line in begun}) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", line["key"]) for line in begun)
    written = b"".join(file.read_bytes() for file in folder.iterdir() if file.suffix != ".env")
    for key in (*services.keys, services.server_key):
        assert key.encode() not in written


async def test_a_question_is_answered_with_the_key_that_was_asked(caller):
    asks = {f"{PREFIX}clientCapabilities": {"elicitation": {"form": {}}}}
    first, other = (caller("guarded", "modern", "ada", tenant) for tenant in (0, 1))
    call = {"name": "create_config", "arguments": {**NEW, "name": "asked"}, "_meta": asks}
    question = (await first.send("tools/call", **call)).message["result"]
    reply = {"action": "accept", "content": {"name": "asked"}}
    answer = {
        "inputResponses": dict.fromkeys(question["inputRequests"], reply),
        "requestState": question["requestState"],
    }

    refused = (await other.send("tools/call", **call, **answer)).message
    taken = (await first.send("tools/call", **call, **answer)).message

    assert "error" in refused, refused
    assert "answered faster than a person reads" in json.dumps(taken)  # so the state was accepted


async def test_what_follows_the_choice_of_the_key_sees_no_header_and_leaves_no_key_behind():
    observed = []

    async def app(scope, _receive, send):
        names = [name for name, _value in scope["headers"]]
        key = current_caller.get().key
        observed.append((names, current_secret(), key, principal_of(scope).key, repr(scope)))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    keys = CallerKeys(Hosting(PORTKEY_KEY_MODE="either"), bytes(32))
    selection = CallerKeySelection(app, keys)
    async with client_of(selection) as client:
        await client.get("/mcp", headers={"X-Portkey-Api-Key": "pk-canary"})
        await client.get("/mcp")
        await client.get("/mcp", headers={"X-Portkey-Api-Key": "pk-canary"})
        assert current_secret() == ""
        assert current_caller.get() == LOCAL

    first, second, third = observed
    assert b"x-portkey-api-key" not in first[0]
    assert first[1] == "pk-canary"
    assert first[2] == first[3] != ""
    assert "pk-canary" not in first[4]
    assert second[1:4] == ("", "", "")
    assert third[2] == first[2]


def limited(mode, limit=2, **variables):
    return Hosting(
        PORTKEY_KEY_MODE=mode,
        MCP_AUTH_MODE="bearer",
        MCP_AUTH_TOKENS=json.dumps(TOKENS),
        MCP_SESSION_MODE="stateless",
        RATE_LIMIT_MAX_REQUESTS_PER_PRINCIPAL=limit,
        **variables,
    )


async def test_requests_are_limited_by_key_and_all_keys_of_a_principal_together():
    app = build_http(shared_server(), limited("either"))

    async with client_of(app) as client:

        async def statuses(name, key, count):
            headers = {"authorization": f"Bearer {TOKENS[name]}", "x-portkey-api-key": key}
            headers = headers if key else {"authorization": headers["authorization"]}
            return [(await client.get("/mcp", headers=headers)).status_code for _ in range(count)]

        assert await statuses("ada", "pk-1", 3) == [405, 405, 429]
        assert await statuses("ada", "pk-2", 3) == [405, 405, 429]
        assert await statuses("ada", None, 1) == [405]
        # Eight in all: neither other keys nor refused ones help.
        assert await statuses("ada", "a wrong one", 2) == [400, 429]
        assert await statuses("ada", "pk-3", 1) == [429]
        assert await statuses("ben", "pk-1", 3) == [405, 405, 429]


async def test_only_the_endpoint_needs_a_key_however_its_path_is_written():
    async with client_of(build_http(shared_server(), limited("caller"))) as client:
        headers = {"authorization": f"Bearer {TOKENS['ada']}"}
        paths = ("/mcp", "/mcp/", "/%6dcp", "/mcp?tools=users", "/another")
        statuses = [(await client.get(path, headers=headers)).status_code for path in paths]

    assert statuses == [403, 403, 403, 403, 404]


async def test_sessions_of_all_keys_of_a_principal_count_together():
    def app(port):
        hosting = Hosting(
            MCP_PORT=port,
            PORTKEY_KEY_MODE="caller",
            MCP_AUTH_MODE="bearer",
            MCP_AUTH_TOKENS=json.dumps(TOKENS),
            MCP_MAX_SESSIONS_PER_PRINCIPAL=2,
        )
        return hosted(lambda: None, hosting)

    with serve_app(app) as url:
        async with plain_client(timeout=30) as http:
            callers = []
            for name, key in (("ben", "1"), ("ada", "1"), ("ada", "2"), ("ada", "3")):
                own = {"authorization": f"Bearer {TOKENS[name]}", "x-portkey-api-key": f"pk-{key}"}
                callers.append(TenantsCaller(http, url, "stateful", **own))
                assert (await callers[-1].open()).status == 200
            answers = [(await caller.send("tools/list")).status for caller in callers]

    # The third session of ada ended her first one, although each has a key of its own.
    assert answers == [200, 404, 200, 200]


def test_the_same_principal_with_another_key_has_other_streams_and_one_share():
    plain = Caller("bearer:ada")
    keyed = [Caller("bearer:ada", key=key) for key in ("k1", "k2")]
    names = {stream_key(principal, "s") for principal in (plain, *keyed)}
    assert len(names) == 3
    assert {name.partition(":")[0] for name in names} == {plain.fingerprint}


async def test_in_the_sandbox_a_key_may_be_named_as_in_the_setting():
    sandbox = Settings(PORTKEY_SANDBOX=True)
    hosting = Hosting(
        PORTKEY_KEY_MODE="caller",
        MCP_ALLOW_UNAUTHENTICATED_HTTP=True,
        MCP_SESSION_MODE="stateless",
    )
    app = http_app(sandbox, hosting)
    async with client_of(app) as client:
        owner, scopeless, unknown = [
            await TenantsCaller(client, "", "modern", **{"x-portkey-api-key": key}).call(
                "list_workspaces"
            )
            for key in ("owner", "scopeless", "nobody")
        ]

    assert owner.message["result"]["isError"] is False
    assert "403" in scopeless.text
    assert "401" in unknown.text

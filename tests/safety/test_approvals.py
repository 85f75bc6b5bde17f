"""Who may settle what a model asked for: over HTTP, by the rules, and from end to end."""

import asyncio
import json
import os
import pty
import subprocess
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from click import ClickException
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from asgi_client import client_of
from asgi_server import plain_client, serve_app
from mcp_texts import texts
from people import GENERATIONS, Person
from portkey_admin_mcp.assembly import http_app
from portkey_admin_mcp.cli.command_line import main
from portkey_admin_mcp.clients.launcher import typed_command
from portkey_admin_mcp.errors import ConfigurationError, NotPermitted
from portkey_admin_mcp.safety.approvals import (
    Approvers,
    Where,
    not_open_text,
    printable,
    require_local_may_settle,
)
from portkey_admin_mcp.safety.door import Door
from portkey_admin_mcp.safety.permit import permitted_only
from portkey_admin_mcp.safety.redis_store import RedisStore
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.safety.store import PENDING_S, Approval, Freeze
from portkey_admin_mcp.server.http.app import build_http
from portkey_admin_mcp.server.http.pages.approvals import Approvals
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.safety import SafetySettings, load_safety
from portkey_admin_mcp.settings.settings import Settings
from programs import COMMAND, tree_environment
from server.http.conftest import running_redis
from servers import build_server, shared_server

NAMES = ("ci", "mo", "ada")
TOKENS = {name: f"token-of-{name}-0123456789" for name in NAMES}
BEARER = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKENS": json.dumps(TOKENS)}
APPROVERS = "bearer:mo,bearer:ci"
ONE = "/approvals/0a1b2c3d"
APPROVE = {"decision": "approve", "name": "jo@acme.example"}
DENY = {"decision": "deny", "why": "still\n in use"}


def pending_request(**fields):
    """A request of `bearer:ci`, made now."""
    now = time.time()
    request = Approval(
        id="0a1b2c3d",
        call="call",
        binding="binding",
        tool="delete_user",
        label="jo@acme.example",
        preview='{"risk": "high"}',
        requester="bearer:ci",
        created_at=now,
        expires_at=now + PENDING_S,
    )
    return replace(request, **fields)


@pytest.fixture
def service(store):
    """A client of a service with these settings: `service("mo", MCP_APPROVERS="bearer:mo")`."""

    def client(name, *, other_store=None, hosting=None, **settings):
        app = build_http(
            shared_server(),
            Hosting(**(BEARER if hosting is None else hosting)),
            approvals=Approvals(other_store or store, SafetySettings(**settings), Where()),
        )
        http = client_of(app)
        if name:
            http.headers["authorization"] = f"Bearer {TOKENS[name]}"
        return http

    return client


async def test_an_approver_sees_what_waits_and_approves_it_by_its_name(service, store):
    await store.request(pending_request())
    async with service("mo") as http:
        listed = (await http.get("/approvals/open")).json()
        one = (await http.get(ONE)).json()
        answer = await http.post(ONE, json=APPROVE)

    assert listed["you"] == "bearer:mo"
    assert listed["freeze"] is None
    assert listed["approvals"] == [one]
    assert {"call", "binding", "four_eyes", "settled_by", "settled_at", "why"}.isdisjoint(one)
    assert (one["id"], one["tool"], one["name"]) == ("0a1b2c3d", "delete_user", "jo@acme.example")
    assert (one["requester"], one["preview"]) == ("bearer:ci", {"risk": "high"})
    assert one["lines"] == ['Delete user: "jo@acme.example"', "Risk: high."]
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json()["state"], answer.json()["settled_by"]) == ("approved", "bearer:mo")
    assert (await store.take("call", "binding")).settled_by == "bearer:mo"


async def test_a_denial_keeps_who_and_why_on_one_line(service, store):
    await store.request(pending_request())
    async with service("mo") as http:
        assert (await http.post(ONE, json=DENY)).json()["why"] == "still in use"

    assert (await store.take("call", "binding")).state == "denied"


@pytest.mark.parametrize(
    ("name", "settings", "body", "status", "message"),
    [
        ("mo", {}, APPROVE, 200, ""),
        ("ci", {}, APPROVE, 403, "bearer:ci asked for this, so another principal must approve"),
        ("ci", {}, DENY, 200, ""),
        ("ci", {"MCP_APPROVERS": APPROVERS}, APPROVE, 200, ""),
        ("mo", {"MCP_APPROVERS": APPROVERS}, APPROVE, 200, ""),
        ("ada", {"MCP_APPROVERS": APPROVERS}, APPROVE, 403, "bearer:ada is not an approver"),
        ("ada", {"MCP_APPROVERS": APPROVERS}, DENY, 403, "bearer:ada is not an approver"),
    ],
)
async def test_who_may_decide(service, store, name, settings, body, status, message):
    await store.request(pending_request())
    async with service(name, **settings) as http:
        answer = await http.post(ONE, json=body)

    assert answer.status_code == status
    assert message in answer.json().get("message", "")
    assert ((await store.find("0a1b2c3d")).state == "pending") is (status != 200)


@pytest.mark.parametrize(("name", "status"), [("ci", 403), ("mo", 200)])
async def test_under_four_eyes_the_requester_does_not_approve_even_as_an_approver(
    service, store, name, status
):
    await store.request(pending_request(four_eyes=1))
    async with service(name, MCP_APPROVERS=APPROVERS) as http:
        assert (await http.get(ONE)).json()["four_eyes"]
        assert (await http.post(ONE, json=APPROVE)).status_code == status


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        (ONE, {"decision": "approve"}, 400, '"name" must be the name'),
        (ONE, {**APPROVE, "name": "someone else"}, 400, '"name" must be the name'),
        (ONE, {**APPROVE, "name": ["jo@acme.example"]}, 400, '"name" must be a text'),
        (ONE, {"decision": "approved", "name": "jo@acme.example"}, 400, '"decision" must be'),
        (ONE, {"decision": ["approve"]}, 400, '"decision" must be a text'),
        (ONE, ["approve"], 400, "Send a JSON object"),
        (ONE, None, 400, "Send a JSON object"),
        ("/approvals/ffffffff", APPROVE, 404, "There is no request ffffffff"),
        ("/freeze", {}, 400, '"why" must say'),
        ("/freeze", {"why": "\n"}, 400, '"why" must say'),
    ],
)
async def test_a_wrong_request_is_explained_and_decides_nothing(
    service, store, path, body, status, message
):
    await store.request(pending_request())
    async with service("mo") as http:
        answer = await http.post(path, **({} if body is None else {"json": body}))

    assert answer.status_code == status
    assert message in answer.json()["message"]
    assert (await store.find("0a1b2c3d")).state == "pending"
    assert await store.freeze() is None


async def test_what_was_decided_cannot_be_decided_again(service, store):
    await store.request(pending_request())
    await store.settle("0a1b2c3d", "denied", "bearer:ada", "")
    async with service("mo") as http:
        answer = await http.post(ONE, json=APPROVE)
        unknown = await http.get("/approvals/ffffffff")

    assert answer.status_code == 409
    assert "was denied by bearer:ada already" in answer.json()["message"]
    assert unknown.status_code == 404


class WithAFasterApprover(SqliteStore):
    """Another approver denies each request right after it was read."""

    async def find(self, id):
        approval = await super().find(id)
        await self.settle(id, "denied", "bearer:ada", "")
        return approval


async def test_of_two_approvers_the_slower_is_told_what_the_other_decided(service):
    store = WithAFasterApprover(":memory:")
    await store.request(pending_request())
    async with service("mo", other_store=store) as http:
        answer = await http.post(ONE, json=APPROVE)

    assert answer.status_code == 409
    assert "was denied by bearer:ada already" in answer.json()["message"]


ENDPOINTS = [
    ("GET", "/approvals/open"),
    ("GET", ONE),
    ("POST", ONE),
    ("GET", "/freeze"),
    ("POST", "/freeze"),
    ("DELETE", "/freeze"),
]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
async def test_every_endpoint_is_guarded_as_mcp_is(service, store, method, path):
    await store.request(pending_request())
    await store.set_freeze(Freeze("bearer:mo", "why", 1))
    body = {"json": {**APPROVE, "why": "why"}} if method == "POST" else {}

    async def status(name="mo", hosting=None, **headers):
        async with service(name, hosting=hosting) as http:
            return (await http.request(method, path, headers=headers, **body)).status_code

    assert await status(None) == 401
    assert await status(authorization="Bearer nobodys-token-0123456789") == 401
    assert await status(host="evil.example") == 421
    assert await status(origin="https://evil.example") == 403
    assert await status(None, {}) == 403  # without authentication
    async with service(
        "mo", hosting={**BEARER, "RATE_LIMIT_MAX_REQUESTS_PER_PRINCIPAL": 1}
    ) as http:
        await http.get("/approvals/open")
        assert (await http.request(method, path, **body)).status_code == 429
    assert (await store.find("0a1b2c3d")).state == "pending"
    assert await store.freeze() is not None


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"content-type": "text/plain"}, json.dumps(APPROVE), 415),
        ({"content-type": "application/x-www-form-urlencoded"}, "decision=approve", 415),
        ({"content-type": "application/json"}, "[" * 5000, 400),
        ({"content-type": "application/json"}, '"' + "x" * 2_000_000 + '"', 413),
    ],
)
async def test_a_form_of_another_site_approves_nothing(service, store, headers, content, status):
    await store.request(pending_request())
    async with service("mo") as http:
        answer = await http.post(ONE, headers=headers, content=content)

    assert answer.status_code == status
    assert (await store.find("0a1b2c3d")).state == "pending"


async def test_without_authentication_the_answer_names_the_command(service):
    async with service(None, hosting={}) as http:
        answer = await http.get("/approvals/open")

    assert answer.status_code == 403
    assert "`portkey-admin-mcp thaw`" in answer.json()["message"]


async def test_a_store_that_is_away_is_said(service):
    away = RedisStore(Redis(port=1, retry=Retry(NoBackoff(), 0)), "p")
    async with service("mo", other_store=away) as http:
        answer = await http.get("/approvals/open")

    assert answer.status_code == 503
    assert "cannot read its record" in answer.json()["message"]


async def test_the_page_holds_no_approvals_and_allows_only_its_own_script(service, store):
    await store.request(pending_request())
    async with service(None) as http:
        page = await http.get("/approvals")
    async with service(None, hosting={}) as http:
        without_sign_in = await http.get("/approvals")

    assert page.status_code == 200
    assert "jo@acme.example" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; style-src 'sha256-" in policy
    assert "; connect-src 'self';" in policy
    assert "form-action 'none'" in policy
    assert '<input type="password" id="token"' in page.text
    assert 'id="token"' not in without_sign_in.text
    assert "portkey-admin-mcp approvals" in without_sign_in.text


def test_approvers_are_named_with_their_kind(monkeypatch):
    monkeypatch.setenv("MCP_APPROVERS", "mo")

    with pytest.raises(ConfigurationError, match="like bearer:mo"):
        load_safety()


def test_who_is_no_approver_neither_settles_nor_thaws():
    approvers = Approvers(SafetySettings(MCP_APPROVERS=APPROVERS))

    with pytest.raises(NotPermitted, match="bearer:ada is not an approver"):
        approvers.require_may_settle("bearer:ada", pending_request(), "denied")
    with pytest.raises(NotPermitted, match="bearer:ada is not an approver"):
        approvers.require_may_thaw("bearer:ada", None)


def test_of_an_approval_that_was_used_nobody_is_named():
    used = pending_request(state="used", settled_by="bearer:mo")

    assert not_open_text(used.id, used).startswith("The request 0a1b2c3d was used already.")


def test_at_a_terminal_nobody_can_be_the_second_pair_of_eyes():
    with pytest.raises(NotPermitted, match="with --url and your own token"):
        require_local_may_settle(pending_request(four_eyes=1), "approved")
    require_local_may_settle(pending_request(four_eyes=1), "denied")
    require_local_may_settle(pending_request(), "approved")


def test_a_text_cannot_change_the_terminal():
    assert printable("a\x1b[2J\u202e\x9b\r\nb\tü") == "a\\x1b[2J\\u202e\\x9b\\r\nb\\tü"


class TestDoor:
    """What the door says, and what it does without its store."""

    @pytest.mark.parametrize(
        ("where", "command"),
        [
            (Where(), "`portkey-admin-mcp approve {id}` in a terminal on this server's machine"),
            (Where(" --sandbox"), "`portkey-admin-mcp approve {id} --sandbox` in a terminal on"),
            (
                Where(" --url https://x.example", "https://x.example/approvals"),
                "at https://x.example/approvals or by `portkey-admin-mcp approve {id} --url "
                "https://x.example`",
            ),
        ],
    )
    async def test_the_advice_names_the_command_that_reaches_this_server(
        self, api, store, where, command
    ):
        door = Door(SafetySettings(), lambda: store, where=where)
        server = build_server(lambda: api.with_gate(permitted_only), door=door)
        async with Client(server) as client:
            users = (await client.call_tool("list_all_users", {})).structured_content
            call = {"user_id": users["data"][0]["id"]}
            refused = texts(await client.call_tool("delete_user", call))[0]
            (waiting,) = await store.list_open()
            await store.set_freeze(Freeze("mo", "why", 1))
            frozen = texts(await client.call_tool("delete_user", call))[0]

        assert command.format(id=waiting.id) in refused
        assert "You cannot approve it yourself" in refused
        assert f"Only a person ends it, by {where.thaw}" in frozen

    @pytest.mark.parametrize("generation", GENERATIONS)
    @pytest.mark.parametrize("confirm", ["auto", "never"])
    async def test_without_its_store_nothing_changes_and_reads_go_on(
        self, api, changes, generation, confirm
    ):
        away = RedisStore(Redis(port=1, retry=Retry(NoBackoff(), 0)), "p")
        door = Door(SafetySettings(PORTKEY_CONFIRM=confirm), lambda: away, min_reply_s=0)
        server = build_server(lambda: api.with_gate(permitted_only), door=door)
        person = Person()
        async with Client(server, mode=generation, elicitation_callback=person.answer) as client:
            users = await client.call_tool("list_all_users", {})
            id = users.structured_content["data"][0]["id"]
            results = [
                await client.call_tool("create_workspace", {"name": "New"}),
                await client.call_tool("delete_user", {"user_id": id}),
            ]

        assert not users.is_error
        assert all(result.is_error for result in results)
        assert "cannot read its record of freezes and approvals" in texts(results[0])[0]
        assert "once this server can read its record, call create_workspace" in texts(results[0])[0]
        assert changes() == []

    async def test_no_confirmation_counts_if_the_store_goes_away_meanwhile(
        self, api, changes, store
    ):
        """The person has typed the name, and then the reply cannot be recorded as used."""
        away = RedisStore(Redis(port=1, retry=Retry(NoBackoff(), 0)), "p")
        current = [store]

        async def redis_stops():
            current[:] = [away]
            return "accept"

        for generation in GENERATIONS:
            current[:] = [store]
            door = Door(SafetySettings(), lambda: current[0], min_reply_s=0)
            server = build_server(lambda: api.with_gate(permitted_only), door=door)
            person = Person(redis_stops)
            async with Client(
                server, mode=generation, elicitation_callback=person.answer
            ) as client:
                users = (await client.call_tool("list_all_users", {})).structured_content
                call = {"user_id": users["data"][0]["id"]}
                result = await client.call_tool("delete_user", call)

            assert len(person.questions) == 1
            assert "cannot read its record" in texts(result)[0]
        assert changes() == []

    async def test_an_approval_of_one_account_is_none_for_another(self, connect, changes, store):
        arguments = {
            "name": "CI",
            "type": "organisation",
            "sub_type": "service",
            "scopes": ["logs.list"],
        }

        async def create_with(key):
            door = Door(SafetySettings(), lambda: store)
            api = connect(key).with_gate(permitted_only)
            async with Client(build_server(lambda: api, door=door)) as client:
                return (await client.call_tool("create_api_key", arguments)).is_error

        assert await create_with("owner")
        (waiting,) = await store.list_open()
        await store.settle(waiting.id, "approved", "mo", "")

        assert await create_with("admin")
        assert changes() == []
        assert not await create_with("owner")


class TestEndToEnd:
    """Real servers, real clients, and the commands that a person types."""

    @pytest.mark.parametrize("generation", GENERATIONS)
    async def test_over_http_another_principal_approves(self, tmp_path, monkeypatch, generation):
        set_environment(monkeypatch, tmp_path)
        with serve_app(sandbox_app) as url:
            async with connected(url, "ci", generation) as client:
                call, refused = await delete_a_user(client)
                id = refused.partition("Approval id: ")[2][:8]
                assert f"`portkey-admin-mcp approve {id} --url {url}`" in refused
                with pytest.raises(ClickException, match="MCP_FOUR_EYES requires another person"):
                    await command("approve", id, "--url", url, "--yes", "--token-env", "CI")
                assert id in texts(await client.call_tool("delete_user", call))[0]

                monkeypatch.setenv("WRONG", "nobodys-token-0123456789")
                with pytest.raises(ClickException, match="does not accept the token in WRONG"):
                    await command("approvals", "--url", url, "--token-env", "WRONG")

                await command("approve", id, "--url", url, "--yes", "--token-env", "MO")
                with pytest.raises(ClickException, match=f"The request {id} is approved already"):
                    await command("approve", id, "--url", url, "--yes", "--token-env", "MO")
                async with connected(url, "ada", generation) as other:
                    # The approval is of a call of `ci`.
                    assert (await other.call_tool("delete_user", call)).is_error
                assert not (await client.call_tool("delete_user", call)).is_error
                assert (await client.call_tool("delete_user", call)).is_error

    async def test_with_redis_an_approval_and_a_freeze_hold_for_all_instances(
        self, tmp_path, monkeypatch, capsys
    ):
        set_environment(monkeypatch, tmp_path)
        with running_redis() as redis:
            monkeypatch.setenv("MCP_REDIS_URL", redis.url)
            monkeypatch.setenv("RATE_LIMIT_STORE", "redis")
            monkeypatch.setenv("MCP_EVENT_STORE_COMMAND_TIMEOUT_MS", "200")
            with serve_app(sandbox_app) as one, serve_app(sandbox_app) as two:
                async with connected(one, "ci") as client, connected(two, "ci") as elsewhere:
                    call, refused = await delete_a_user(client)
                    id = refused.partition("Approval id: ")[2][:8]
                    await command("approve", id, "--url", two, "--yes", "--token-env", "MO")

                    freeze = ("freeze", "--why", "an incident", "--token-env", "MO")
                    await command(*freeze, "--url", two)
                    frozen = [
                        texts(await each.call_tool("create_workspace", {"name": "New"}))[0]
                        for each in (client, elsewhere)
                    ]
                    await command("freeze", "--status", "--sandbox")
                    await command("thaw", "--url", one, "--yes", "--token-env", "MO")
                    results = [
                        await client.call_tool("create_workspace", {"name": "New"}),
                        await client.call_tool("delete_user", call),
                    ]
                    redis.stop()
                    away = texts(await client.call_tool("create_workspace", {"name": "New"}))[0]
                    read = await client.call_tool("list_workspaces", {})

        assert all("by bearer:mo: an incident" in text for text in frozen)
        assert f"`portkey-admin-mcp thaw --url {one}`" in frozen[0]
        on_this_machine = capsys.readouterr().out.splitlines()[-3]
        assert on_this_machine.endswith("by bearer:mo: an incident")
        assert not any(result.is_error for result in results)
        assert "cannot read its record" in away
        assert not read.is_error

    async def test_on_stdio_a_person_declines_at_the_client_or_approves_at_a_terminal(
        self, tmp_path
    ):
        environment = tree_environment({"PORTKEY_STATE_DIR": str(tmp_path)})
        server = StdioServerParameters(
            command=COMMAND[0], args=[*COMMAND[1:], "--sandbox"], env=environment
        )
        person = Person("decline")
        asking = Client(stdio_client(server), mode="legacy", elicitation_callback=person.answer)
        async with asking, Client(stdio_client(server)) as client:
            call = {"workspace_id": await id_of_support(asking), "force_delete": True}
            declined = texts(await asking.call_tool("delete_workspace", call))[0]
            assert await id_of_support(asking) == call["workspace_id"]
            (not_made,) = await changes_of(asking)

            refused = texts(await client.call_tool("delete_workspace", call))[0]
            assert await id_of_support(client) == call["workspace_id"]
            (waiting,) = await changes_of(client)
            id = refused.partition("Approval id: ")[2][:8]
            assert f"`{typed_command()} approve {id} --sandbox`" in refused
            name = json.loads(refused.splitlines()[1])["object"]["name"]

            shown = await asyncio.to_thread(typed, name, environment, "approve", id, "--sandbox")
            done = await client.call_tool("delete_workspace", call)
            again = await client.call_tool("delete_workspace", call)
            change, *before = await changes_of(client)
            on_record = await client.call_tool("get_change", {"change": change["change"]})

        (question,) = person.questions
        assert question.startswith('Delete workspace: "Support"')
        assert "the user declined" in declined
        assert "what is deleted cannot be restored" in shown
        assert "Approved. The same call of delete_workspace passes once" in shown
        assert not done.is_error
        assert again.is_error
        deletion = {"tool": "delete_workspace", "object": "Support", "state": "done"}
        assert {**deletion, "principal": "local"}.items() <= change.items()
        assert {**deletion, "state": "not confirmed"}.items() <= not_made.items()
        assert (not_made["why"], waiting["why"]) == (
            "the user declined",
            f"waits for the approval {id}",
        )
        assert before == [waiting]
        confirmation = on_record.structured_content["confirmation"]
        assert confirmation["by"].startswith("local")
        assert confirmation["how"] == f"approval {id}"


def set_environment(monkeypatch, state_dir):
    for name, value in BEARER.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PORTKEY_STATE_DIR", str(state_dir))
    monkeypatch.setenv("MCP_FOUR_EYES", "true")
    monkeypatch.setenv("MCP_APPROVERS", APPROVERS)
    for name, token in TOKENS.items():
        monkeypatch.setenv(name.upper(), token)


def sandbox_app(port):
    from portkey_admin_mcp.settings.hosting import load_hosting

    return http_app(Settings(PORTKEY_SANDBOX=True), load_hosting(MCP_PORT=port))


@asynccontextmanager
async def connected(url, name, generation="2026-07-28"):
    """The official client, with the token of a principal."""
    async with plain_client(headers={"authorization": f"Bearer {TOKENS[name]}"}) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(transport, mode=generation) as client:
            yield client


async def delete_a_user(client):
    """Try to delete a user; returns the arguments, and the refusal."""
    users = (await client.call_tool("list_all_users", {"role": "member"})).structured_content
    call = {"user_id": users["data"][0]["id"]}
    result = await client.call_tool("delete_user", call)
    assert result.is_error
    return call, texts(result)[0]


async def id_of_support(client):
    """The id of the seeded workspace; fails if it is gone."""
    listed = (await client.call_tool("list_workspaces", {})).structured_content
    (id,) = [row["id"] for row in listed["data"] if "Support" in row["name"]]
    return id


async def changes_of(client):
    """What was changed through the server, by its journal."""
    return (await client.call_tool("list_changes", {})).structured_content["changes"]


async def command(*arguments):
    """Run a command as the command line does, in a thread: it has an event loop of its own."""
    await asyncio.to_thread(main, [*arguments], standalone_mode=False)


def typed(text, environment, *arguments):
    """The output of a command in a terminal, in which somebody types this."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{text}\n".encode())
    try:
        done = subprocess.run(
            [*COMMAND, *arguments],
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=30,
            env=environment,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0, done.stderr
    return done.stdout

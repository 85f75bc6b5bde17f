"""Every change is on record before and after it is sent, in a chain that shows tampering."""

import asyncio
import json
import sqlite3
import stat
from contextlib import ExitStack, closing

import anyio
import pytest
from click.testing import CliRunner
from mcp import Client
from mcp_types import Implementation
from pydantic import SecretStr

from asgi_server import serve_app
from broken_journal import TRANSPORT_ERRORS, Answering, SlowJournal
from journaled import Journaled, client_of
from killed_server import ACCEPTABLE, run
from people import GENERATIONS, Person
from portkey_admin_mcp.assembly import tool_calls
from portkey_admin_mcp.cli.command_line import main
from portkey_admin_mcp.door_assembly import journal_factory
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.safety.caller import Caller, current_caller
from portkey_admin_mcp.safety.journal.chain import Chain, hash_of
from portkey_admin_mcp.safety.journal.changes import UNKNOWN
from portkey_admin_mcp.safety.journal.redis_journal import RedisJournal
from portkey_admin_mcp.safety.journal.sqlite_journal import SqliteJournal
from portkey_admin_mcp.server.fastpath.answers import FastPath
from portkey_admin_mcp.server.http.app import build_http
from portkey_admin_mcp.server.http.events.redis_connection import redis_client
from portkey_admin_mcp.server.loading import load_offer
from portkey_admin_mcp.server.mcp.app import AdminServer
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings
from redis_process import running_redis
from servers import IS_OFF
from stdio_client import stdio_in_process


@pytest.fixture
def file(tmp_path):
    return tmp_path / "journal.db"


@pytest.fixture
async def journal(file):
    kept = SqliteJournal(file)
    yield kept
    await kept.close()


@pytest.fixture
def server(api, journal):
    return Journaled(api, journal)


async def problem_in(journal):
    chain = Chain()
    async for line in journal.lines():
        chain.add(line)
    return chain.problem


async def test_a_change_is_on_record_with_who_what_before_after_and_how_to_undo_it(
    server, journal, workspace
):
    support = workspace("Support")
    current_caller.set(Caller("bearer:ci", "editor/1.2"))
    await server.ask("update_workspace", workspace_id=support, name="Helpers")
    first, second = [line.fields async for line in journal.lines()]

    assert (first["state"], second["state"]) == ("begun", "done")
    assert first["change"] == second["change"]
    assert (first["principal"], first["client"]) == ("bearer:ci", "editor/1.2")
    assert (first["tool"], first["effect"]) == ("update_workspace", "overwrite")
    assert first["arguments"] == {"workspace_id": support, "name": "Helpers"}
    assert first["request"] == f"PUT /admin/workspaces/{support}"
    assert first["body"] == {"name": "Helpers"}
    assert (first["object"], first["before"]["name"]) == ("Support", "Support")
    assert second["after"]["name"] == "Helpers"
    assert first["undo"] == {"tool": "update_workspace"}
    assert await problem_in(journal) == ""


async def test_a_new_object_is_on_record_as_it_is_read(server, workspace):
    await server.ask("create_config", name="Mine", config={}, workspace_id=workspace("Support"))
    change = await server.last()

    assert change["before"] is None
    assert change["before_unknown"] == "it does not exist yet"
    assert (change["after"]["name"], change["after"]["status"]) == ("Mine", "active")


async def test_objects_outside_v1_are_on_record_too(server, emulator):
    (row,) = emulator.store.table("guardrails").where(name="No secrets")
    await server.ask("update_organisation_defaults", input_guardrails=[row["slug"]])
    change = await server.last()

    assert change["before"]["input_guardrails"] == []
    assert [each["slug"] for each in change["after"]["input_guardrails"]] == [row["slug"]]


async def test_reads_leave_no_line(server):
    await server.ask("list_workspaces")
    await server.ask("list_changes")
    assert await server.changes() == []


@pytest.mark.parametrize("transport", ["sdk", "stdio", "http"])
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_the_client_program_is_on_record(server, generation, transport, workspace):
    calls = server.calls
    fast_path = None if IS_OFF else FastPath(calls.offer, calls)
    options = {"mode": generation, "client_info": Implementation(name="editor", version="1.2")}
    call = ("update_workspace", {"workspace_id": workspace("Support"), "name": "Helpers"})

    def app(port):
        hosting = Hosting(MCP_ALLOW_UNAUTHENTICATED_HTTP=True, MCP_PORT=port, MCP_RATE_LIMIT=0)
        return build_http(AdminServer(calls), hosting, calls=calls, fast_path=fast_path)

    with ExitStack() as services:
        target = AdminServer(calls)
        if transport == "stdio":
            target = stdio_in_process(calls, fast_path)
        elif transport == "http":
            target = f"{services.enter_context(serve_app(app))}/mcp"
        async with Client(target, **options) as client:
            assert not (await client.call_tool(*call)).is_error

    assert (await server.last())["client"] == "editor/1.2"


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_who_agreed_is_on_record_and_who_declined(api, journal, generation, workspace):
    server = Journaled(api, journal, PORTKEY_CONFIRM="auto")
    call = {"workspace_id": workspace("Support"), "force_delete": True}
    for does in ("decline", "accept"):
        async with client_of(server, generation, Person(does)) as client:
            await client.call_tool("delete_workspace", call)
    done, declined = await server.changes()

    assert done["confirmation"] == {"by": "local", "how": "asked by the client"}
    assert (declined["state"], declined["why"]) == ("not confirmed", "the user declined")
    assert (declined["tool"], declined["object"]) == ("delete_workspace", "Support")
    assert declined["arguments"] == call
    assert "before" not in declined
    undo = (await server.ask("get_change", change=declined["change"]))["undo"]
    assert undo == {"not_possible": "it cannot be reverted: it changed nothing"}
    assert await problem_in(journal) == ""


async def test_a_call_that_waits_for_approval_is_on_record_once(api, journal, workspace):
    server = Journaled(api, journal, PORTKEY_CONFIRM="auto")
    call = {"workspace_id": workspace("Support"), "force_delete": True}
    first, second = [await server.refusal("delete_workspace", **call) for _ in range(2)]
    (change,) = await server.changes()

    assert first == second
    assert change["why"].removeprefix("waits for the approval ") in first


async def test_it_is_on_record_that_nobody_is_asked(server, workspace):
    await server.ask("delete_workspace", workspace_id=workspace("Support"), force_delete=True)
    await server.ask("create_workspace", name="New")
    created, deleted = await server.changes()

    assert deleted["confirmation"] == {"by": "nobody", "how": "PORTKEY_CONFIRM=never"}
    assert "confirmation" not in created


@pytest.mark.parametrize(("kind", "state"), TRANSPORT_ERRORS)
async def test_the_outcome_says_what_is_known(journal, kind, state, monkeypatch):
    monkeypatch.setattr("portkey_admin_mcp.portkey.retries.MAX_ATTEMPTS", 1)
    transport = Answering(kind)
    server = Journaled(
        Portkey(Settings(PORTKEY_API_KEY=SecretStr("pk-of-the-tests")), transport), journal
    )
    await server.calls("update_collection", {"collection_id": "c", "name": "x"})

    assert (await server.last())["state"] == state
    assert await problem_in(journal) == ""


async def test_a_call_that_is_cancelled_is_on_record_as_unknown():
    """A scope of anyio, as the SDK's, cancels again at each await, also at that of the journal."""
    transport, journal = Answering("silence"), SlowJournal()
    server = Journaled(
        Portkey(Settings(PORTKEY_API_KEY=SecretStr("pk-of-the-tests")), transport), journal
    )
    async with anyio.create_task_group() as group:
        group.start_soon(server.calls, "update_collection", {"collection_id": "c", "name": "x"})
        await asyncio.wait_for(transport.was_sent.wait(), 10)
        group.cancel_scope.cancel()
    await asyncio.wait_for(journal.has_outcome.wait(), 10)

    assert (await server.last())["state"] == "unknown"


class TestAJournalThatCannotBeWritten:
    async def test_nothing_is_sent_if_it_fails_before(self, api, file, emulator):
        file.write_bytes(b"this is not a database" * 100)
        server = Journaled(api, SqliteJournal(file))
        advice = await server.refusal("create_workspace", name="New")

        assert "cannot be used (file is not a database)" in advice
        assert "set PORTKEY_JOURNAL to another file" in advice
        assert not any(line.startswith("POST") for line in emulator.log)
        assert (await server.ask("list_workspaces"))["data"]

    async def test_the_result_says_so_if_it_fails_after(self, journal, file):
        transport = Answering("done", on_write=lambda: drop_lines(file))
        server = Journaled(
            Portkey(Settings(PORTKEY_API_KEY=SecretStr("pk-of-the-tests")), transport), journal
        )
        answer = await server.ask("update_collection", collection_id="c", name="x")

        assert answer["success"]
        assert answer["notes"][0].startswith("The change was made, but that is not on record: ")

    async def test_an_error_says_so_if_it_fails_after(self, journal, file):
        transport = Answering("refused", on_write=lambda: drop_lines(file))
        server = Journaled(
            Portkey(Settings(PORTKEY_API_KEY=SecretStr("pk-of-the-tests")), transport), journal
        )
        advice = await server.refusal("update_collection", collection_id="c", name="x")

        assert "The outcome is: refused, but that is not on record: " in advice

    async def test_a_place_that_cannot_be_written_is_named_with_the_cure(self):
        safety = SafetySettings(PORTKEY_JOURNAL="/dev/null/journal.db")
        calls = tool_calls(Settings(PORTKEY_SANDBOX=True), safety, load_offer())
        outcome = await calls("create_workspace", {"name": "New"})

        assert outcome.is_error
        assert "/dev/null/journal.db cannot be written" in outcome.texts[0]
        assert "set PORTKEY_JOURNAL" in outcome.texts[0]
        assert not (await calls("list_workspaces", {})).is_error

    async def test_off_means_that_there_is_none(self):
        safety = SafetySettings(PORTKEY_JOURNAL="off")
        calls = tool_calls(Settings(PORTKEY_SANDBOX=True), safety, load_offer())

        assert not (await calls("create_workspace", {"name": "New"})).is_error
        assert "PORTKEY_JOURNAL is off" in (await calls("list_changes", {})).texts[0]


async def test_the_sandbox_keeps_a_journal_in_memory(tmp_path):
    safety = SafetySettings(PORTKEY_STATE_DIR=tmp_path)
    calls = tool_calls(Settings(PORTKEY_SANDBOX=True), safety, load_offer())
    await calls("create_workspace", {"name": "New"})
    rows = (await calls("list_changes", {})).structured["changes"]

    assert [row["tool"] for row in rows] == ["create_workspace"]
    assert not (tmp_path / "journal.db").exists()


async def test_only_the_user_can_read_the_file(tmp_path):
    open_journal = journal_factory(SafetySettings(PORTKEY_STATE_DIR=tmp_path / "state"))
    journal = open_journal()
    await journal.append({})

    files = [*(tmp_path / "state").iterdir()]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    await journal.close()


def drop_lines(file):
    with closing(sqlite3.connect(file)) as database:
        database.execute("DROP TABLE lines")


CANARY = "canary-7f3a91c2d4"
SECRET_CALLS = [
    (
        "create_integration",
        {
            "name": "A",
            "ai_provider_id": "openai",
            "key": CANARY,
            "configurations": {"custom_headers": {"x-auth": CANARY}, "azure_entra_secret": CANARY},
            "aws_secret_access_key": CANARY,
        },
    ),
    ("update_integration", {"slug": "openai", "key": CANARY, "configurations": {"a": CANARY}}),
    (
        "update_integration_models",
        {
            "slug": "openai",
            "models": [
                {
                    "slug": "gpt-5",
                    "enabled": True,
                    "configurations": {"custom_headers": {"authorization": f"Bearer {CANARY}"}},
                }
            ],
        },
    ),
    ("create_virtual_key", {"name": "A", "provider": "openai", "key": CANARY}),
    ("update_virtual_key", {"slug": "none", "key": CANARY}),
    (
        "create_secret_reference",
        {
            "name": "A",
            "manager_type": "hashicorp_vault",
            "secret_path": "kv/a",
            "auth_config": {
                "vault_auth_type": "token",
                "vault_addr": "https://vault.acme.example",
                "vault_token": CANARY,
            },
        },
    ),
    (
        "create_mcp_integration",
        {
            "name": "A",
            "url": "https://mcp.acme.example",
            "auth_type": "headers",
            "transport": "http",
            "custom_headers": {"authorization": f"Bearer {CANARY}"},
        },
    ),
]


@pytest.mark.parametrize(("tool", "arguments"), SECRET_CALLS, ids=lambda value: str(value)[:30])
async def test_no_secret_argument_is_in_the_journals_file(server, file, tool, arguments):
    await server.calls(tool, arguments)
    change = await server.last()

    assert change["tool"] == tool
    assert_absent(file, CANARY)


async def test_a_short_secret_is_not_in_the_journals_file_either(server, file):
    await server.ask("create_virtual_key", name="A", provider="openai", key="kÄ7-3")

    assert_absent(file, "k\\u00c47-3")
    assert_absent(file, "kÄ7-3")


async def test_no_header_of_a_log_is_in_the_journals_file(journal, file):
    server = Journaled(
        Portkey(Settings(PORTKEY_API_KEY=SecretStr("pk-of-the-tests")), Answering("done")), journal
    )
    await server.ask("insert_log", request_url="a", request_headers={"x-auth": CANARY})

    assert (await server.last())["tool"] == "insert_log"
    assert_absent(file, CANARY)


async def test_no_secret_that_portkey_answers_is_in_the_journals_file(server, file):
    created = await server.ask(
        "create_api_key", name="A", type="organisation", sub_type="service", scopes=["logs.list"]
    )
    rotated = await server.ask("rotate_api_key", id=created["id"])
    deployment = await server.ask("register_deployment", name="A")

    for secret in (created["key"], rotated["key"], deployment["credentials"]["client_auth"]):
        assert_absent(file, secret)


@pytest.mark.parametrize("kind", ["echoes", "refused with echo"])
async def test_no_secret_that_portkey_repeats_is_in_the_journals_file(journal, file, kind):
    server = Journaled(
        Portkey(Settings(PORTKEY_API_KEY=SecretStr("pk-of-the-tests")), Answering(kind)), journal
    )
    await server.calls("create_virtual_key", {"name": "A", "provider": "openai", "key": CANARY})

    assert (await server.last())["state"] == ("done" if kind == "echoes" else "refused")
    assert_absent(file, CANARY)


def assert_absent(file, secret):
    content = b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))
    assert content
    assert secret.encode() not in content


class TestTheCommand:
    @pytest.fixture
    async def head(self, server, journal):
        """The head of a journal with six lines."""
        for name in ("One", "Two", "Three"):
            await server.ask("create_workspace", name=name)
        (last,) = await journal.latest(1)
        await journal.close()
        return last.hash

    @pytest.fixture
    def command(self, file):
        def run_command(*arguments):
            return CliRunner().invoke(main, ["journal", *arguments, "--file", str(file)])

        return run_command

    def test_it_verifies(self, command, head):
        result = command("verify", "--expect-head", head)

        assert result.exit_code == 0, result.output
        assert result.output == f"lines: 6\nhead: {head}\nThe chain holds.\n"

    @pytest.mark.parametrize(
        ("sql", "problem"),
        [
            (
                "UPDATE lines SET text = replace(text, 'Two', 'Six') WHERE number = 3",
                "line 3 was changed after it was written",
            ),
            ("DELETE FROM lines WHERE number = 3", "line 3 is missing: line 4 comes after 2"),
            ("DELETE FROM lines WHERE number <= 2", "the journal begins with line 3"),
            (
                "UPDATE lines SET number = CASE number WHEN 3 THEN 4 ELSE 3 END + 100 "
                "WHERE number IN (3, 4); UPDATE lines SET number = number - 100 WHERE number > 100",
                "line 3 has the number of another line",
            ),
            ("UPDATE lines SET text = '{}' WHERE number = 1", "line 1 was changed"),
        ],
        ids=["changed", "removed", "beginning removed", "swapped", "first replaced"],
    )
    def test_it_finds_what_was_tampered_with(self, command, head, file, sql, problem):
        with closing(sqlite3.connect(file)) as database:
            database.executescript(sql)
        result = command("verify")

        assert result.exit_code == 1
        assert f"problem: {problem}" in result.output

    def test_it_finds_a_line_with_a_new_hash(self, command, head, file):
        """Whoever changes a line can compute its hash, but not that in the next line."""
        with closing(sqlite3.connect(file)) as database:
            (text,) = database.execute("SELECT text FROM lines WHERE number = 1").fetchone()
            changed = text.replace("One", "Six")
            own_hash = hash_of(changed)
            database.execute(
                "UPDATE lines SET text = ?, hash = ? WHERE number = 1", (changed, own_hash)
            )
            database.commit()
        assert "problem: line 2 does not follow line 1" in command("verify").output

    def test_a_cut_tail_shows_by_the_head_that_is_expected(self, command, head, file):
        with closing(sqlite3.connect(file)) as database:
            database.execute("DELETE FROM lines WHERE number > 4")
            database.commit()

        assert command("verify").exit_code == 0
        result = command("verify", "--expect-head", head)
        assert result.exit_code == 1
        assert "problem: the line of the expected head is missing" in result.output

    def test_it_exports_json_lines_that_can_be_verified_elsewhere(self, command, head, tmp_path):
        output = tmp_path / "changes.jsonl"
        assert command("export", "--output", str(output)).exit_code == 0
        rows = [json.loads(line) for line in output.read_text().splitlines()]

        assert command("export").output == output.read_text()
        assert [row["number"] for row in rows] == [1, 2, 3, 4, 5, 6]
        assert rows[-1]["hash"] == head
        assert [row["follows"] for row in rows[1:]] == [row["hash"] for row in rows[:-1]]

    def test_it_lists_the_last_changes(self, command, head):
        lines = command("list", "--limit", "2").output.splitlines()

        assert [line.split("  ")[3:] for line in lines] == [
            ["create_workspace", "Three", "done"],
            ["create_workspace", "Two", "done"],
        ]

    def test_a_file_that_is_no_journal_ends_it_with_the_reason(self, command, file):
        file.write_bytes(b"this is not a database" * 100)
        result = command("verify")

        assert result.exit_code == 1
        assert "file is not a database" in result.output


async def test_changes_are_listed_newest_first_by_tool_and_object(server, workspace):
    support = workspace("Support")
    for name in ("One", "Two"):
        await server.ask("create_workspace", name=name)
    await server.ask("update_workspace", workspace_id=support, name="Helpers")

    async def objects(**filters):
        rows = (await server.ask("list_changes", **filters))["changes"]
        return [row["object"] for row in rows]

    assert await objects() == ["Support", "Two", "One"]
    assert await objects(limit=1) == ["Support"]
    assert await objects(tool="create_workspace") == ["Two", "One"]
    assert await objects(object="two") == ["Two"]
    assert await objects(object=support) == ["Support"]


async def test_callers_with_keys_of_their_own_see_and_revert_their_own_changes_only(server):
    async def as_caller(key, ask, tool, **arguments):
        token = current_caller.set(Caller("bearer:ada", key=key))
        try:
            return await ask(tool, **arguments)
        finally:
            current_caller.reset(token)

    await as_caller("k1", server.ask, "create_workspace", name="Of the first")
    (mine,) = (await as_caller("k1", server.ask, "list_changes"))["changes"]

    for other in ("k2", ""):
        assert (await as_caller(other, server.ask, "list_changes"))["changes"] == []
        for tool in ("get_change", "revert_change"):
            refusal = await as_caller(other, server.refusal, tool, change=mine["change"])
            assert "the journal has no change" in refusal
    assert (await as_caller("k1", server.ask, "get_change", change=mine["change"]))["key"] == "k1"


async def test_an_unknown_change_is_not_shown(server):
    assert "no change 'x'" in await server.refusal("get_change", change="x")


async def test_two_processes_continue_one_chain(file, journal):
    other = SqliteJournal(file)
    await asyncio.gather(
        *(each.append({"change": "c", "n": n}) for n in range(25) for each in (journal, other))
    )

    assert await problem_in(journal) == ""
    assert len(await journal.of_change("c")) == 50


async def test_several_instances_continue_one_chain_in_redis():
    with running_redis() as process:
        hosting = Hosting(MCP_REDIS_URL=SecretStr(process.url), RATE_LIMIT_STORE="redis")
        journals = [RedisJournal(redis_client(hosting), "test") for _ in range(3)]
        await asyncio.gather(
            *(each.append({"change": f"c{n}", "n": n}) for n in range(20) for each in journals)
        )
        first, *_ = journals

        assert await problem_in(first) == ""
        assert [line.number async for line in first.lines()] == [*range(1, 61)]
        assert [line.number for line in await first.latest(2)] == [60, 59]
        assert [line.number for line in await first.latest(1, before=30)] == [29]
        assert [line.fields["n"] for line in await first.of_change("c7")] == [7, 7, 7]
        async with redis_client(hosting) as redis:
            await redis.xdel("test:journal", "30-0")
            assert "line 30 is missing" in await problem_in(first)
            # Of the same number, but another chain.
            second = RedisJournal(redis, "other")
            await second.append({"change": "a"})
            await redis.delete("other:journal")
            await RedisJournal(redis, "other").append({"change": "b"})
            await second.append({"change": "c"})
            assert await problem_in(second) == ""
        for each in journals:
            await each.close()


@pytest.mark.parametrize(
    ("journal", "sandbox", "kind"),
    [("on", False, RedisJournal), ("here.db", False, SqliteJournal), ("on", True, SqliteJournal)],
)
def test_the_http_service_keeps_it_in_its_redis_unless_a_file_is_named(
    tmp_path, monkeypatch, journal, sandbox, kind
):
    monkeypatch.chdir(tmp_path)
    hosting = Hosting(MCP_REDIS_URL=SecretStr("redis://127.0.0.1:9/0"), RATE_LIMIT_STORE="redis")
    safety = SafetySettings(PORTKEY_JOURNAL=journal, PORTKEY_STATE_DIR=tmp_path)

    assert isinstance(journal_factory(safety, hosting, sandbox=sandbox)(), kind)


async def test_without_its_redis_nothing_is_sent(api, emulator):
    hosting = Hosting(MCP_REDIS_URL=SecretStr("redis://127.0.0.1:9/0"), RATE_LIMIT_STORE="redis")
    server = Journaled(api, RedisJournal(redis_client(hosting), "test"))

    assert "the change journal in Redis cannot be used" in await server.refusal(
        "create_workspace", name="New"
    )
    assert not any(line.startswith("POST") for line in emulator.log)


def test_a_killed_server_leaves_every_change_that_portkey_received_on_record(file):
    outcome = run(150, 3, file)

    assert len(outcome.received) > 50
    assert {outcome.states.get(name) for name in outcome.received} <= ACCEPTABLE
    assert {name for name, state in outcome.states.items() if state == "done"} <= outcome.received
    assert {outcome.states[name] for name in outcome.answered} == {"done"}
    assert UNKNOWN in outcome.states.values()
    assert outcome.problem == ""

"""Each change can be reverted from the journal, or the journal says why not."""

import asyncio
import json

import pytest

from drawn_calls import TOOLS
from journaled import Journaled, client_of
from people import GENERATIONS, Person
from portkey_admin_mcp.portkey.catalog import tools_in
from portkey_admin_mcp.safety.journal.reverting import VOLATILE
from portkey_admin_mcp.safety.journal.sqlite_journal import SqliteJournal
from portkey_admin_mcp.safety.journal.undo import plan_for, rule_of
from portkey_admin_mcp.safety.journal.undo_rules import RULES, RULES_BY_FIELD, Again, Former, Never
from portkey_admin_mcp.safety.tools import own_modules
from revert_cases import CASES, World

WRITES = {name: tool for name, tool in TOOLS.items() if tool.effect != "read"}
NOT_REVERTED = {
    "delete_user": "must be invited again",
    "resend_user_invite": "cannot be taken back",
    "delete_workspace": "cannot be restored",
    "delete_secret_reference": "credentials were masked",
    "delete_integration": "credentials were masked",
    "delete_integration_model": "added again with `update_integration_models`",
    "delete_provider": "cannot be restored",
    "delete_virtual_key": "key was masked",
    "delete_api_key": "its secret cannot come back",
    "rotate_api_key": "the old secret cannot come back",
    "delete_collection": "cannot be restored",
    "delete_prompt_partial": "cannot be restored",
    "delete_prompt": "cannot be restored",
    "run_prompt_completion": "a model has answered",
    "reset_usage_limit_entity": "what was used cannot be set",
    "delete_mcp_integration": "cannot be restored",
    "delete_mcp_server": "cannot be restored",
    "disconnect_mcp_server_connection": "must sign in again",
    "insert_log": "cannot be deleted",
    "create_log_export": "cannot be deleted",
    "cancel_log_export": "does not start again",
    "create_feedback": "cannot be deleted",
    "update_feedback": "does not show feedback",
}
"""The tools whose changes cannot be reverted, with words of the reason."""
REVERTED = [name for name in CASES if name not in NOT_REVERTED]
IN_PART = {
    "update_virtual_key": {"usage_limits"},
    "update_api_key": {"usage_limits", "next_usage_reset_at", "api_key_defaults_id"},
}
"""Fields that stay changed, as the answer says: a budget that was not there is not removed."""
NEW_WITH_EACH_WRITE = {"version_id", "slug", "id", "has_override", "total", "connection_status"}


@pytest.fixture
def server(api):
    return Journaled(api, SqliteJournal(":memory:"))


@pytest.fixture
async def config(server, workspace):
    """The slug of a new config, and the id of the change that made it."""
    created = await server.ask(
        "create_config",
        name="Mine",
        config={"retry": {"attempts": 2}},
        workspace_id=workspace("Support"),
    )
    return created["slug"], (await server.last())["change"]


def comparable(value, ignored=frozenset()):
    """A value without what differs after each write; what is empty is left out."""
    if isinstance(value, dict):
        parts = {
            name: comparable(item, ignored)
            for name, item in value.items()
            if name not in VOLATILE | NEW_WITH_EACH_WRITE | ignored
        }
        return {name: part for name, part in parts.items() if part not in (None, "", {}, [])}
    if isinstance(value, list):
        rows = [comparable(item, ignored) for item in value]
        # A row that says that something is off is the same as no row.
        return [row for row in rows if not isinstance(row, dict) or row.get("enabled") is not False]
    return value


def test_every_request_that_changes_something_has_a_rule():
    sent = {
        endpoint
        for tool in WRITES.values()
        for endpoint in tool.endpoints
        if not endpoint.startswith("GET ")
    }

    assert {*RULES} == sent
    rules = [*RULES.values(), *RULES_BY_FIELD.values()]
    assert {rule.tool for rule in rules if not isinstance(rule, Never)} <= {*WRITES}
    assert {endpoint for endpoint, _ in RULES_BY_FIELD} <= sent


def test_every_tool_that_writes_has_a_case():
    assert {*CASES} == {*WRITES}
    assert {*NOT_REVERTED} < {*CASES}
    assert (len(REVERTED), len(NOT_REVERTED)) == (67, 23)


@pytest.mark.parametrize("name", REVERTED)
async def test_the_change_is_reverted(server, emulator, name):
    await server.ask(name, **await CASES[name](World(server, emulator)))
    change = await server.last()
    shown = await server.ask("get_change", change=change["change"])
    answer = await server.ask("revert_change", change=change["change"])
    reverting = await server.last()

    assert change["tool"] == name
    assert reverting["reverts"] == change["change"]
    assert (reverting["tool"], reverting["state"]) == (answer["tool"], "done")
    assert shown["undo"] == {
        part: answer[part] for part in ("tool", "arguments", "does_not_come_back") if part in answer
    }
    reverted = await server.change(change["change"])
    assert (reverted["state"], reverted["reverted_by"]) == ("reverted", reverting["change"])
    rule = RULES[change["endpoint"]]
    if isinstance(rule, Former):
        lost = frozenset(IN_PART.get(name, ()))
        assert comparable(reverting["after"], lost) == comparable(change["before"], lost)
        assert lost == frozenset() or "usage_limits" in json.dumps(answer["does_not_come_back"])
    elif isinstance(rule, Again):
        before, again = comparable(change["before"]), comparable(reverting["after"])
        assert {n: again[n] for n in before if n in again} == {
            n: before[n] for n in before if n in again
        }
        assert "a new" in answer["does_not_come_back"][0]


@pytest.mark.parametrize("name", NOT_REVERTED)
async def test_what_cannot_be_reverted_says_why(server, emulator, name):
    await server.ask(name, **await CASES[name](World(server, emulator)))
    change = await server.last()
    changes = len(await server.changes())

    assert NOT_REVERTED[name] in await server.refusal("revert_change", change=change["change"])
    shown = await server.ask("get_change", change=change["change"])
    assert NOT_REVERTED[name] in shown["undo"]["not_possible"]
    assert len(await server.changes()) == changes


async def test_a_masked_secret_does_not_come_back_and_the_rest_does(server, emulator):
    slug = await World(server, emulator).integration()
    await server.ask("update_integration", slug=slug, name="Other", key="sk-other-0123456789")
    answer = await server.ask("revert_change", change=(await server.last())["change"])

    assert answer["arguments"] == {"slug": slug, "name": "Mine"}
    assert answer["does_not_come_back"] == ["key: Portkey does not show its former value"]


async def test_a_secret_that_was_shown_masked_before_and_after_counts_as_changed(server, emulator):
    slug = await World(server, emulator).virtual_key()
    await server.ask("update_virtual_key", slug=slug, name="Other", key="sk-other-0123456789")
    answer = await server.ask("revert_change", change=(await server.last())["change"])

    assert answer["arguments"] == {"slug": slug, "name": "Mine"}
    assert answer["does_not_come_back"] == [
        "key: its former value was masked, and cannot come back"
    ]


async def test_a_masked_header_within_a_list_is_not_written_back(server):
    def model(header):
        settings = {"custom_headers": {"authorization": header}}
        return [{"slug": "gpt-5", "enabled": True, "configurations": settings}]

    await server.ask("update_integration_models", slug="openai", models=model("Bearer one"))
    await server.ask("update_integration_models", slug="openai", models=model("Bearer two"))

    advice = await server.refusal("revert_change", change=(await server.last())["change"])
    assert "models: its former value was masked" in advice


async def test_rows_that_a_change_dropped_come_back(server, emulator):
    """`override_existing` takes away what is not named."""
    world = World(server, emulator)
    science = world.row("workspaces", name="Science")["id"]
    listed = {"organisation_id": world.organisation}
    tool = "update_input_guardrail_workspace_exclusions"
    await server.ask(tool, **listed, workspaces=[{"workspace_id": science, "excluded": True}])
    await server.ask(
        tool,
        **listed,
        workspaces=[{"workspace_id": world.support, "excluded": True}],
        override_existing=True,
    )
    await server.ask("revert_change", change=(await server.last())["change"])

    rows = await server.ask("list_input_guardrail_workspace_exclusions", **listed)
    assert [row["workspace_id"] for row in rows["data"]] == [science]


async def test_only_a_masked_secret_is_not_reverted(server, emulator):
    id = await World(server, emulator).secret_reference()
    auth = {
        "vault_auth_type": "token",
        "vault_addr": "https://b.example",
        "vault_token": "hvs.other",
    }
    await server.ask("update_secret_reference", id=id, auth_config=auth)

    advice = await server.refusal("revert_change", change=(await server.last())["change"])
    assert "auth_config: its former value was masked" in advice


async def test_an_object_that_has_changed_since_stays_unless_its_state_is_named(server, config):
    slug, _ = config
    await server.ask("update_config", slug=slug, name="Second")
    second = (await server.last())["change"]
    await server.ask("update_config", slug=slug, name="Third")
    count = len(await server.changes())

    advice = await server.refusal("revert_change", change=second)
    assert "may have changed since: it differs in name" in advice
    assert len(await server.changes()) == count
    state = advice.partition("even_if_changed: ")[2].split()[0]
    wrong = await server.refusal("revert_change", change=second, even_if_changed="0123456789ab")
    assert "may have changed since" in wrong

    await server.ask("revert_change", change=second, even_if_changed=state)
    assert (await server.ask("get_config", slug=slug))["name"] == "Mine"


async def test_a_new_object_that_was_changed_since_is_not_deleted(server, config):
    slug, creation = config
    await server.ask("update_config", slug=slug, name="Second")

    assert "it differs in name" in await server.refusal("revert_change", change=creation)
    assert (await server.ask("get_config", slug=slug))["name"] == "Second"


async def test_a_change_is_reverted_once(server, config):
    _slug, creation = config
    await server.ask("revert_change", change=creation)
    reversion = (await server.last())["change"]

    assert f"already, by the change {reversion}" in await server.refusal(
        "revert_change", change=creation
    )


async def test_of_reversions_at_once_only_one_is_made(server, config):
    slug, _ = config
    await server.ask("delete_config", slug=slug)
    deletion = (await server.last())["change"]
    outcomes = await asyncio.gather(
        *(server.calls("revert_change", {"change": deletion}) for _ in range(4))
    )

    refused = [each.texts[0] for each in outcomes if each.is_error]
    assert len(refused) == 3
    assert all("another call is about to revert" in each for each in refused)
    assert "reverted already" in await server.refusal("revert_change", change=deletion)
    assert [each["tool"] for each in await server.changes()][:2] == [
        "create_config",
        "delete_config",
    ]


async def test_a_reversion_can_be_reverted(server, config):
    slug, _ = config
    await server.ask("update_config", slug=slug, name="Second")
    await server.ask("revert_change", change=(await server.last())["change"])
    await server.ask("revert_change", change=(await server.last())["change"])

    assert (await server.ask("get_config", slug=slug))["name"] == "Second"


async def test_a_change_that_was_refused_and_an_unknown_id_revert_nothing(server):
    await server.refusal("update_config", slug="pc-none", name="x")
    refused = await server.last()

    assert refused["state"] == "refused"
    assert "it changed nothing" in await server.refusal("revert_change", change=refused["change"])
    assert "no change 'x'" in await server.refusal("revert_change", change="x")


async def test_a_preview_of_a_reversion_changes_nothing(server, config):
    slug, _ = config
    await server.ask("update_config", slug=slug, name="Second")
    change = (await server.last())["change"]
    count = len(await server.changes())
    preview = await server.ask("preview_change", tool="revert_change", arguments={"change": change})

    assert preview["changes_nothing"]
    assert preview["changes"] == {"name": {"from": "Second", "to": "Mine"}}
    assert (preview["change"], preview["tool"]) == (change, "update_config")
    assert len(await server.changes()) == count
    assert (await server.ask("get_config", slug=slug))["name"] == "Second"


async def test_a_dry_run_reverts_nothing(api, server, config):
    slug, creation = config
    dry = Journaled(api, server.journal, PORTKEY_DRY_RUN=True)
    answer = await dry.ask("revert_change", change=creation)

    assert (answer["changes_nothing"], answer["tool"]) == (True, "delete_config")
    assert (await server.ask("get_config", slug=slug))["name"] == "Mine"


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("does", ["accept", "decline"])
async def test_a_reversion_of_high_risk_asks_as_any_change(api, emulator, generation, does):
    server = Journaled(api, SqliteJournal(":memory:"), PORTKEY_CONFIRM="auto")
    created = await server.ask("create_workspace", name="New")
    change = (await server.last())["change"]
    person = Person(does)
    async with client_of(server, generation, person) as client:
        result = await client.call_tool("revert_change", {"change": change})

    (question,) = person.questions
    assert "Delete workspace" in question
    assert result.is_error == (does == "decline")
    statuses = {row["id"]: row["status"] for row in emulator.store.table("workspaces").rows()}
    assert (statuses.get(created["id"]) == "active") == (does == "decline")


async def test_where_nobody_can_be_asked_a_reversion_needs_an_approval(api):
    server = Journaled(api, SqliteJournal(":memory:"), PORTKEY_CONFIRM="auto")
    await server.ask("create_workspace", name="New")
    change = (await server.last())["change"]
    advice = await server.refusal("revert_change", change=change)

    assert "Approval id" in advice
    assert "call revert_change again" in advice


async def test_a_tool_that_is_not_offered_reverts_nothing(api, server, config):
    _slug, creation = config
    limited = Journaled(api, server.journal)
    names = {tool.name for tool in tools_in(own_modules())}
    limited.calls.offer = limited.calls.offer.limited_to(names)

    assert "There is no tool 'delete_config'" in await limited.refusal(
        "revert_change", change=creation
    )


def plan(change):
    """The plan that undoes an update with this body of an object with these fields."""
    complete = {"state": "done", "query": {}, "after": None, **change}
    rule = rule_of(complete)
    return plan_for(complete, rule, TOOLS[rule.tool])


def test_a_field_that_nothing_sets_back_is_named():
    undo = plan(
        {
            "endpoint": "PUT /v2/deployments/{id}",
            "ids": {"id": "d"},
            "body": {
                "name": "b",
                "auth_settings": {"workspaces_allowed": ["ws-a"]},
                "rotate_auth": True,
                "new_field": 1,
            },
            "before": {"name": "a", "auth_settings": {"workspaces_allowed": []}},
        }
    )

    assert undo.arguments == {"id": "d", "name": "a"}
    assert undo.lost == (
        "workspaces_allowed: sending a former value does not undo it",
        "rotate_auth: sending a former value does not undo it",
        "new_field: no argument of the tool sets it",
    )


def test_only_the_fields_that_a_tool_takes_are_sent_back():
    budget = {"credit_limit": 5, "type": "cost", "alert_threshold": None, "status": "active"}
    undo = plan(
        {
            "endpoint": "PUT /api-keys/{id}",
            "ids": {"id": "k"},
            "body": {"usage_limits": {"credit_limit": 9}, "defaults": {"config_id": "pc-b"}},
            "before": {"usage_limits": budget, "defaults": {"config_id": "pc-a"}},
        }
    )

    assert undo.arguments == {
        "id": "k",
        "usage_limits": {"credit_limit": 5, "type": "cost"},
        "default_config_id": "pc-a",
    }


def test_the_icon_that_portkey_shows_before_a_name_is_not_sent_back():
    undo = plan(
        {
            "endpoint": "PUT /admin/workspaces/{workspace_id}",
            "ids": {"workspace_id": "w"},
            "body": {"name": "Helpers"},
            "before": {"name": "🚀 Support", "icon": "🚀"},
        }
    )

    assert undo.arguments == {"workspace_id": "w", "name": "Support"}

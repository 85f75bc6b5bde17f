"""whoami: what kind of key this is, what narrows it here, and which tools will fail."""

from contextlib import contextmanager

import pytest

from portkey_admin_mcp.safety.caller import Caller, current_caller
from portkey_admin_mcp.safety.door import Door
from portkey_admin_mcp.safety.policy import Policy, Rule
from portkey_admin_mcp.safety.policy_guard import PolicyGuard
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.safety.store import Freeze
from portkey_admin_mcp.safety.tools import whoami as module
from portkey_admin_mcp.server.offer.toolsets import Selection, narrowed_to
from portkey_admin_mcp.settings.safety import SafetySettings
from servers import build_calls


class Source:
    """A policy that comes from no file."""

    def __init__(self, *rules: Rule, default: str = "allow") -> None:
        self.policy = Policy(rules, default)


@pytest.fixture
def calls(connect):
    """Calls with a seeded key: `calls("admin")`."""

    def with_key(key="owner", policy=None, store=None):
        api = connect(key)
        door = Door(
            SafetySettings(PORTKEY_CONFIRM="auto"), lambda: store or SqliteStore(":memory:")
        )
        return build_calls(lambda: api, door=door, policy=policy)

    return with_key


async def ask(calls, **arguments):
    outcome = await calls("whoami", arguments)
    assert not outcome.is_error, outcome.texts
    return outcome.structured


@contextmanager
def called_by(caller):
    token = current_caller.set(caller)
    try:
        yield
    finally:
        current_caller.reset(token)


@pytest.mark.parametrize(
    ("key", "kind", "type", "plan"),
    [
        ("owner", "organisation", "service", "Enterprise"),
        ("admin", "organisation", "service", "Enterprise"),
        ("workspace-service", "workspace", "service", "Enterprise"),
        ("workspace-user", "workspace", "user", "Enterprise"),
        ("scopeless", "not known", "not known", "not known"),
        ("revoked", "not known", "not known", "not known"),
    ],
)
async def test_it_tells_the_kind_of_each_key(emulator, calls, key, kind, type, plan):
    answer = (await ask(calls(key)))["key"]

    assert (answer["kind"], answer["type"], answer["plan"]) == (kind, type, plan)
    assert answer["accepted"] is (key != "revoked")
    secret = emulator.keys()[key]
    assert secret not in str(answer)


async def test_an_owner_can_use_every_tool(calls):
    answer = await ask(calls(), names=True)

    assert answer["will_fail"] == {}
    assert answer["failing_tools"] == {}
    assert answer["caller"] == {"principal": "local", "roles": []}


async def test_a_workspace_key_cannot_use_the_tools_of_the_organisation(calls):
    answer = await ask(calls("workspace-service"), names=True)

    assert answer["key"]["workspace"]
    assert "first and last characters" in answer["key"]["known_by"]
    assert "configs.read" in answer["key"]["scopes"]
    assert answer["will_fail"]["users"] == {"needs an organisation key": 9}
    assert answer["failing_tools"]["list_all_users"] == "needs an organisation key"
    assert "list_configs" not in answer["failing_tools"]


async def test_what_fails_is_what_portkey_refuses(emulator, connect, calls):
    """Each tool that is said to fail for its scope or key does fail, as the owner's does not."""
    failing = (await ask(calls("workspace-service"), names=True))["failing_tools"]
    reads = [name for name in failing if name in READS_WITHOUT_ARGUMENTS]

    assert len(reads) >= 4
    for name in reads:
        assert (await calls("workspace-service")(name, {})).is_error, name
        assert not (await calls("owner")(name, {})).is_error, name


READS_WITHOUT_ARGUMENTS = (
    "list_all_users",
    "list_user_invites",
    "list_scim_workspace_mappings",
    "list_scim_groups",
    "list_secret_references",
    "get_organisation_defaults",
)


async def test_what_cannot_be_known_is_said_with_the_reads_that_were_refused(calls):
    answer = (await ask(calls("scopeless")))["key"]

    assert answer["scopes"].startswith("not known; refused: analytics.view, configs.list")
    assert answer["known_by"] == "which of the reads below were refused"
    assert answer["reads"]["/configs"] == "403"


async def test_with_a_key_that_does_not_work_all_tools_fail_but_those_that_need_none(calls):
    failing = (await ask(calls("revoked"), names=True))["failing_tools"]

    assert failing["list_configs"] == "key not accepted"
    assert "get_model_pricing" not in failing
    assert "validate_completion_metadata" not in failing


async def test_it_sends_few_reads_and_none_again_within_a_minute(emulator, calls, monkeypatch):
    once = calls("admin")
    emulator.log.clear()
    await ask(once)
    first = list(emulator.log)
    await ask(once)

    assert len(first) <= 8
    assert all(request.startswith("GET ") for request in first)
    assert list(emulator.log) == first

    monkeypatch.setattr(module, "KEPT_S", 0.0)
    await ask(once)
    assert len(emulator.log) == 2 * len(first)


async def test_another_key_with_the_same_ends_makes_its_kind_unknown(emulator, calls):
    rows = emulator.store.table("api_keys")
    (admin,) = [row for row in rows.rows() if row.get("_seed") == "admin"]
    (other,) = [row for row in rows.rows() if row["name"] == "Dashboard"]
    rows.change(other, {"_secrets": admin["_secrets"]})

    answer = (await ask(calls("admin")))["key"]

    assert (answer["kind"], answer["type"]) == ("organisation", "not known")


async def test_it_says_what_narrows_the_request(calls):
    store = SqliteStore(":memory:")
    await store.set_freeze(Freeze("mo", "release", 0))
    deny = Rule("deny", tools=frozenset({"*_users"}), principals=frozenset({"bearer:ci"}))
    guarded = calls(policy=PolicyGuard(Source(deny)), store=store)
    with (
        called_by(Caller("bearer:ci", roles=frozenset({"dev"}))),
        narrowed_to(Selection(frozenset({"users", "changes"}))),
    ):
        answer = await ask(guarded, names=True)
    with called_by(Caller("bearer:mo")):
        other = await ask(guarded, names=True)

    assert answer["caller"] == {"principal": "bearer:ci", "roles": ["dev"]}
    assert answer["limits"]["toolsets"] == ["changes", "users"]
    assert answer["limits"]["policy"] == "1 rules; what no rule names: allow"
    assert answer["limits"]["freeze"] == "by mo: release"
    assert answer["failing_tools"]["list_all_users"] == "policy"
    assert answer["failing_tools"]["delete_user"] == "freeze"
    assert answer["will_fail"]["users"] == {"policy": 1, "freeze": 5}
    assert "list_all_users" not in other["failing_tools"]


async def test_it_says_that_only_reads_and_some_workspaces_are_left(calls):
    with narrowed_to(Selection(None, True, (frozenset({"ws-a"}),))):
        by_request = (await ask(calls()))["limits"]
    by_settings = (await ask(calls(policy=PolicyGuard(None, ("ws-b",)))))["limits"]

    assert (by_request["read_only"], by_request["workspaces"]) == (True, ["ws-a"])
    assert {"policy", "denied_by_policy", "freeze"}.isdisjoint(by_request)
    assert by_settings["workspaces"] == ["ws-b"]
    assert by_settings["confirm"] == "auto"


async def test_a_plan_without_analytics_is_not_enterprise(emulator, calls):
    answer = emulator.answer

    def without_analytics(method, target, *rest):
        if target.startswith(("/v1/analytics", "/v1/secret-references")):
            return 403, {}, b"{}"
        return answer(method, target, *rest)

    emulator.answer = without_analytics
    result = await ask(calls("admin"), names=True)

    assert result["key"]["plan"] == "not Enterprise"
    assert result["failing_tools"]["get_cost_analytics"] == "needs an Enterprise plan"
    assert "get_workspace" not in result["failing_tools"]

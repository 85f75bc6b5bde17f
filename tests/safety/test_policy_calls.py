"""What the policy says holds for every call: reads and writes, in lists, previews and the door."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_texts import texts
from people import GENERATIONS, Person
from portkey_admin_mcp import assembly
from portkey_admin_mcp.errors import ConfigurationError, NotPermitted
from portkey_admin_mcp.safety.caller import Caller, current_caller
from portkey_admin_mcp.safety.policy_file import parse_policy
from portkey_admin_mcp.safety.policy_guard import PolicyGuard
from portkey_admin_mcp.server.offer.asking import CallsThatAsk
from portkey_admin_mcp.settings.settings import Settings
from servers import build_calls, offer

in_each_generation = pytest.mark.parametrize("generation", GENERATIONS)
CONFIG = {"slug": "pc-cached-a625f7"}


class Source:
    """A policy that comes from a text."""

    def __init__(self, text: str) -> None:
        self.policy = parse_policy(text, "policy.yaml", offer().tools)


def guard(text, workspaces=()):
    return PolicyGuard(Source(text), workspaces)


def calls_with(api, text, workspaces=()):
    return build_calls(lambda: api, policy=guard(text, workspaces))


async def test_a_denied_read_is_refused_with_the_reason_and_nothing_is_sent(emulator, api):
    rules = "rules: [{action: deny, tool: get_config, why: Configs are secret here.}]"
    emulator.log.clear()

    refused = await calls_with(api, rules)("get_config", CONFIG)

    assert refused.is_error
    assert refused.texts[0].startswith(
        "the policy of this server denies this: Configs are secret here."
    )
    assert list(emulator.log) == []
    assert not (await calls_with(api, rules)("list_configs", {})).is_error


@in_each_generation
async def test_a_denied_write_is_refused_before_a_person_is_asked(guarded, changes, generation):
    person = Person()
    policy = guard("rules: [{action: deny, effect: delete}]")
    async with guarded(generation, person, policy=policy) as client:
        users = (await client.call_tool("list_all_users", {})).structured_content["data"]
        refused = await client.call_tool("delete_user", {"user_id": users[0]["id"]})
        call = {"tool": "delete_user", "arguments": {"user_id": users[0]["id"]}}
        preview = await client.call_tool("preview_change", call)

    assert "the policy of this server denies this" in texts(refused)[0]
    assert "a rule of the policy says so (policy.yaml:1)" in texts(refused)[0]
    assert "the policy of this server denies this" in texts(preview)[0]
    assert (person.questions, changes()) == ([], [])


@in_each_generation
@pytest.mark.parametrize("does", ["accept", "decline"])
async def test_confirm_asks_a_person_whatever_the_risk(guarded, changes, generation, does):
    person = Person(does)
    policy = guard("rules: [{action: confirm, tool: update_config, why: Production.}]")
    async with guarded(generation, person, policy=policy) as client:
        done = await client.call_tool("update_config", {**CONFIG, "name": "New"})
        await client.call_tool("create_collection", {"name": "Free", "workspace_id": "ws-x"})

    (question,) = person.questions
    assert "Risk: high: Production.\n" in question
    assert done.is_error is (does != "accept")
    sent = [each for each in changes() if "configs" in each]
    assert sent == (["PUT /v1/configs/pc-cached-a625f7"] if does == "accept" else [])


@in_each_generation
@pytest.mark.parametrize("does", ["accept", "decline"])
async def test_confirm_asks_before_a_read_too(guarded, emulator, generation, does):
    person = Person(does)
    policy = guard("rules: [{action: confirm, tool: get_config}]")
    async with guarded(generation, person, policy=policy) as client:
        emulator.log.clear()
        read = await client.call_tool("get_config", CONFIG)

    (question,) = person.questions
    assert "Get config" in question
    assert "pc-cached-a625f7" in question
    assert read.is_error is (does != "accept")
    assert list(emulator.log) == (["GET /v1/configs/pc-cached-a625f7"] if does == "accept" else [])


@in_each_generation
async def test_confirm_asks_nobody_if_the_settings_never_ask(guarded, changes, generation):
    person = Person()
    policy = guard("rules: [{action: confirm}]")
    async with guarded(generation, person, policy=policy, PORTKEY_CONFIRM="never") as client:
        assert not (await client.call_tool("get_config", CONFIG)).is_error
        await client.call_tool("update_config", {**CONFIG, "name": "New"})

    assert person.questions == []
    assert len(changes()) == 1


async def test_a_read_that_cannot_be_confirmed_needs_an_approval(guarded, store):
    policy = guard("rules: [{action: confirm, tool: get_config}]")
    async with guarded("legacy", policy=policy) as client:
        first = await client.call_tool("get_config", CONFIG)
        (approval,) = await store.list_open()
        assert approval.id in texts(first)[0]
        await store.settle(approval.id, "approved", "mo", "")
        assert not (await client.call_tool("get_config", CONFIG)).is_error
        assert (await client.call_tool("get_config", CONFIG)).is_error


async def test_a_rule_about_a_principal_is_for_that_caller_only(api):
    rules = """
    rules:
      - {action: deny, effect: read, principal: {role: viewer, claim: {team: red}}, why: No.}
    """
    calls = calls_with(api, rules)
    outcomes = {}
    for name, caller in {
        "viewer": Caller("bearer:a", roles=frozenset({"viewer"}), claims={"team": "red"}),
        "other team": Caller("bearer:a", roles=frozenset({"viewer"}), claims={"team": "blue"}),
        "admin": Caller("bearer:b", roles=frozenset({"admin"}), claims={"team": "red"}),
    }.items():
        token = current_caller.set(caller)
        outcomes[name] = (await calls("get_config", CONFIG)).is_error
        current_caller.reset(token)

    assert outcomes == {"viewer": True, "other team": False, "admin": False}


def workspace(emulator, name):
    (row,) = [row for row in emulator.store.table("workspaces").rows() if row["name"] == name]
    return row


BY_WORKSPACE = [
    ("get_config", CONFIG),
    ("get_prompt", {"prompt_id": "pp-summarise-be26b6"}),
    ("list_prompt_versions", {"prompt_id": "pp-summarise-be26b6"}),
    ("get_prompt_partial", {"prompt_partial_id": "pl-closin-fc93b2"}),
    ("list_configs", {"workspace_id": "{slug}"}),
    ("list_configs", {"workspace_id": "{id}"}),
    ("get_workspace", {"workspace_id": "{slug}"}),
    ("list_prompts", {"collection_id": "co-macros-722fe6"}),
    ("get_mcp_server", {"id": "support-github"}),
]


@pytest.mark.parametrize("field", ["id", "slug"])
@pytest.mark.parametrize(("name", "arguments"), BY_WORKSPACE)
async def test_a_rule_about_a_workspace_is_for_what_is_in_it(emulator, api, name, arguments, field):
    support, science = workspace(emulator, "Support"), workspace(emulator, "Science")
    named = {key: value.format_map(support) for key, value in arguments.items()}

    async def outcome(text):
        return await calls_with(api, text)(name, named)

    denied = await outcome(f"rules: [{{action: deny, workspace: {support[field]}}}]")
    other = await outcome(f"rules: [{{action: deny, workspace: {science[field]}}}]")
    only = await outcome(
        f"{{default: deny, rules: [{{action: allow, workspace: {support[field]}}}]}}"
    )
    elsewhere = await outcome(
        f"{{default: deny, rules: [{{action: allow, workspace: {science[field]}}}]}}"
    )

    assert denied.is_error
    assert elsewhere.is_error
    assert not other.is_error, other.texts
    assert not only.is_error, only.texts


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("list_all_users", {}),
        ("list_configs", {}),
        ("get_config", {"slug": "pc-missing"}),
        ("get_integration", {"slug": "openai"}),
        ("list_configs", {"workspace_id": "ws-missing"}),
        ("delete_workspace", {"workspace_id": "ws-missing"}),
        ("delete_workspace", {"workspace_id": "{id}"}),
    ],
)
async def test_if_the_workspace_cannot_be_known_a_deny_applies_and_an_allow_does_not(
    emulator, api, name, arguments
):
    support, slug = workspace(emulator, "Support"), workspace(emulator, "Science")["slug"]
    named = {key: value.format_map(support) for key, value in arguments.items()}
    deny = f"rules: [{{action: deny, workspace: {slug}}}]"
    allow = f"{{default: deny, rules: [{{action: allow, workspace: {slug}}}]}}"

    for rules in (deny, allow):
        outcome = await calls_with(api, rules)(name, named)
        assert "the policy of this server denies this" in outcome.texts[0]


async def test_an_object_is_looked_up_in_the_workspace_that_the_call_names(emulator, api):
    id, answer, targets = workspace(emulator, "Support")["id"], emulator.answer, []

    def recorded(method, target, *rest):
        targets.append(target)
        return answer(method, target, *rest)

    emulator.answer = recorded
    await calls_with(api, "rules: [{action: deny, workspace: ws-a}]")(
        "get_config", {**CONFIG, "workspace_id": id}
    )

    read = [target for target in targets if target.startswith("/v1/configs/")]
    assert read == [f"/v1/configs/{CONFIG['slug']}?workspace_id={id}"] * 2


async def test_what_is_about_no_workspace_meets_no_rule_about_one(api):
    price = {"provider": "openai", "model": "gpt-4o"}
    rules = "rules: [{action: deny, workspace: ws-a}]"

    assert not (await calls_with(api, rules)("get_model_pricing", price)).is_error


async def test_the_bound_on_workspaces_and_the_policy_both_hold(emulator, api):
    support = workspace(emulator, "Support")["id"]
    rules = "{default: deny, rules: [{action: allow, effect: read}]}"
    calls = calls_with(api, rules, (support,))

    assert not (await calls("list_configs", {})).is_error
    assert (await calls("list_all_users", {})).is_error
    created = await calls("create_collection", {"name": "A"})
    assert "no rule of the policy allows it" in created.texts[0]


def test_what_is_denied_to_everybody_is_not_offered():
    rules = """
    rules:
      - {action: deny, effect: delete}
      - {action: deny, tool: list_configs, principal: {role: viewer}}
    """
    full = offer()
    names = assembly.permitted_offer(full, guard(rules)).tools.keys()
    bounded = assembly.permitted_offer(full, PolicyGuard(None, ("ws-a",))).tools.keys()
    allowed = guard("{default: deny, rules: [{action: allow, toolset: users}]}")

    assert "delete_config" not in names
    assert "list_configs" in names
    assert not {"list_all_users", "create_workspace", "delete_workspace"} & bounded
    assert {"list_configs", "get_workspace", "preview_change", "whoami"} <= bounded
    users = {name for name, tool in full.tools.items() if tool.domain == "users"}
    assert assembly.permitted_offer(full, allowed).tools.keys() == users
    assert assembly.permitted_offer(full, None) is full
    with pytest.raises(ConfigurationError, match="leave no tool to offer"):
        assembly.permitted_offer(full, guard("rules: [{action: deny}]"))


def test_an_allow_offers_nothing_that_the_settings_exclude():
    settings = Settings(PORTKEY_SANDBOX=True, PORTKEY_TOOLSETS="users", PORTKEY_READ_ONLY=True)
    selected = assembly.selected_offer(settings)

    narrowed = assembly.permitted_offer(selected, guard("rules: [{action: allow}]"))

    assert narrowed.tools.keys() == selected.tools.keys()


def test_the_fast_path_leaves_to_the_sdk_what_the_policy_has_confirmed():
    policy = guard("rules: [{action: confirm, tool: get_config, principal: {role: dev}}]")
    asks = CallsThatAsk(offer(), False, policy.may_confirm)

    assert asks("get_config", {})
    assert asks("call_tool", {"name": "get_config"})
    assert asks("delete_user", {})
    assert not asks("list_configs", {})
    assert not asks("no_such_tool", {})
    policy.source = Source("rules: []")  # as after SIGHUP
    assert not asks("get_config", {})


def test_a_read_imports_no_door_and_no_journal_and_without_a_policy_nothing_of_it():
    code = """
import asyncio, sys
from portkey_admin_mcp.assembly import selected_offer, tool_calls
from portkey_admin_mcp.settings.safety import load_safety
from portkey_admin_mcp.settings.settings import load_settings
settings = load_settings(None, PORTKEY_SANDBOX=True)
calls = tool_calls(settings, load_safety(), selected_offer(settings))
outcome = asyncio.run(calls("list_workspaces", {}))
assert not outcome.is_error
from portkey_admin_mcp.server.offer.toolsets import Selection, narrowed_to
unneeded = ("safety.policy", "safety.door", "safety.journal", "safety.preview", "yaml")
loaded = [name for name in sys.modules if any(each in name for each in unneeded)]
assert loaded == ["portkey_admin_mcp.safety.preview_answer"], loaded
with narrowed_to(Selection(None, True, (frozenset({"ws-a"}),))):
    asyncio.run(calls("list_workspaces", {}))
assert "portkey_admin_mcp.safety.policy_guard" in sys.modules
"""
    source = Path(assembly.__file__).parents[1]
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr


async def test_without_rules_about_workspaces_nothing_is_looked_up(emulator, api):
    rules = "rules: [{action: deny, tool: get_prompt, workspace: ws-a}, {action: deny, risk: high}]"
    calls = calls_with(api, rules)
    emulator.log.clear()
    await calls("get_config", CONFIG)

    assert list(emulator.log) == ["GET /v1/configs/pc-cached-a625f7"]


async def test_the_guard_itself_raises_an_error_of_this_package(api):
    from portkey_admin_mcp.safety.tools import own_modules  # noqa: F401  # loads the catalogue
    from portkey_admin_mcp.server.calls.arguments import arguments_model
    from portkey_admin_mcp.tools.configs import get_config

    tool = get_config.__tool__
    arguments = arguments_model(tool)(**CONFIG)
    with pytest.raises(NotPermitted):
        await guard("rules: [{action: deny}]").admit(tool, arguments, api)

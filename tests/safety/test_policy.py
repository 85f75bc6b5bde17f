"""The policy decides: deny wins over confirm over allow, and what is not known counts against."""

import dataclasses
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_admin_mcp.safety.caller import Caller
from portkey_admin_mcp.safety.policy import Facts, Policy, Rule


class Tool(NamedTuple):
    name: str = "get_config"
    domain: str = "configs"
    effect: str = "read"


def names(*each: str) -> frozenset[str]:
    return frozenset(each)


CALL = Facts(
    Tool(),
    "low",
    Caller(
        "bearer:ci",
        roles=names("dev"),
        claims={
            "team": "blue",
            "site": "Oslo",
            "groups": ["a", "b"],
            "level": 3,
            "staff": True,
            "none": None,
        },
    ),
    (names("ws-a", "uuid-a"),),
)


def decided(*rules, facts=CALL, default="allow"):
    return Policy(rules, default).decide(facts).action


CONDITIONS = [
    ({"tools": names("get_config")}, {"tools": names("get_prompt")}),
    ({"tools": names("x", "get_*")}, {"tools": names("list_*")}),
    ({"tools": names("get_confi?")}, {"tools": names("GET_CONFIG")}),
    ({"toolsets": names("configs")}, {"toolsets": names("prompts")}),
    ({"toolsets": names("routing")}, {"toolsets": names("mcp")}),
    ({"effects": names("read")}, {"effects": names("create", "delete")}),
    ({"risks": names("low")}, {"risks": names("high")}),
    ({"workspaces": names("ws-a")}, {"workspaces": names("ws-b")}),
    ({"workspaces": names("uuid-a", "ws-b")}, {"workspaces": names("ws-*")}),
    ({"principals": names("bearer:*")}, {"principals": names("clerk:*")}),
    ({"roles": names("dev", "ops")}, {"roles": names("ops")}),
    ({"claims": {"team": names("blue")}}, {"claims": {"team": names("red")}}),
    ({"claims": {"site": names("Oslo")}}, {"claims": {"site": names("oslo")}}),
    ({"claims": {"groups": names("b")}}, {"claims": {"groups": names("c")}}),
    ({"claims": {"level": names("3")}}, {"claims": {"other": names("3")}}),
    ({"claims": {"staff": names("true")}}, {"claims": {"none": names("None")}}),
    (
        {"claims": {"team": names("blue"), "groups": names("a")}},
        {"claims": {"team": names("blue"), "groups": names("c")}},
    ),
]


@pytest.mark.parametrize("action", ["deny", "confirm"])
@pytest.mark.parametrize(("met", "unmet"), CONDITIONS)
def test_a_rule_applies_if_its_condition_is_met(action, met, unmet):
    assert decided(Rule(action, **met)) == action
    assert decided(Rule(action, **unmet)) == "allow"
    assert decided(Rule("allow", **met), default="deny") == "allow"
    assert decided(Rule("allow", **unmet), default="deny") == "deny"


def test_all_conditions_of_a_rule_must_be_met():
    met = {name: value for each, _ in CONDITIONS for name, value in each.items()}
    assert decided(Rule("deny", **met)) == "deny"
    for _, unmet in CONDITIONS:
        assert decided(Rule("deny", **{**met, **unmet})) == "allow", unmet


def test_deny_wins_over_confirm_and_confirm_over_allow():
    deny, confirm, allow = Rule("deny"), Rule("confirm"), Rule("allow")

    assert decided(allow, confirm, deny) == "deny"
    assert decided(allow, confirm) == "confirm"
    assert decided(allow) == "allow"
    assert decided() == "allow"
    assert decided(default="deny") == "deny"
    assert decided(confirm, default="deny") == "deny"
    assert decided(confirm, allow, default="deny") == "confirm"


UNKNOWN = [
    ("risk", {"risks": names("high")}),
    ("caller", {"principals": names("clerk:*")}),
    ("caller", {"roles": names("ops")}),
    ("caller", {"claims": {"team": names("red")}}),
    ("workspaces", {"workspaces": names("ws-b")}),
]


@pytest.mark.parametrize(("field", "condition"), UNKNOWN)
def test_what_is_not_known_of_a_call_counts_against_it(field, condition):
    facts = dataclasses.replace(CALL, **{field: None})

    assert decided(Rule("deny", **condition), facts=facts) == "deny"
    assert decided(Rule("confirm", **condition), facts=facts) == "confirm"
    assert decided(Rule("allow", **condition), facts=facts, default="deny") == "deny"


def test_a_call_about_several_workspaces_is_allowed_only_if_all_are():
    both = dataclasses.replace(CALL, workspaces=(names("ws-a"), names("ws-b")))

    assert decided(Rule("deny", workspaces=names("ws-b")), facts=both) == "deny"
    only_a = Rule("allow", workspaces=names("ws-a"))
    assert decided(only_a, facts=both, default="deny") == "deny"
    a_and_b = Rule("allow", workspaces=names("ws-a", "ws-b"))
    assert decided(a_and_b, facts=both, default="deny") == "allow"


def test_a_call_about_no_workspace_meets_no_condition_on_workspaces():
    nothing = dataclasses.replace(CALL, workspaces=())

    assert decided(Rule("deny", workspaces=names("ws-a")), facts=nothing) == "allow"
    allow = Rule("allow", workspaces=names("ws-a"))
    assert decided(allow, facts=nothing, default="deny") == "deny"


def test_a_decision_says_why_and_by_which_rule():
    first, second = Rule("deny", why="Not now.", place="p:3"), Rule("deny", place="p:9")

    assert Policy((first, second)).decide(CALL) == ("deny", first)
    assert Policy((first,)).decide(CALL).why == "Not now."
    assert Policy((second,)).decide(CALL).why == "a rule of the policy says so (p:9)"
    assert Policy((), "deny").decide(CALL).why == "no rule of the policy allows it"


@pytest.mark.parametrize(
    ("rules", "default", "denied"),
    [
        ([], "allow", False),
        ([], "deny", True),
        ([Rule("deny", tools=names("get_*"))], "allow", True),
        ([Rule("deny", roles=names("dev"))], "allow", False),
        ([Rule("deny", principals=names("bearer:*"))], "allow", False),
        ([Rule("deny", claims={"team": names("blue")})], "allow", False),
        ([Rule("deny", risks=names("low"))], "allow", False),
        ([Rule("deny", workspaces=names("ws-a"))], "allow", False),
        ([Rule("allow", roles=names("dev"))], "deny", False),
        ([Rule("allow", tools=names("list_*"))], "deny", True),
        ([Rule("confirm")], "deny", True),
        ([Rule("confirm")], "allow", False),
    ],
)
def test_a_tool_that_is_denied_to_everybody_is_known_without_a_call(rules, default, denied):
    assert Policy(tuple(rules), default).denies_always(Tool()) is denied


def test_a_tool_that_is_denied_to_a_caller_is_known_without_its_arguments():
    policy = Policy((Rule("deny", roles=names("dev")),))

    assert policy.denies_always(Tool(), CALL.caller)
    assert not policy.denies_always(Tool(), Caller())


def test_which_tools_may_be_confirmed_or_need_their_workspace():
    policy = Policy(
        (
            Rule("confirm", tools=names("get_*"), roles=names("ops")),
            Rule("deny", effects=names("delete"), workspaces=names("ws-a")),
        )
    )

    assert policy.may_confirm(Tool())
    assert not policy.may_confirm(Tool("list_configs"))
    assert policy.asks_for_workspaces(Tool("delete_config", "configs", "delete"))
    assert not policy.asks_for_workspaces(Tool())
    assert not Policy((Rule("deny", effects=names("delete")),)).asks_for_workspaces(
        Tool("delete_config", "configs", "delete")
    )


# Random policies and calls.

WORKSPACES = ("ws-a", "ws-b", "ws-c")
TOOLS = (
    Tool(),
    Tool("list_all_users", "users", "read"),
    Tool("delete_user", "users", "delete"),
    Tool("update_config", "configs", "overwrite"),
    Tool("create_config", "configs", "create"),
)
ORDER = {"deny": 0, "confirm": 1, "allow": 2}
"""How much an action allows."""


def some(*values):
    return st.frozensets(st.sampled_from(values), max_size=2)


RULES = st.builds(
    Rule,
    action=st.sampled_from(("allow", "confirm", "deny")),
    tools=some("*", "get_*", "delete_user", "*_config", "list_*"),
    toolsets=some("users", "configs", "default"),
    effects=some("read", "create", "overwrite", "delete"),
    risks=some("low", "medium", "high"),
    workspaces=some(*WORKSPACES),
    principals=some("bearer:*", "local", "clerk:a"),
    roles=some("dev", "ops"),
    claims=st.dictionaries(
        st.sampled_from(("team", "x")),
        st.frozensets(st.sampled_from(("red", "blue")), min_size=1),
        max_size=1,
    ),
    place=st.sampled_from(("p:1", "p:2")),
)
POLICIES = st.builds(
    Policy, st.lists(RULES, max_size=5).map(tuple), st.sampled_from(("allow", "deny"))
)
CALLERS = st.builds(
    Caller,
    st.sampled_from(("local", "bearer:ci", "clerk:a")),
    roles=some("dev", "ops"),
    claims=st.dictionaries(
        st.sampled_from(("team", "x")), st.sampled_from(("red", ["blue", "red"], None)), max_size=2
    ),
)
CALLS = st.builds(
    Facts,
    st.sampled_from(TOOLS),
    st.sampled_from(("low", "medium", "high", None)),
    st.none() | CALLERS,
    st.none() | st.lists(st.sampled_from(WORKSPACES).map(names), max_size=2).map(tuple),
)


def allows(policy, call):
    return ORDER[policy.decide(call).action]


@given(POLICIES, RULES, CALLS)
def test_another_deny_or_confirm_never_allows_more(policy, rule, call):
    for action in ("deny", "confirm"):
        more = policy.with_rules([dataclasses.replace(rule, action=action)])
        assert allows(more, call) <= allows(policy, call)


@given(POLICIES, RULES, CALLS)
def test_another_allow_never_overrules_a_deny_or_a_confirm(policy, rule, call):
    more = policy.with_rules([dataclasses.replace(rule, action="allow")])

    before, after = policy.decide(call), more.decide(call)
    if before.rule is not None and before.action != "allow":
        assert after.action == before.action


@given(POLICIES, CALLS, st.randoms())
def test_the_order_of_the_rules_does_not_matter(policy, call, chance):
    rules = list(policy.rules)
    chance.shuffle(rules)

    assert allows(Policy(tuple(rules), policy.default), call) == allows(policy, call)


@given(POLICIES, CALLS)
def test_by_default_deny_allows_nothing_without_an_allow(policy, call):
    rules = [rule for rule in policy.rules if rule.action != "allow"]

    assert allows(Policy(tuple(rules), "deny"), call) == 0
    assert allows(dataclasses.replace(policy, default="deny"), call) <= allows(policy, call)


@given(POLICIES, CALLS, st.sampled_from(("risk", "caller", "workspaces")))
def test_to_know_less_of_a_call_never_allows_more(policy, call, field):
    less = dataclasses.replace(call, **{field: None})

    assert allows(policy, less) <= allows(policy, call)


@given(POLICIES, CALLS)
def test_what_is_denied_to_everybody_is_denied_at_every_call(policy, call):
    if policy.denies_always(call.tool):
        assert policy.decide(call).action == "deny"
    if call.caller is not None and policy.denies_always(call.tool, call.caller):
        assert policy.decide(call).action == "deny"
    if policy.decide(call).action == "confirm":
        assert policy.may_confirm(call.tool)

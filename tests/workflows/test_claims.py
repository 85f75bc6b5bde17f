"""What the workflows of many reads claim: never that there is nothing where they did not look.

Each list that an answer was made from is refused in turn, wholly or once. Then a figure is still
the right one, or there is none, and the answer names what it did not see.
"""

import json
import re
from datetime import timedelta

import pytest

from organisations import END
from portkey_admin_mcp.models.api_keys import ApiKeyDraft
from portkey_admin_mcp.portkey.catalog import tools_in
from portkey_admin_mcp.server.calls.executor import Executor
from portkey_admin_mcp.tools import domain_modules
from portkey_admin_mcp.tools.api_keys import create_api_key
from portkey_admin_mcp.workflows.budgets.usage import Counted, _amount
from portkey_admin_mcp.workflows.references.answer import LastUses
from portkey_admin_mcp.workflows.shared.reads import Reads
from portkey_admin_mcp.workflows.shared.rows import Workspace
from portkey_admin_mcp.workflows.shared.traffic import Traffic, Use
from workflow_answers import TOOLS

CALLS = {
    "find_access": {"person": "emi@acme.example", "limit": 500},
    "find_references": {"text": "gpt-5", "limit": 500},
    "find_stale": {"days": 14, "limit": 500},
    "explain_cost": {},
    "list_budgets": {"page_size": 100},
}
FIGURES = {"total", "totals", "searched", "exhausted"}
START = END - timedelta(days=90)
STALE = ("api_keys", "configs", "prompts", "providers", "scopes")
ALL_TOOLS = tools_in(domain_modules())


def names_of(endpoint):
    """The tools of an endpoint."""
    return {tool.name for tool in ALL_TOOLS if endpoint in tool.endpoints}


def path_of(target):
    return re.sub(r"^(?:https?://[^/]+)?(?:/v[12])+|\?.*", "", target)


def endpoint_of(method, target, endpoints):
    """The declared endpoint of a request."""
    for endpoint in sorted(endpoints, key=lambda each: each.count("{")):
        pattern = re.sub(r"\\{\w+\\}|\{\w+\}", "[^/]+", endpoint.replace("/v2", ""))
        if re.fullmatch(pattern, f"{method} {path_of(target)}"):
            return endpoint
    return ""


def reading_once(api):
    """The same API, which sends each read once: what is read does not change during a test."""
    answers = {}

    def transport(inner):
        async def send(method, target, headers, body):
            assert (method, body) == ("GET", None)
            if target not in answers:
                answers[target] = await inner(method, target, headers, body)
            return answers[target]

        return send

    return api.with_transport(transport)


def refusing(api, tool, refused="", *, once=False):
    """The same API, which refuses one endpoint; and the endpoints that were asked for."""
    sent = []

    def transport(inner):
        async def send(method, target, headers, body):
            endpoint = endpoint_of(method, target, TOOLS[tool].endpoints)
            sent.append(endpoint)
            if endpoint == refused and (not once or sent.count(endpoint) == 1):
                return 403, {}, b'{"message": "no"}'
            return await inner(method, target, headers, body)

        return send

    return api.with_transport(transport), sent


async def answer_of(api, tool):
    """The answer, or None if the whole call failed."""
    outcome = await Executor(TOOLS[tool], lambda: api).run(CALLS[tool])
    return None if outcome.is_error else outcome.structured


def figures(answer):
    """The counts of an answer by their names."""
    counts = {}
    for name in FIGURES & answer.keys():
        inner = answer[name] if isinstance(answer[name], dict) else {"": answer[name]}
        counts |= {(name, key): value for key, value in inner.items()}
    return counts


def check_figures(answer, truth):
    """A count in figures is that of the full answer, and counts by verdict say what they lack."""
    expected = figures(truth)
    for name, value in figures(answer).items():
        if isinstance(value, dict):
            assert value == expected[name] or value.get("not_read") or "unknown" in value, name
        elif isinstance(value, int):
            assert value == expected[name], name


def check_budgets(answer, truth):
    rows = {(r["kind"], r["id"], r.get("group")): r for r in truth["data"]}
    for row in answer["data"]:
        true = rows.get((row["kind"], row["id"], row.get("group")))
        if true is not None and "used" in row:
            assert row["used"] == true["used"], row


def check_costs(answer, truth):
    is_told = any("were not read" in note for note in answer.get("notes", ()))
    for name in ("before", "after"):
        assert is_told or answer[name]["cost"] == truth[name]["cost"]
    if truth["spikes"] and not answer["spikes"]:
        pytest.fail("days that were not read are no days without a spike")


def check_stale(answer, truth):
    for kind in STALE:
        ids = {row["id"] for row in truth.get(kind, ())}
        assert {row["id"] for row in answer.get(kind, ())} <= ids, kind


def check_references(answer, truth):
    known = {row["id"]: row.get("last_used") for row in truth.get("references", ())}
    for row in answer.get("references", ()):
        assert row.get("last_used") in (known.get(row["id"]), "unknown"), row


CHECKS = {
    "explain_cost": check_costs,
    "find_references": check_references,
    "find_stale": check_stale,
    "list_budgets": check_budgets,
}


@pytest.mark.parametrize(("tool", "once"), [
    ("find_access", True), ("find_references", True), ("find_stale", False),
    ("explain_cost", False), ("explain_cost", True), ("list_budgets", True),
])  # fmt: skip
async def test_a_list_that_was_refused_is_named_and_no_figure_is_wrong(api, tool, once):
    api = reading_once(api)
    full, sent = refusing(api, tool)
    truth = await answer_of(full, tool)
    assert truth["not_seen"] == []

    for endpoint in dict.fromkeys(sent):
        partial, _sent = refusing(api, tool, endpoint, once=once)
        answer = await answer_of(partial, tool)
        if answer is None:
            continue
        words = {*re.findall(r"\w+", " ".join(answer["not_seen"]))}
        assert words & names_of(endpoint), endpoint
        check_figures(answer, truth)
        if tool in CHECKS:
            CHECKS[tool](answer, truth)


async def key_with(api, connect, *scopes):
    """A client with a new service key of the organisation."""
    draft = ApiKeyDraft(type="organisation", sub_type="service", name="Few", scopes=[*scopes])
    return connect((await create_api_key(api, draft)).key)


KEYS = ("workspace_service_api_keys.list", "workspace_user_api_keys.list")


async def test_analytics_are_not_asked_for_a_workspace_whose_slug_is_not_known(api, connect):
    few = await key_with(api, connect, *KEYS, "analytics.view")
    stale = await answer_of(few, "find_stale")
    assert not {*STALE} & stale.keys()
    assert any("its slug is not known" in line for line in stale["not_seen"])

    budgets = await answer_of(few, "list_budgets")
    assert all("used" not in row for row in budgets["data"] if row["kind"] == "api_key")
    assert any("its slug is not known" in line for line in budgets["not_seen"])
    assert (budgets["total"], budgets["exhausted"]) == ("at least 1", "not read")


async def test_several_users_of_one_name_are_not_nobody(ask, emulator):
    users = emulator.store.table("users")
    for row in users.rows()[:2]:
        users.change(row, {"first_name": "Kim", "last_name": ""})
    answer = await ask("find_access", person="Kim")
    (note,) = answer["notes"]
    assert note.startswith("2 users have this name: ")
    assert answer["totals"]["invitations"] == "not read"


async def test_invitations_are_not_looked_for_without_an_address(ask):
    answer = await ask("find_access", person="nobody at all")
    assert answer["totals"]["invitations"] == "not read"
    assert "the e-mail address is not known: list_user_invites" in answer["not_seen"]


async def test_an_audit_log_that_names_no_key_does_not_say_that_all_scopes_are_needed(api):
    def transport(inner):
        async def send(method, target, headers, body):
            if "/audit-logs" in target:
                record = {"user_id": "gone", "user_type": "api_key", "method": "GET", "uri": "/"}
                return 200, {}, json.dumps({"records": [record], "total": 1}).encode()
            return await inner(method, target, headers, body)

        return send

    answer = await answer_of(api.with_transport(transport), "find_stale")
    assert answer["totals"]["scopes"] == "not read"
    assert "it names no key that can be listed: list_audit_logs" in answer["not_seen"]


@pytest.mark.parametrize("graph", ["cost", "requests"])
async def test_a_period_whose_cost_was_not_read_is_no_period_without_cost(api, graph):
    sent = []

    def transport(inner):
        async def send(method, target, headers, body):
            is_graph = f"/analytics/graphs/{graph}" in target
            sent.extend([target] if is_graph else [])
            if "/groups/workspace" in target or (is_graph and len(sent) == 1):
                return 403, {}, b'{"message": "no"}'
            return await inner(method, target, headers, body)

        return send

    assert await answer_of(api.with_transport(transport), "explain_cost") is None
    assert sent


async def test_days_that_are_not_compared_are_no_days_without_a_spike(ask):
    answer = await ask(
        "explain_cost", start_time="2026-10-28T00:00:00Z", end_time="2026-10-29T00:00:00Z"
    )
    assert answer["spikes"] == "not looked for"
    assert answer["not_seen"] == ["a period is shorter than 3 days: single days, and so spikes"]


@pytest.mark.parametrize(
    ("counted", "names", "amount"),
    [
        (Counted({"a": {"cost": 250}}, True), {"a", "b"}, 2.5),
        (Counted({"a": {"cost": 250}}, False), {"a"}, 2.5),
        (Counted({"a": {"cost": 250}}, False), {"a", "b"}, None),
        (Counted({"a": {"requests": 1}}, True), {"a"}, None),
        (Counted({}, True), {"a"}, 0),
        (Counted({}, True), None, None),
        (None, {"a"}, None),
    ],
)
def test_what_was_not_counted_is_not_zero(counted, names, amount):
    assert _amount(counted, names, "cost") == amount


async def test_use_under_two_spellings_is_one_use_and_figures_may_be_text(api, workspace):
    rows = [
        {"provider": "@main", "requests": "3", "last_seen": "2026-10-01T00:00:00Z"},
        {"provider": "main", "requests": 2, "last_seen": "2026-09-01T00:00:00Z"},
        {"provider": "idle", "requests": 0, "last_seen": None},
    ]

    def transport(_inner):
        async def send(*_request):
            return 200, {}, json.dumps({"total": 3, "data": rows}).encode()

        return send

    traffic = Traffic(Reads(api.with_transport(transport)), START, END)
    uses = await traffic.by("provider", Workspace("id", "ws-a", {}))
    assert uses.by_name == {"main": Use(5, "2026-10-01T00:00:00Z")}


@pytest.mark.parametrize("tool", CALLS)
async def test_all_answers_use_the_same_words(api, tool):
    answer = await answer_of(api, tool)

    assert answer["not_seen"] == []
    assert re.fullmatch(r"\w+( ×\d+)?(, \w+( ×\d+)?)*", answer["known_by"])
    assert all(isinstance(step, str) for step in answer["next"].values())
    assert isinstance(answer.get("notes", []), list)
    assert not {"note", "not_searched", "change_with", "unread"} & answer.keys()


async def test_without_the_members_it_is_not_known_which_workspaces_somebody_reaches(api):
    members = "GET /admin/workspaces/{workspace_id}/users"
    partial, sent = refusing(api, "find_access", members)
    answer = await answer_of(partial, "find_access")

    assert members in sent
    for name in ("mcp_servers", "scim_groups"):
        assert isinstance(answer["totals"][name], str)


async def test_objects_of_a_workspace_that_were_not_read_are_missing_from_the_totals(api):
    partial, _sent = refusing(api, "find_stale", "GET /providers")
    assert (await answer_of(partial, "find_stale"))["totals"]["providers"]["not_read"] == "some"


async def test_without_the_users_the_id_by_which_lists_name_somebody_is_not_known(api):
    partial, _sent = refusing(api, "find_access", "GET /admin/users")
    outcome = await Executor(TOOLS["find_access"], lambda: partial).run({"person": "x@y.example"})
    totals = outcome.structured["totals"]
    assert {totals[n] for n in ("api_keys", "mcp_servers", "mcp_integrations")} == {"not read"}
    assert totals["workspaces"] == 0


async def test_an_object_without_the_name_that_analytics_know_has_no_known_use(api):
    reads = Reads(api)
    await reads.read_workspaces()
    assert await LastUses(reads)._last("config", None, None) == "unknown"


async def test_a_cost_without_some_workspaces_says_so(api):
    def transport(inner):
        async def send(method, target, headers, body):
            status, fields, content = await inner(method, target, headers, body)
            if "/groups/workspace" in target:
                content = json.dumps({**json.loads(content), "total": 9}).encode()
            return status, fields, content

        return send

    answer = await answer_of(api.with_transport(transport), "explain_cost")
    assert any(note.startswith("Some workspaces were not read") for note in answer["notes"])
    assert any("of 9 rows were read: get_analytics_group" in each for each in answer["not_seen"])

"""Every limit, with what is used of it: checked against the stored requests, at any time."""

import json
import random
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
import quicktok

from months import client_of, drawn_starts, fill, small_month
from portkey_admin_mcp.emulator.core.store import frozen_time, moment
from portkey_admin_mcp.emulator.traffic.requests import database
from portkey_admin_mcp.errors import Unauthenticated
from portkey_admin_mcp.models.api_keys import ApiKeyDraft
from portkey_admin_mcp.models.usage_limits import BudgetFilter
from portkey_admin_mcp.safety.policy_guard import PolicyGuard
from portkey_admin_mcp.tools.api_keys import create_api_key
from portkey_admin_mcp.tools.usage_limits import list_usage_limits
from portkey_admin_mcp.workflows.budgets.sources import Source
from portkey_admin_mcp.workflows.list_budgets import NEXT, list_budgets
from portkey_admin_mcp.workflows.shared.reads import MAX_REQUESTS, Reads
from servers import build_calls

STARTS = [datetime(2026, 11, 1, tzinfo=UTC), *drawn_starts(2, "list_budgets")]
NOW = frozen_time()
DAY_MS = 86_400_000
DIEGO = "metadata._user:diego@acme.example"
OF_SUPPORT = "json_extract(metadata, '$.team') = 'support'"


@cache
def o200k():
    return quicktok.get_encoding("o200k_base")


def tokens(answer):
    return len(o200k().encode(json.dumps(answer, ensure_ascii=False, separators=(",", ":"))))


async def listed(emulator, key="owner", **filter):
    record = await list_budgets(client_of(emulator, key), BudgetFilter(**filter))
    return record.answer()


def milliseconds(moment):
    return int(moment.timestamp() * 1000)


def counted(emulator, where, since, what="sum(cost) / 1000000.0"):
    sql = f"select coalesce({what}, 0) from requests where {where} and created_at >= ?"
    ((amount,),) = database(emulator.store).execute(sql, (milliseconds(since),)).fetchall()
    return amount


@pytest.mark.parametrize("end", STARTS, ids=datetime.isoformat)
async def test_the_exhausted_person_comes_first_and_the_pace_is_that_of_the_last_week(end):
    emulator = small_month(end)
    limits = emulator.store.table("usage_limits")
    (policy,) = limits.rows()
    since = datetime.fromisoformat(policy["created_at"])
    spent = {
        user: counted(emulator, f"user = '{user}@acme.example' and {OF_SUPPORT}", since)
        for user in ("diego", "emi")
    }
    limits.change(policy, {"credit_limit": spent["diego"] * 0.99, "alert_threshold": 0.1})
    exhausted = {user for user, used in spent.items() if used >= spent["diego"] * 0.99}
    answer = await listed(emulator)

    rows = answer["data"]
    first, others = rows[: len(exhausted)], rows[len(exhausted) :]
    assert {row["group"] for row in first} == {
        f"metadata._user:{u}@acme.example" for u in exhausted
    }
    assert DIEGO in {row["group"] for row in first}
    assert {row["runs_out"] for row in first} == {"exhausted"}
    assert answer["exhausted"] == len(exhausted)
    assert all(row["runs_out"] != "exhausted" for row in others)
    week = end - timedelta(days=7)
    for row in answer["data"]:
        where = {
            "usage_limit": f"user = '{row.get('group', ':').split(':')[1]}' and {OF_SUPPORT}",
            "api_key": f"api_key_id = '{row['id']}'",
            "workspace": f"workspace_id = '{_id_of(emulator, row['workspace'])}'",
        }[row["kind"]]
        assert row["pace_per_day"] == pytest.approx(counted(emulator, where, week) / 7, abs=0.01)
        if row["kind"] != "usage_limit":
            month = end.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            assert row["resets"].endswith("-01T00:00Z")
            assert row["used"] == pytest.approx(counted(emulator, where, month), abs=0.01)
    assert tokens(answer) <= 1_500
    dates = [row["runs_out"] for row in others if row["runs_out"][:2] == "20"]
    assert dates == sorted(dates)
    assert dates == [] or dates[0] in answer["binds_first"]


def _id_of(emulator, slug):
    return next(r["id"] for r in emulator.store.table("workspaces").rows() if r["slug"] == slug)


@pytest.fixture
async def organisation(ask, emulator, workspace):
    """An organisation with a limit of each kind and unit; requests of a month count on them."""
    science = workspace("Science")
    await ask("update_workspace", workspace_id=science, usage_limits=[
        {"credit_limit": 90, "type": "cost", "periodic_reset": "weekly"}])  # fmt: skip
    key = await ask("create_api_key", type="workspace", sub_type="service", name="Tokens",
                    workspace_id=science, scopes=["completions.write"],
                    usage_limits={"credit_limit": 1_000_000, "type": "tokens"},
                    rate_limits=[{"type": "requests", "unit": "rps", "value": 7}])  # fmt: skip
    admin = await ask("create_api_key", type="organisation", sub_type="service", name="Admin",
                      scopes=["workspaces.list"], credit_limit=5)  # fmt: skip
    await ask("create_provider", name="Ours", integration_id="openai", slug="ours",
              workspace_id=science, credit_limit=40)  # fmt: skip
    await ask("update_integration_workspaces", slug="openai",
              workspaces=[{"id": science, "enabled": True, "credit_limit": 60}])  # fmt: skip
    policy = await ask("create_usage_limit", workspace_id=science, type="requests",
                       credit_limit=500, conditions=[{"key": "model", "value": "*"}],
                       group_by=[{"key": "model"}], periodic_reset="weekly")  # fmt: skip
    for table, days in (("api_keys", 30), ("virtual_keys", 30), ("usage_limits", 3)):
        for row in emulator.store.table(table).rows():
            created = moment(NOW - timedelta(days=days))
            emulator.store.table(table).change(row, {"created_at": created})
    generator = random.Random("organisation")
    rows = [
        {
            "id": f"r{number}",
            "created_at": milliseconds(NOW) - generator.randrange(20 * DAY_MS),
            "workspace_id": science,
            "api_key_id": key["id"],
            "virtual_key": generator.choice(["ours", "another"]),
            "ai_model": generator.choice(["m-1", "m-2"]),
            "total_units": 500,
            "cost": 30_000,
        }
        for number in range(600)
    ]
    fill(emulator, rows)
    return {"key": key["id"], "admin": admin["id"], "policy": policy["id"], "science": science}


async def test_each_kind_is_counted_in_its_unit_since_its_last_reset(ask, emulator, organisation):
    answer = await ask("list_budgets", page_size=100)
    rows = {(row["kind"], row["id"], row.get("group", "")): row for row in answer["data"]}
    monday = NOW.replace(hour=0)
    month = NOW.replace(day=1, hour=0)
    science = f"workspace_id = '{organisation['science']}'"

    of_workspace = next(r for (kind, id, _g), r in rows.items()
                        if kind == "workspace" and r["limit"] == 90)  # fmt: skip
    assert of_workspace["used"] == pytest.approx(counted(emulator, science, monday), abs=0.01)
    assert of_workspace["resets"] == "2026-11-09T00:00Z"
    key = rows["api_key", organisation["key"], ""]
    assert (key["unit"], key["used"]) == ("tokens", 600 * 500)  # all since it was created
    admin = rows["api_key", organisation["admin"], ""]
    assert admin["runs_out"] == "unknown: analytics count requests of workspaces only"
    ours = f"{science} and virtual_key = 'ours'"
    for kind, id in (("provider", "ours"), ("integration", "openai")):
        row = rows[kind, id, ""]
        in_week = counted(emulator, ours, NOW - timedelta(days=7))
        assert row["used"] == pytest.approx(counted(emulator, ours, month), abs=0.01)
        assert row["pace_per_day"] == pytest.approx(in_week / 7, abs=0.01)
    assert rows["integration", "openai", ""]["limit"] == 60
    for model in ("m-1", "m-2"):
        row = rows["usage_limit", organisation["policy"], f"model:{model}"]
        assert row["unit"] == "requests"
        assert row["used"] == counted(
            emulator,
            f"{science} and ai_model = '{model}'",
            NOW - timedelta(days=3),
            "count(*)",
        )
    assert answer["next"] == NEXT
    texts = [rate["limit"] for rate in answer["rate_limits"]]
    assert "7 requests rps" in texts
    assert "600 requests rpm for each api_key" in texts
    assert answer["not_seen"] == []


@pytest.mark.parametrize("kind", NEXT)
async def test_one_kind_is_listed_alone_with_fewer_requests(ask, emulator, organisation, kind):
    emulator.log.clear()
    answer = await ask("list_budgets", kind=kind, page_size=100)

    assert answer["data"]
    if kind == "rate_limit":
        assert all("runs_out" not in row for row in answer["data"])
    else:
        assert {row["kind"] for row in answer["data"]} == {kind}
    assert len(emulator.log) < 30


async def test_one_workspace_is_listed_alone(ask, workspace, organisation):
    answer = await ask("list_budgets", workspace_id=workspace("Support"), page_size=100)

    assert len({row["workspace"] for row in answer["data"]}) == 1
    assert answer["total"] == len(answer["data"]) == 2


async def test_a_key_of_a_workspace_lists_its_own_limits(emulator):
    answer = await listed(emulator, "workspace-service")

    assert {row["workspace"] for row in answer["data"]} == {answer["data"][0]["workspace"]}
    assert answer["data"][0]["group"] == DIEGO


async def test_what_may_not_be_read_is_named_and_the_rest_is_listed(api, emulator):
    scopes = ["workspaces.list", "workspace_service_api_keys.list", "workspace_user_api_keys.list"]
    draft = ApiKeyDraft(type="organisation", sub_type="service", name="Few", scopes=scopes)
    key = (await create_api_key(api, draft)).key
    answer = await listed(emulator, key)

    refused = next(line for line in answer["not_seen"] if line.startswith("403 "))
    for tool in ("list_usage_limits [policies.list, enterprise plan]", "list_rate_limits",
                 "list_providers", "list_integrations"):  # fmt: skip
        assert tool in refused
    assert {row["kind"] for row in answer["data"]} == {"workspace", "api_key"}
    assert all(row["runs_out"] == "unknown: its use was not read" for row in answer["data"])
    assert tokens(answer) <= 1_500


async def test_without_workspaces_those_of_the_keys_are_read(api, emulator):
    scopes = ["workspace_service_api_keys.list", "workspace_user_api_keys.list", "policies.list"]
    draft = ApiKeyDraft(type="organisation", sub_type="service", name="Few", scopes=scopes)
    key = (await create_api_key(api, draft)).key
    answer = await listed(emulator, key)

    assert any(line.startswith("403 ") and "list_workspaces" in line for line in answer["not_seen"])
    assert answer["data"][0]["group"] == DIEGO
    assert answer["data"][0]["runs_out"] == "exhausted"


async def test_without_workspaces_and_keys_the_groups_of_the_own_workspace_are_listed(
    api, emulator, workspace
):
    draft = ApiKeyDraft(
        type="workspace", sub_type="service", name="Few", workspace_id=workspace("Support"),
        scopes=["policies.list", "analytics.view"],
    )  # fmt: skip
    answer = await listed(emulator, (await create_api_key(api, draft)).key)

    assert (answer["data"][0]["group"], answer["data"][0]["runs_out"]) == (DIEGO, "exhausted")
    assert answer["data"][1]["pace_per_day"] > 0
    refused = next(line for line in answer["not_seen"] if line.startswith("403 "))
    for tool in ("list_workspaces", "list_api_keys", "list_providers", "list_virtual_keys"):
        assert tool in refused


async def test_outside_the_enterprise_plan_policies_are_named_as_not_seen(ask, emulator):
    emulator.answer("POST", "/emulator/plan", {}, b'{"plan": "pro"}')
    answer = await ask("list_budgets")

    assert any(
        line.startswith("403 ") and "list_usage_limits" in line for line in answer["not_seen"]
    )
    assert {row["kind"] for row in answer["data"]} == {"workspace", "api_key"}


async def test_a_wrong_key_is_an_error(emulator):
    with pytest.raises(Unauthenticated):
        await listed(emulator, "no-such-key")


async def test_many_limits_fit_in_1_500_tokens_and_pages_show_all(emulator):
    keys, workspaces = emulator.store.table("api_keys"), emulator.store.table("workspaces")
    first = next(row for row in keys.rows() if row["usage_limits"])
    for number in range(250):
        keys.add({**first, "id": f"{first['id'][:-4]}{number:04}", "name": "長" * 90,
                  "usage_limits": {"credit_limit": number + 1, "type": "cost"}})  # fmt: skip
    row = workspaces.rows()[0]
    for number in range(55):
        workspaces.add({**row, "id": f"w{number}", "slug": f"ws-{'長' * 30}-{number}"})
    emulator.log.clear()
    answer = await listed(emulator)

    assert tokens(answer) <= 1_500
    assert len(emulator.log) <= MAX_REQUESTS
    assert "only 50 of 58 were looked at: list_workspaces" in answer["not_seen"]
    count = len(answer["data"])
    assert 3 <= count < 254
    assert answer["total"] == "at least 254"
    assert answer["more"].startswith(f"{254 - count} more limits: narrow with workspace_id or kind")
    pages = [
        (await listed(emulator, kind="api_key", page_size=100, current_page=page))["data"]
        for page in range(3)
    ]
    assert [len(page) for page in pages] == [100, 100, 51]
    assert len({row["id"] for page in pages for row in page}) == 251


async def test_a_period_that_begins_now_has_used_nothing():
    emulator = small_month(datetime(2026, 11, 1, tzinfo=UTC))
    answer = await listed(emulator, kind="api_key")

    assert [row["used"] for row in answer["data"]] == [0]


@pytest.mark.parametrize("tool", ["list_budgets", "explain_cost"])
async def test_a_bound_on_one_workspace_shows_that_one_and_on_two_asks_for_one(
    api, workspace, tool
):
    support, science = workspace("Support"), workspace("Science")
    calls = build_calls(lambda: api, policy=PolicyGuard(None, (support,)))
    answer = (await calls(tool, {})).structured
    rows = answer["data"] if tool == "list_budgets" else answer["by_workspace"]

    assert {row["workspace"][:9] for row in rows} == {"ws-suppor"}
    assert "diego@acme.example" in json.dumps(answer)

    calls = build_calls(lambda: api, policy=PolicyGuard(None, (support, science)))
    outcome = await calls(tool, {})
    assert outcome.is_error
    assert "name one of these workspaces" in outcome.texts[0]


def without(api, path):
    """The same API, which refuses what has this path."""

    def transport(inner):
        async def send(method, target, headers, body):
            if path in target:
                return 403, {}, b'{"message": "no"}'
            return await inner(method, target, headers, body)

        return send

    return api.with_transport(transport)


async def test_what_runs_out_first_is_said_to_be_one_of_those_that_are_known(api):
    full = (await list_budgets(api, BudgetFilter())).answer()
    answer = (await list_budgets(without(api, "/providers"), BudgetFilter())).answer()
    assert answer["binds_first"] == f"{full['binds_first']}, of those that are known"


async def test_the_use_of_an_integration_is_not_zero_where_its_providers_were_not_read(
    api, organisation
):
    filter = BudgetFilter(kind="integration")
    (full,) = (await list_budgets(api, filter)).answer()["data"]
    (row,) = (await list_budgets(without(api, "/virtual-keys"), filter)).answer()["data"]
    assert full["used"] > 0
    assert row["runs_out"] == "unknown: its use was not read"
    assert "used" not in row


async def test_the_limits_of_a_workspace_that_was_not_listed_are_named(api, emulator, workspace):
    draft = ApiKeyDraft(
        type="organisation", sub_type="service", name="Few", scopes=["policies.list"]
    )
    key = (await create_api_key(api, draft)).key
    answer = await listed(emulator, key, workspace_id=workspace("Support"))

    why = "it was not listed: limits of a workspace itself of "
    assert any(line.startswith(why) for line in answer["not_seen"])
    assert answer["total"] == f"at least {len(answer['data'])}"


async def test_policies_beyond_the_limit_are_named(api):
    reads = Reads(api)
    source = Source(reads, NOW, frozenset())

    assert len(source._first(list_usage_limits, [{}] * 25, 20, "ws-a")) == 20
    assert reads.not_seen == ["only 20 of 25 were looked at: list_usage_limits of ws-a"]


async def test_requests_are_reserved_for_the_use_of_limits(api, emulator, monkeypatch):
    monkeypatch.setattr("portkey_admin_mcp.workflows.list_budgets.RESERVED_FOR_USES", 596)
    answer = await listed(emulator)

    assert any(line.startswith("not read with 4 requests: ") for line in answer["not_seen"])
    assert any("used" in row for row in answer["data"] if row["kind"] == "workspace")

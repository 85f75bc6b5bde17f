"""Why a cost changed: what is planted is found at any time, and every list adds up to the cent.

The truth comes from the stored requests, not from analytics.
"""

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from months import client_of, drawn_starts, fill, small_month
from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.emulator.traffic.plan import DAY_MS, plan_until
from portkey_admin_mcp.emulator.traffic.requests import database
from portkey_admin_mcp.errors import Forbidden, InputError
from portkey_admin_mcp.models.analytics import CostQuestion
from portkey_admin_mcp.models.api_keys import ApiKeyDraft
from portkey_admin_mcp.tools.api_keys import create_api_key
from portkey_admin_mcp.workflows.costs.spikes import _length_of_requests
from portkey_admin_mcp.workflows.explain_cost import explain_cost
from portkey_admin_mcp.workflows.shared.reads import MAX_REQUESTS
from portkey_admin_mcp.workflows.shared.rows import Rows
from workflow_answers import DIMENSIONS, check_sums, o200k, usd

STARTS = [
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 11, 7, 3, tzinfo=UTC),
    *drawn_starts(3, "explain_cost"),
]
UNITS_PER_USD = 1_000_000


def tokens(answer):
    return len(o200k().encode(json.dumps(answer, ensure_ascii=False, separators=(",", ":"))))


async def explained(emulator, key="owner", **question):
    record = await explain_cost(client_of(emulator, key), CostQuestion(**question))
    return record.answer()


def spent(emulator, period, where="1", group="1"):
    """The cost of each group in USD, and its requests, from the stored requests."""
    start, end = (
        int(datetime.fromisoformat(period[side]).timestamp() * 1000) for side in ("start", "end")
    )
    sql = (
        f"select {group}, sum(cost), count(*) from requests where created_at >= ?"
        f" and created_at < ? and {where} group by 1"
    )
    rows = database(emulator.store).execute(sql, (start, end)).fetchall()
    return {name: (Decimal(cost) / UNITS_PER_USD, count) for name, cost, count in rows}


@pytest.mark.parametrize("end", STARTS, ids=datetime.isoformat)
async def test_the_planted_spike_is_named_with_its_day_person_and_model_at_any_time(end):
    emulator = small_month(end)
    answer = await explained(emulator)

    plan = plan_until(end)
    start = datetime.fromtimestamp((plan.start + plan.spike_day * DAY_MS) / 1000, UTC)
    day = {"start": start.isoformat(), "end": (start + timedelta(days=1)).isoformat()}
    support = next(
        row for row in emulator.store.table("workspaces").rows() if row["name"] == "Support"
    )
    where = f"workspace_id = '{support['id']}'"
    (spike,) = answer["spikes"]
    assert (spike["day"], spike["workspace"]) == (start.date().isoformat(), support["slug"])
    ((_cost, requests),) = spent(emulator, day, where).values()
    assert spike["workspace_requests"] == requests
    assert spike["workspace_tokens_per_request"] > 10 * answer["before"]["tokens_per_request"]
    for name, column in (("person", "user"), ("model", "ai_model"), ("api_key", "api_key_id")):
        costs = {each: cost for each, (cost, _n) in spent(emulator, day, where, column).items()}
        largest = max(costs, key=costs.__getitem__)
        share = float(costs[largest] / sum(costs.values()) * 100)
        assert spike["most_of_that"][name] == largest
        assert spike["most_of_that"][f"{name}_percent"] == pytest.approx(share, abs=0.1)
    assert spike["most_of_that"]["person"] == "diego@acme.example"
    assert "more" not in answer  # no dimension has a fifth group
    check_sums(answer)
    assert tokens(answer) <= 1_500


def traffic(generator, emulator):
    """Requests of three weeks, of which some name no user, no key or no model, or have no price."""
    workspaces = [row["id"] for row in emulator.store.table("workspaces").rows()]
    now = int(emulator.store.now().timestamp() * 1000)
    users = [None, *(f"u{number}@acme.example" for number in range(generator.randrange(1, 9)))]
    models = [None, *(f"model-{number}" for number in range(generator.randrange(1, 7)))]
    keys = [None, *(f"key-{number}" for number in range(generator.randrange(1, 5)))]
    for number in range(400):
        model = generator.choice(models)
        tokens_in, tokens_out = generator.randrange(2_000), generator.randrange(500)
        free = model == "model-0" or generator.random() < 0.1
        yield {
            "id": f"r{number}",
            "created_at": now - generator.randrange(21 * 86_400_000),
            "workspace_id": generator.choice(workspaces),
            "api_key_id": generator.choice(keys),
            "user": generator.choice(users),
            "ai_model": model,
            "req_units": tokens_in,
            "res_units": tokens_out,
            "total_units": tokens_in + tokens_out,
            "cost": 0 if free else generator.randrange(3_000_000),
        }


@pytest.mark.parametrize("seed", range(3))
async def test_generated_traffic_is_explained_as_it_was_stored(seed):
    emulator = Emulator("acme", frozen_time)
    fill(emulator, traffic(random.Random(seed), emulator))
    slugs = {row["id"]: row["slug"] for row in emulator.store.table("workspaces").rows()}
    columns = dict(zip(DIMENSIONS, ("ai_model", "api_key_id", "user", "workspace_id"), strict=True))

    for name in DIMENSIONS:
        answer = await explained(emulator, by=name)
        check_sums(answer)
        assert tokens(answer) <= 1_500
        for period in ("before", "after"):
            truth = spent(emulator, answer[period], group=columns[name])
            for row in answer[f"by_{name}"]:
                is_nameless = row[name].startswith("(no ")
                group = None if is_nameless else row[name]
                group = next((i for i, slug in slugs.items() if slug == group), group)
                cost, count = truth.pop(group, (Decimal(0), 0))
                assert abs(usd(row[period]) - cost) < Decimal("0.01")
                if is_nameless:
                    assert row["requests"][period == "after"] == count
            assert truth == {}
    assert "unpriced" not in answer

    answer = await explained(emulator)
    check_sums(answer)
    rows = [row[name] for name in DIMENSIONS for row in answer[f"by_{name}"]]
    assert ("more" in answer) == any(name.endswith(" more)") for name in rows)
    unpriced = {row["model"]: row["requests"] for row in answer["unpriced"]["models"]}
    truth = spent(emulator, answer["after"], "total_units > 0", "ai_model")
    assert unpriced == {n: count for n, (cost, count) in truth.items() if not cost and n}


@pytest.mark.parametrize(
    ("rows", "length"),
    [
        (
            Rows([{"model": "a", "requests": 2, "total_tokens": 9}]),
            {"workspace_requests": 2, "workspace_tokens_per_request": 4},
        ),
        (
            Rows([{"model": "a", "requests": 2, "total_tokens": 9}], "only 1 of 2 rows were read"),
            {},
        ),
        (Rows([{"model": "a", "requests": 2}]), {}),
        (Rows(), {}),
    ],
)
def test_how_long_the_requests_of_a_spike_were_is_only_said_if_all_were_read(rows, length):
    assert _length_of_requests(rows) == length


async def test_a_key_of_a_workspace_says_that_it_may_see_no_other(emulator):
    answer = await explained(emulator, "workspace-service")

    assert len(answer["by_workspace"]) == 1
    assert "The key may see no other workspace, or no other had requests." in answer["notes"]
    check_sums(answer)


async def test_what_may_not_be_read_is_named_with_the_scope_and_the_rest_is_answered(api, emulator):
    draft = ApiKeyDraft(
        type="organisation", sub_type="service", name="Figures", scopes=["analytics.view"]
    )
    key = (await create_api_key(api, draft)).key
    answer = await explained(emulator, key)

    (line,) = answer["not_seen"]
    assert line.startswith("403 ")
    assert ": list_api_keys [organisation_service_api_keys.list or " in line
    assert not any("name" in row for row in answer["by_api_key"])
    check_sums(answer)


async def test_without_the_scope_the_whole_call_is_refused(emulator):
    with pytest.raises(Forbidden):
        await explained(emulator, "scopeless")


async def test_without_groups_the_documented_graphs_give_the_total_of_one_workspace(emulator):
    async def without_groups(method, target, headers, body):
        if "/groups/" in target and "/groups/users" not in target:
            return 404, {}, b'{"message": "no such route"}'
        return await transport(method, target, headers, body)

    api = client_of(emulator)
    transport = api._transport
    slug = emulator.store.table("workspaces").rows()[1]["slug"]
    answer = (
        await explain_cost(
            api.with_transport(lambda _inner: without_groups), CostQuestion(workspace_slug=slug)
        )
    ).answer()

    assert answer["by_workspace"][0]["workspace"] == slug
    assert answer["by_model"][0]["model"] == "(not seen)"
    assert any(line.startswith("404: get_analytics_group of ") for line in answer["not_seen"])
    check_sums(answer)


async def test_a_large_organisation_with_long_names_fits_in_1_500_tokens():
    emulator = Emulator("acme", frozen_time)
    table = emulator.store.table("workspaces")
    first = table.rows()[0]
    names = [f"{'長' * 80}-{number}" for number in range(150)]
    for number in range(14):
        table.add({**first, "id": f"w-{number}", "slug": f"ws-{number}", "name": names[number]})
    generator = random.Random("large")
    now = int(emulator.store.now().timestamp() * 1000)
    rows = (
        {
            "id": f"r{number}",
            "created_at": now - generator.randrange(15 * 86_400_000),
            "workspace_id": f"w-{number % 14}",
            "api_key_id": names[number % 140],
            "user": names[number % 149],
            "ai_model": names[number % 150],
            "total_units": 10,
            "cost": generator.randrange(3_000_000) if number % 150 > 6 else 0,
        }
        for number in range(1_500)
    )
    fill(emulator, rows)
    emulator.log.clear()
    answer = await explained(emulator)

    assert tokens(answer) <= 1_500
    assert len(emulator.log) <= MAX_REQUESTS
    assert any("only 10 of 14 workspaces were looked at" in line for line in answer["not_seen"])
    assert answer["spikes"] == "none in the days read"
    assert [row["model"] for row in answer["by_model"]][-1] == "(not seen)"
    assert any("more)" in row["person"] for row in answer["by_person"])
    check_sums(answer)
    for name in DIMENSIONS:
        one = await explained(emulator, by=name)
        assert tokens(one) <= 1_500
        check_sums(one)


async def test_periods_may_be_named_and_the_answer_says_what_differs(emulator):
    answer = await explained(
        emulator,
        start_time="2026-11-01T00:00:00Z",
        end_time="2026-11-03T00:00:00Z",
        compare_start_time="2026-10-20T00:00:00Z",
    )
    assert answer["before"]["end"] == "2026-11-01T00:00:00Z"
    assert answer["notes"][:2] == [
        "The periods differ in length, which is in the effect `requests`.",
        "The later period is not over yet.",
    ]
    with pytest.raises(InputError, match="must end after it starts"):
        await explained(emulator, start_time="2026-12-01T00:00:00Z")


@pytest.mark.parametrize(
    "times",
    [
        {"start_time": "0001-01-01T00:00:00+05:00", "end_time": "2026-11-01T00:00:00Z"},
        {"start_time": "0001-01-01T00:00:00Z", "end_time": "2026-11-01T00:00:00Z"},
        {"start_time": "2026-13-01T00:00:00Z"},
    ],
)
async def test_times_that_cannot_be_read_are_refused(emulator, times):
    with pytest.raises(InputError, match="a time cannot be read"):
        await explained(emulator, **times)


async def test_a_period_may_be_shorter_than_a_second(emulator):
    answer = await explained(
        emulator, start_time="2026-10-28T09:00:00.100Z", end_time="2026-10-28T09:00:00.900Z"
    )
    assert answer["after"]["requests"] <= answer["before"]["requests"] + 1


async def test_a_period_without_any_request_is_explained_too(emulator):
    answer = await explained(
        emulator, start_time="2026-01-08T00:00:00Z", end_time="2026-01-15T00:00:00Z"
    )
    assert (answer["difference"], answer["by_model"], answer["spikes"]) == (0.0, [], [])

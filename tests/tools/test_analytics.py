"""Analytics, as a model sees them."""

import json

import pytest

from portkey_admin_mcp.models.analytics import MAX_SHOWN_POINTS, AnalyticsFilter
from portkey_admin_mcp.models.core.vocabulary import RequestRanges
from portkey_admin_mcp.portkey.catalog import tool_of
from portkey_admin_mcp.tools.analytics import (
    get_cost_analytics,
    get_request_analytics,
)

MONTH = {
    "time_of_generation_min": "2026-10-01T00:00:00Z",
    "time_of_generation_max": "2026-11-03T00:00:00Z",
}
GRAPHS = [
    "get_cost_analytics",
    "get_request_analytics",
    "get_token_analytics",
    "get_latency_analytics",
    "get_error_analytics",
    "get_error_rate_analytics",
    "get_error_stacks_analytics",
    "get_error_status_codes_analytics",
    "get_users_analytics",
    "get_user_requests_analytics",
    "get_rescued_requests_analytics",
    "get_cache_hit_rate",
    "get_cache_hit_latency",
    "get_feedback_analytics",
    "get_feedback_scores_analytics",
    "get_feedback_weighted_analytics",
    "get_feedback_models_analytics",
]


@pytest.fixture
def support(workspace):
    return MONTH | {"workspace_slug": workspace("Support")}


@pytest.mark.parametrize("tool", GRAPHS)
async def test_a_graph_has_a_summary_and_points(ask, support, tool):
    answer = await ask(tool, **support)

    assert len(answer["data_points"]) >= 3
    assert "summary" in answer


async def test_the_cost_of_a_user_on_a_day_is_found(ask, support):
    day = {
        "time_of_generation_min": "2026-10-28T00:00:00Z",
        "time_of_generation_max": "2026-10-29T00:00:00Z",
    }
    spent = await ask("get_cost_analytics", **support | day)
    people = await ask("get_analytics_group_users", **support | day)
    older = await ask("get_user_stats", **support | day)

    assert people["data"][0]["user"] == "diego@acme.example"
    assert sum(row["cost"] for row in people["data"]) == pytest.approx(spent["summary"]["total"])
    assert older == people


async def test_what_is_worth_finding_in_the_month_is_found_with_tools(ask, support):
    days = (await ask("get_cost_analytics", **support))["data_points"]
    dear = max(days, key=lambda day: day["total"])
    assert dear["timestamp"].startswith("2026-10-28")
    assert dear["total"] > 3 * sorted(day["total"] for day in days)[len(days) // 2]

    days = (await ask("get_error_analytics", **support))["data_points"]
    worst = max(days, key=lambda day: day["total"])["timestamp"][:10]
    hours = {"time_of_generation_min": worst, "time_of_generation_max": f"{worst}T23:59:59Z"}
    burst = await ask("get_error_analytics", **support | hours, status_code="503")
    assert [point["timestamp"][11:13] for point in burst["data_points"]] == ["14", "15"]
    failing = await ask("get_analytics_group", group_by="ai_service", **support | hours,
                        columns=["error_count"], order_by="error_count")  # fmt: skip
    assert failing["data"][0]["ai_service"] == "anthropic"

    slow = await ask("get_latency_analytics", **support, ai_org_model="anthropic__claude-sonnet-5")
    first, *_between, last = slow["data_points"]
    assert last["p50"] > 3 * first["p50"]


async def test_keys_that_somebody_should_look_at_are_found_with_tools(ask, workspace):
    shared = MONTH | {"workspace_slug": workspace("Shared Team Workspace")}
    used = await ask(
        "get_analytics_group",
        group_by="api_key",
        **shared,
        columns=["last_seen"],
        order_by="last_seen",
        order_by_type="asc",
    )
    stale, busy = [await ask("get_api_key", id=row["api_key"]) for row in used["data"]]

    assert used["data"][0]["last_seen"] < "2026-10-14" < used["data"][1]["last_seen"]
    assert (stale["name"], busy["name"]) == ("Nightly batch", "Dashboard")
    assert len(busy["scopes"]) > 20


async def test_every_way_to_name_a_filter_means_the_same(ask, support, emulator):
    (provider, *_others) = [row["slug"] for row in emulator.store.table("virtual_keys").rows()]

    async def counted(**filters):
        return (await ask("get_request_analytics", **support, **filters))["summary"]["total"]

    by_text = await counted(virtual_keys=provider, status_code="200,429")
    assert 0 < by_text < await counted()
    assert await counted(virtual_keys=[provider], status_code=["200", "429"]) == by_text
    assert await counted(virtual_key_slugs=[provider], status_codes=["200", "429"]) == by_text
    team = await counted(metadata={"environment": "staging"})
    assert await counted(metadata=json.dumps({"environment": "staging"})) == team > 0
    assert await counted(metadata_filter={"environment": "staging"}) == team
    model = await counted(ai_org_model="openai__gpt-5")
    assert await counted(provider_models=["openai__gpt-5"]) == model > 0
    assert await counted(trace_ids=["trace-1"]) == await counted(trace_id="trace-1")
    assert await counted(span_ids=["span-1"]) == await counted(span_id="span-1")
    assert await counted(config_slugs=["pc-none"]) == 0


async def test_of_a_filter_under_both_names_the_list_wins(ask, support):
    both = await ask("get_request_analytics", **support, status_code="200", status_codes=["429"])

    assert both == await ask("get_request_analytics", **support, status_code="429")
    assert both != await ask("get_request_analytics", **support, status_code="200")


async def test_a_date_means_its_first_moment(ask, support):
    dates = {"time_of_generation_min": "2026-10-28", "time_of_generation_max": "2026-10-29"}
    times = {name: f"{date}T00:00:00Z" for name, date in dates.items()}

    by_date = await ask("get_request_analytics", **support | dates)

    assert by_date == await ask("get_request_analytics", **support | times)
    assert by_date["summary"]["total"] > 0


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        ({"time_of_generation_min": "yesterday"}, "give a time such as 2026-11-02T09:00:00Z"),
        ({"time_of_generation_max": "28/10/2026"}, "give a time such as 2026-11-02T09:00:00Z"),
        ({"metadata": "team"}, 'give a JSON object such as {"team":"support"}'),
        ({"metadata": "[1]"}, 'give a JSON object such as {"team":"support"}'),
        ({"cost_min": "much"}, "number"),
        ({"total_units_min": -1}, "greater than or equal to 0"),
        ({"weighted_feedback_max": 11}, "less than or equal to 10"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_not_sent(
    refusal, emulator, support, arguments, cure
):
    emulator.log.clear()

    advice = await refusal("get_request_analytics", **support | arguments)

    assert f"{next(iter(arguments))}: " in advice
    assert cure in advice
    assert not emulator.log


async def test_groups_are_compared_with_columns_and_order(ask, support):
    answer = await ask(
        "get_analytics_group",
        group_by="model",
        **support,
        columns=["cost", "p95_latency", "success_rate"],
        order_by="p95_latency",
        page_size=2,
    )

    assert answer["data"][0]["model"] == "claude-sonnet-5"
    assert (answer["total"], answer["has_more"], answer["next_page"]) == (3, True, 1)
    assert set(answer["data"][0]) == {"model", "cost", "p95_latency", "success_rate"}


@pytest.mark.parametrize(
    ("tool", "more", "named"),
    [
        ("get_analytics_group_models", {}, "ai_model"),
        ("get_analytics_group_providers", {"columns": ["cost"]}, "provider"),
        ("get_analytics_group_metadata", {"metadata_key": "team"}, "metadata_value"),
        ("get_analytics_group_workspaces", {}, "workspace"),
    ],
)
async def test_a_group_says_what_it_is(ask, support, tool, more, named):
    answer = await ask(tool, **support, **more)

    assert answer["total"] == len(answer["data"]) > 0
    assert answer["data"][0][named]


async def test_the_cache_is_summed_up(ask, support):
    summary = (await ask("get_cache_summary", **support))["summary"]

    assert summary["hits"] < summary["total_requests"]
    assert summary["cache_speedup"] > 50


async def test_a_period_is_needed_and_a_plan(ask, refusal, support, emulator):
    assert "time_of_generation_min: is required" in await refusal("get_cost_analytics")
    emulator.answer("POST", "/emulator/plan", {}, b'{"plan": "pro"}')
    assert "Enterprise plan" in await refusal("get_cost_analytics", **support)


DAY = {
    "time_of_generation_min": "2026-11-01T00:00:00Z",
    "time_of_generation_max": "2026-11-02T00:00:00Z",
}


async def test_of_points_within_a_day_the_largest_are_shown_and_all_on_request(ask, call, support):
    brief = await ask("get_cost_analytics", **support | DAY)
    table = await call("get_cost_analytics", support | DAY | {"format": "csv"})
    months = await ask("get_cost_analytics", **support)

    rows = table.content[0].text.splitlines()
    assert [len(brief["data_points"]), "more_points" in brief] == [MAX_SHOWN_POINTS, True]
    assert len(rows) > MAX_SHOWN_POINTS + 1
    assert "`format: csv` shows all" in brief["more_points"]
    assert len(months["data_points"]) > MAX_SHOWN_POINTS
    assert "more_points" not in months


async def test_the_largest_point_is_among_those_that_are_shown_in_order_of_time(ask, api, support):
    whole = await get_request_analytics(api, AnalyticsFilter(**support | DAY))
    brief = await ask("get_request_analytics", **support | DAY)

    largest = max(point["total"] for point in whole.data_points)
    assert largest in [point["total"] for point in brief["data_points"]]
    times = [point["timestamp"] for point in brief["data_points"]]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("first", "last", "more"),
    [
        ("time_of_generation_min", "time_of_generation_max", {}),
        ("cost_min", "cost_max", {"cost_min": 5, "cost_max": 1}),
        (
            "weighted_feedback_min",
            "weighted_feedback_max",
            {"weighted_feedback_min": 1, "weighted_feedback_max": -1},
        ),
    ],
)
async def test_a_range_that_ends_before_it_begins_is_refused_by_both_names(
    refusal, support, first, last, more
):
    reversed_times = {
        "time_of_generation_min": "2026-11-01T12:00:00+02:00",
        "time_of_generation_max": "2026-11-01T09:59:00Z",
    }
    arguments = support | (more or reversed_times)

    advice = await refusal("get_cost_analytics", **arguments)
    assert first in advice
    assert last in advice
    assert "exchange them" in advice


@pytest.mark.parametrize("last", ["2026-11-01", "2026-11-01T01:00:00+01:00"])
async def test_a_range_without_any_time_in_it_is_refused_like_a_reversed_one(
    refusal, workspace, emulator, last
):
    times = {"time_of_generation_min": "2026-11-01", "time_of_generation_max": last}
    emulator.log.clear()

    for tool in ("get_cost_analytics", "get_analytics_group_users", "create_log_export"):
        more = {"requested_fields": ["id"]} if tool == "create_log_export" else {}
        names = {"time_min": "2026-11-01", "time_max": last} if more else times
        advice = await refusal(tool, **names, **more)
        assert "is the same time as" in advice, tool
        assert "for one whole day, end with the next day" in advice, tool
    assert not emulator.log


def test_a_range_of_numbers_may_hold_one_number():
    assert RequestRanges(cost_min=1, cost_max=1).wire() == {"cost_min": 1, "cost_max": 1}


def test_one_description_says_what_holds_for_all_analytics():
    description = tool_of(get_cost_analytics).description

    for fact in ("workspace_slug", "end of the range is excluded", "hours up to 2 days"):
        assert fact in description

"""Analytics in the emulator: all figures agree with the stored requests."""

import json
import sqlite3
from collections import Counter
from urllib.parse import urlencode

import pytest

from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.emulator.traffic.month import REQUESTS
from portkey_admin_mcp.emulator.traffic.plan import BURST_DAY, STALE_DAY
from portkey_admin_mcp.emulator.traffic.requests import (
    database,
    dicts,
    milliseconds,
    shown_time,
    writable_database,
)
from portkey_admin_mcp.emulator.traffic.units import UNITS_PER_CENT

MONTH = ("2026-10-01T00:00:00Z", "2026-11-03T00:00:00Z")
HALVES = (("2026-10-01T00:00:00Z", "2026-10-17T12:34:56Z"), ("2026-10-17T12:34:56Z", MONTH[1]))
GRAPHS = (
    "requests", "cost", "tokens", "latency", "users", "users/requests", "errors", "errors/rate",
    "errors/stacks", "errors/status-codes", "requests/rescued", "cache/hit-rate",
    "cache/latency", "feedbacks", "feedbacks/scores", "feedbacks/weighted",
    "feedbacks/ai-models",
)  # fmt: skip
GROUPS = ("users", "ai-models", "metadata/team", "workspaces", "model", "provider", "status_code")


@pytest.fixture
def ask(ok):
    def request(what, period=MONTH, key="owner", **query):
        times = {"time_of_generation_min": period[0], "time_of_generation_max": period[1]}
        return ok(f"GET /analytics/{what}?{urlencode(times | query)}", key=key)

    return request


@pytest.fixture(scope="module")
def rows():
    """The requests of the workspace Support, straight from the database."""
    store = Emulator("acme", frozen_time).store
    (support,) = store.table("workspaces").where(name="Support")
    sql = "select * from requests where workspace_id = ?"
    return dicts(database(store).execute(sql, (support["id"],)))


@pytest.fixture
def support(workspace):
    return {"workspace_slug": workspace("Support")}


def total(graph):
    return sum(point["total"] for point in graph["data_points"])


def test_the_month_has_the_documented_number_of_requests(emulator):
    (count,) = database(emulator.store).execute("select count(*) from requests").fetchone()

    assert count == REQUESTS


def test_sums_are_those_of_the_rows(ask, rows, support):
    cost = sum(row["cost"] for row in rows) / UNITS_PER_CENT
    requests, spent = ask("graphs/requests", **support), ask("graphs/cost", **support)
    tokens, errors = ask("graphs/tokens", **support), ask("graphs/errors", **support)

    assert requests["summary"]["total"] == total(requests) == len(rows)
    assert spent["summary"]["total"] == pytest.approx(cost)
    assert total(spent) == pytest.approx(cost)
    assert spent["summary"]["avg"] == pytest.approx(cost / len(rows), abs=1e-4)
    assert tokens["summary"]["total"] == total(tokens) == sum(r["total_units"] for r in rows)
    failed = [row["status"] for row in rows if row["status"] >= 400]
    assert errors["summary"]["total"] == total(errors) == len(failed)
    codes = ask("graphs/errors/status-codes", **support)
    assert {p["status_code"]: p["count"] for p in codes["data_points"]} == Counter(failed)
    assert codes["summary"] == {
        "total_errors": len(failed),
        "unique_error_codes": len(set(failed)),
    }
    stacks = ask("graphs/errors/stacks", **support)
    piled = Counter()
    for point in stacks["data_points"]:
        piled.update({s["response_status_code"]: s["count"] for s in point["stats"]})
    assert piled == Counter(failed)
    rate = ask("graphs/errors/rate", **support)["summary"]["rate"]
    assert rate == pytest.approx(100 * len(failed) / len(rows), abs=1e-3)


def test_groups_add_up_to_the_graphs(ask, support):
    requests = ask("graphs/requests", **support)["summary"]["total"]
    cost = ask("graphs/cost", **support)["summary"]["total"]

    for group in ("users", "ai-models", "metadata/team", "model", "status_code", "ai_service"):
        counted = ask(f"groups/{group}", **support)
        assert sum(row["requests"] for row in counted["data"]) == requests, group
        assert counted["total"] == len(counted["data"])
    for group in ("users", "metadata/environment"):
        counted = ask(f"groups/{group}", **support)
        assert sum(row["cost"] for row in counted["data"]) == pytest.approx(cost), group
    by_model = ask("groups/model", **support, columns="cost,total_tokens,error_count")
    assert sum(row["cost"] for row in by_model["data"]) == pytest.approx(cost)


def test_workspaces_add_up_to_the_organisation(ask, workspace):
    workspaces = {h["workspace"]: h for h in ask("groups/workspaces")["data"]}
    each = [
        ask("graphs/requests", workspace_slug=workspace(name))["summary"]["total"]
        for name in ("Support", "Shared Team Workspace", "Science")
    ]

    assert sorted(workspace_id["requests"] for workspace_id in workspaces.values()) == sorted(each)
    assert sum(each) == REQUESTS
    assert [r["requests"] for r in ask("groups/workspace")["data"]] == sorted(each, reverse=True)


@pytest.mark.parametrize("graph", ["requests", "cost", "tokens", "errors", "feedbacks"])
def test_two_halves_of_a_period_add_up_to_the_period(ask, support, graph):
    halves = [ask(f"graphs/{graph}", half, **support)["summary"]["total"] for half in HALVES]

    assert sum(halves) == pytest.approx(ask(f"graphs/{graph}", **support)["summary"]["total"])
    assert all(halves)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("status_code", "status"),
        ("virtual_keys", "virtual_key"),
        ("configs", "config"),
        ("api_key_ids", "api_key_id"),
        ("trace_id", "trace_id"),
        ("span_id", "span_id"),
        ("prompt_slug", "prompt_slug"),
    ],
)
def test_a_list_counts_what_it_names(ask, rows, support, name, column):
    counts = Counter(str(row[column]) for row in rows if row[column] is not None)
    one, *others = sorted(counts)[:2]

    def counted(value):
        return ask("graphs/requests", **support, **{name: value})["summary"]["total"]

    assert counted(one) == counts[one] > 0
    both = ",".join([one, *others])
    assert counted(both) == counts[one] + sum(counts[other] for other in others)
    assert counted("other") == 0


def test_the_values_of_a_filter_partition_the_requests(ask, rows, support):
    everything = ask("graphs/requests", **support)["summary"]["total"]
    models = {f"{row['ai_org']}__{row['ai_model']}" for row in rows}
    parts = [
        ask("graphs/requests", **support, ai_org_model=model)["summary"]["total"]
        for model in models
    ]

    assert len(models) == 3
    assert sum(parts) == everything
    team = ask("graphs/requests", **support, metadata='{"environment":"staging"}')
    rest = ask("graphs/requests", **support, metadata='{"environment":"production"}')
    assert team["summary"]["total"] + rest["summary"]["total"] == everything


@pytest.mark.parametrize(
    ("name", "column", "unit"),
    [
        ("total_units", "total_units", 1),
        ("cost", "cost", UNITS_PER_CENT),
        ("prompt_token", "req_units", 1),
        ("completion_token", "res_units", 1),
        ("weighted_feedback", "weighted_feedback", 1),
    ],
)
def test_a_range_includes_its_ends(ask, rows, support, name, column, unit):
    values = sorted(row[column] for row in rows if row[column] is not None)
    middle = values[len(values) // 2]

    def counted(**query):
        return ask("graphs/requests", **support, **query)["summary"]["total"]

    low = counted(**{f"{name}_max": middle / unit})
    high = counted(**{f"{name}_min": middle / unit})
    assert low == sum(value <= middle for value in values) < len(values)
    assert high == sum(value >= middle for value in values) < len(values)
    assert low + high == len(values) + values.count(middle)


def test_a_range_of_cost_includes_its_ends_to_the_last_digit(ask, emulator):
    writable_database(emulator.store).execute("update requests set cost = rowid")

    for cost in (1, 3, 7, 4_321):
        exact = {"cost_min": cost / UNITS_PER_CENT, "cost_max": cost / UNITS_PER_CENT}
        assert [
            workspace_id["requests"] for workspace_id in ask("groups/workspaces", **exact)["data"]
        ] == [1]


def test_cache_and_rescue_and_feedback_are_those_of_the_rows(ask, rows, support, emulator):
    hits = Counter(row["cache"] for row in rows if row["cache"] in ("simple", "semantic"))
    rate = ask("graphs/cache/hit-rate", **support)
    points = rate["data_points"]
    assert rate["summary"]["total"] == hits.total()
    assert sum(point["simple_hits"] for point in points) == hits["simple"]
    saved = sum(row["saved"] for row in rows if row["cache"] == "simple") / UNITS_PER_CENT
    assert points[-1]["cumulative_simple_cache_savings"] == pytest.approx(saved)
    summary = ask("summary/cache", **support)["summary"]
    assert (summary["hits"], summary["total_requests"]) == (hits.total(), len(rows))
    assert 90 < summary["cache_speedup"] < 100
    slow = [row["latency"] for row in rows if row["cache"] in hits]
    assert summary["avg_latency"] == pytest.approx(sum(slow) / len(slow), abs=1e-3)

    rescued = ask("graphs/requests/rescued", **support)
    assert rescued["summary"]["retry"] == sum(r["retries"] > 0 and r["status"] < 400 for r in rows)
    assert rescued["summary"]["fallback"] == sum(row["fallback"] for row in rows)
    retried = sum(e["count"] for p in rescued["data_points"] for e in p["retry"])
    assert retried == rescued["summary"]["retry"]

    feedbacks = sum(row["feedbacks"] for row in rows)
    scores = ask("graphs/feedbacks/scores", **support)
    assert scores["summary"]["total"] == total(scores) == feedbacks
    models = ask("graphs/feedbacks/ai-models", **support)["data_points"]
    assert sum(point["total"] for point in models) == feedbacks
    weighed = [r["weighted_feedback"] for r in rows if r["feedbacks"]]
    avg = ask("graphs/feedbacks/weighted", **support)["summary"]["avg"]
    assert avg == pytest.approx(sum(weighed) / len(weighed), abs=1e-3)


def test_latencies_are_percentiles_by_nearest_rank(ask, rows, support):
    times = sorted(row["latency"] for row in rows)

    summary = ask("graphs/latency", **support)["summary"]

    assert summary["p50"] == times[-(-len(times) // 2) - 1]
    assert summary["p99"] == times[-(-len(times) * 99 // 100) - 1]
    (only,) = ask("groups/ai_service", **support, ai_org_model="anthropic__claude-sonnet-5",
                  columns="p95_latency,p99_latency,avg_latency")["data"]  # fmt: skip
    slow = sorted(r["latency"] for r in rows if r["ai_org"] == "anthropic")
    assert only["p95_latency"] == slow[-(-len(slow) * 95 // 100) - 1]


EMPTY = ("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z")


def test_an_empty_period_is_empty(ask):
    answers = {graph: ask(f"graphs/{graph}", EMPTY) for graph in GRAPHS}

    assert {graph: each["data_points"] for graph, each in answers.items()} == {
        graph: [] for graph in GRAPHS
    }
    assert {graph for graph, each in answers.items() if {*each["summary"].values()} - {0}} == set()


def test_an_empty_period_has_no_groups(ask):
    answers = {group: ask(f"groups/{group}", EMPTY) for group in GROUPS}

    assert {group: (each["data"], each["total"]) for group, each in answers.items()} == {
        group: ([], 0) for group in GROUPS
    }


@pytest.mark.parametrize(
    ("period", "step"),
    [
        (("2026-10-20T12:00:00Z", "2026-10-20T13:00:00Z"), "T12:"),
        (("2026-10-20T00:00:00Z", "2026-10-21T12:00:00Z"), ":00:00.000Z"),
        (MONTH, "T00:00:00.000Z"),
    ],
)
def test_the_period_decides_how_much_time_a_point_covers(ask, support, period, step):
    points = ask("graphs/requests", period, **support)["data_points"]

    assert len(points) > 10
    assert all(step in point["timestamp"] for point in points)
    assert points == sorted(points, key=lambda point: point["timestamp"])


def test_a_workspace_key_sees_its_own_and_an_admin_the_default_one(ask, workspace):
    shared, support = workspace("Shared Team Workspace"), workspace("Support")
    workspace_id = {"workspace_slug": shared}

    def counted(key, **query):
        return ask("graphs/requests", key=key, **query)["summary"]["total"]

    assert (
        counted("admin")
        == counted("admin", **workspace_id)
        != counted("admin", workspace_slug=support)
    )
    assert counted("workspace-service", **workspace_id) == counted("admin", workspace_slug=support)
    for group in ("workspaces", "workspace", "model"):
        named = ask(f"groups/{group}", key="workspace-service", workspace_slug="ws-none")
        assert named == ask(f"groups/{group}", key="workspace-service")
    (own,) = ask("groups/workspaces", key="workspace-service")["data"]
    assert own["requests"] == counted("workspace-service")


def test_the_planned_events_of_the_month_can_be_found(ask, support, key_id, emulator, ok):
    days = ask("graphs/cost", **support)["data_points"]
    dear = max(days, key=lambda day: day["total"])
    median = sorted(day["total"] for day in days)[len(days) // 2]
    assert dear["timestamp"][:10] == "2026-10-28"
    assert dear["total"] > 3 * median
    everything = ("2026-10-28T00:00:00Z", "2026-10-29T00:00:00Z")
    assert ask("groups/users", everything, **support)["data"][0]["user"] == "diego@acme.example"

    stacks = ask("graphs/errors/stacks", **support)["data_points"]
    burst = [p["timestamp"][:10] for p in stacks for s in p["stats"]
             if s["response_status_code"] == 503]  # fmt: skip
    assert burst == ["2026-10-22"], BURST_DAY

    names = {key["id"]: key["name"] for key in ok("GET /api-keys")["data"]}
    keys = ask("groups/api_key", columns="requests,last_seen")["data"]
    last_seen = {names[row["api_key"]]: row["last_seen"] for row in keys}
    assert last_seen["Nightly batch"] < "2026-10-14T" < "2026-11-02T" < last_seen["Dashboard"], (
        STALE_DAY
    )
    board = next(k for k in ok("GET /api-keys")["data"] if k["name"] == "Dashboard")
    assert len(board["scopes"]) > 20

    slow = ask("graphs/latency", **support, ai_org_model="anthropic__claude-sonnet-5")
    first, *_rest, last = slow["data_points"]
    assert last["avg"] > 3 * first["avg"]


def test_a_cache_that_answered_nothing_speeds_nothing_up(ask, support):
    summary = ask("summary/cache", **support, status_code="429")["summary"]

    assert summary["total_requests"] > 0
    assert (summary["hits"], summary["cache_speedup"]) == (0, 0)


def test_feedback_by_metadata_is_that_of_the_rows(ask, rows, support):
    scores = {}
    for row in rows:
        if row["feedbacks"]:
            team = json.loads(row["metadata"]).get("team")
            scores.setdefault(team, []).append(row["weighted_feedback"])

    groups = ask("groups/metadata/team", **support)["data"]

    for group in groups:
        own = scores.get(group["metadata_value"], [0])
        expected = pytest.approx(sum(own) / len(own), abs=1e-3)
        assert group["avg_weighted_feedback"] == expected
    assert any(group["avg_weighted_feedback"] for group in groups)


def test_a_group_of_workspaces_names_them_by_slug(ask, emulator):
    slugs = {row["slug"] for row in emulator.store.table("workspaces").rows()}

    names = {row["workspace"] for row in ask("groups/workspace")["data"]}

    assert names
    assert names <= slugs


def test_groups_are_sorted_paged_and_have_the_columns_asked_for(ask, support):
    ordered = ask("groups/model", **support, columns="cost,last_seen", order_by="cost")
    costs = [row["cost"] for row in ordered["data"]]
    assert costs == sorted(costs, reverse=True)
    assert set(ordered["data"][0]) == {"model", "cost", "last_seen", "object"}
    rising = ask("groups/model", **support, columns="cost", order_by="cost", order_by_type="asc")
    assert [row["cost"] for row in rising["data"]] == costs[::-1]
    page = ask("groups/model", **support, page_size=1, current_page=1)
    assert (len(page["data"]), page["total"]) == (1, 3)
    assert "total" not in ask("groups/model", **support, include_total="false")
    assert set(ask("groups/provider", **support)["data"][0]) == {"provider", "requests", "object"}


INVALID_FILTERS = [
    ({"time_of_generation_min": ""}, (400, "AB01")),
    ({"time_of_generation_max": "yesterday"}, (400, "AB01")),
    ({"time_of_generation_max": "9999-12-31T23:59:59-05:00"}, (400, "AB01")),
    ({"cost_min": "much"}, (400, "AB01")),
    ({"cost_min": "nan"}, (400, "AB01")),
    ({"cost_min": "inf"}, (400, "AB01")),
    ({"total_units_max": "1e400"}, (400, "AB01")),
    ({"metadata": "[1]"}, (400, "AB01")),
    ({"metadata": "team"}, (400, "AB01")),
    ({"metadata": '{"a": {"b": 1}}'}, (400, "AB01")),
    ({"metadata": '{"a\\"b": 1}'}, (400, "AB01")),
    ({"metadata": '{"a\\u0000b": 1}'}, (400, "AB01")),
    ({"metadata": f'{{"a": {2**63}}}'}, (400, "AB01")),
    ({"metadata": '{"a": NaN}'}, (400, "AB01")),
    ({"columns": "speed"}, (400, "AB01")),
    ({"order_by": "speed"}, (400, "AB01")),
    ({"order_by_type": "up"}, (400, "AB01")),
    ({"workspace_slug": "ws-none"}, (403, "AB03")),
]


def test_an_invalid_filter_is_refused(refused):
    times = {"time_of_generation_min": MONTH[0], "time_of_generation_max": MONTH[1]}

    for query, answer in INVALID_FILTERS:
        assert refused(f"GET /analytics/groups/model?{urlencode(times | query)}") == answer, query


@pytest.mark.parametrize("value", [5, 0.5, 2**63 - 1, None, "x"])
def test_metadata_is_compared_with_any_plain_value(ok, value):
    times = {"time_of_generation_min": MONTH[0], "time_of_generation_max": MONTH[1]}
    query = urlencode(times | {"metadata": json.dumps({"no-such": value})})

    assert ok(f"GET /analytics/groups/model?{query}")["total"] == 0


def test_an_unknown_group_is_refused(refused):
    times = {"time_of_generation_min": MONTH[0], "time_of_generation_max": MONTH[1]}

    assert refused(f"GET /analytics/groups/colour?{urlencode(times)}") == (400, "AB01")
    for key in ("a%22b", "%00"):
        assert refused(f"GET /analytics/groups/metadata/{key}?{urlencode(times)}") == (400, "AB01")


@pytest.mark.parametrize(
    "noon", ["2026-10-15T12:00:00", "2026-10-15 12:00", "2026-10-15T14:00:00+02:00"]
)
def test_a_time_is_utc_unless_it_names_an_offset(ask, support, noon):
    assert ask("graphs/requests", (noon, MONTH[1]), **support) == ask(
        "graphs/requests", ("2026-10-15T12:00:00Z", MONTH[1]), **support
    )


def test_an_offset_whose_plus_was_not_quoted_is_understood(ok):
    times = {
        "time_of_generation_min": "2026-10-15T14:00:00+02:00",
        "time_of_generation_max": MONTH[1],
    }
    quoted = f"GET /analytics/graphs/requests?{urlencode(times)}"

    assert ok(quoted.replace("%2B", "+")) == ok(quoted)


def test_the_month_survives_a_restart_and_is_removed_by_a_reset(tmp_path):
    from portkey_admin_mcp.emulator.core.app import Emulator
    from portkey_admin_mcp.emulator.core.store import frozen_time

    first = Emulator("acme", frozen_time, tmp_path / "state.db")
    assert database(first.store).execute("select count(*) from requests").fetchone() == (REQUESTS,)
    database(first.store).execute("delete from requests where status = 200")
    first.store.database.commit()
    first.store.close()
    again = Emulator("acme", frozen_time, tmp_path / "state.db")
    (left,) = database(again.store).execute("select count(*) from requests").fetchone()
    assert 0 < left < REQUESTS
    again.reset("empty")
    assert database(again.store).execute("select count(*) from requests").fetchone() == (0,)
    again.store.close()


@pytest.mark.parametrize("restarts", [False, True])
def test_an_interrupted_month_is_generated_again_at_the_next_request(tmp_path, restarts):
    from portkey_admin_mcp.emulator.core.app import Emulator
    from portkey_admin_mcp.emulator.core.store import frozen_time

    parameters = Emulator("acme", frozen_time, tmp_path / "state.db")
    parameters.store.database.set_progress_handler(lambda: 1, 20_000)
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        database(parameters.store)
    parameters.store.database.set_progress_handler(None, 0)
    if restarts:
        parameters.store.close()
        parameters = Emulator("acme", frozen_time, tmp_path / "state.db")

    assert database(parameters.store).execute("select count(*) from requests").fetchone() == (
        REQUESTS,
    )
    parameters.store.close()


def test_stored_times_are_shown_unchanged(emulator):
    now = emulator.store.now()

    assert shown_time(milliseconds(now)) == emulator.store.stamp()

"""Analytics: cost, latency and more of requests, over time and by group.

Every figure is a query on the table `requests`. Assumptions, because Portkey does not document
them: the time that a point of a graph covers, that an empty range has no points, and that a range
includes its start and not its end.
"""

from collections.abc import Callable
from typing import Any

from .core.answers import invalid
from .core.routing import Call, route
from .core.rows import Row
from .core.seeder import Seeder
from .core.tables import Table
from .traffic import graphs
from .traffic.groups import GROUP_OBJECT, GROUPS, columns_of, grouped, largest_first
from .traffic.month import RECIPES
from .traffic.requests import (
    COST,
    HITS,
    WEIGHTED,
    Selection,
    is_metadata_key,
    selected_by_workspace,
    selected_requests,
    shown_time,
)
from .traffic.sources import budgets, sources
from .traffic.units import UNITS_PER_CENT

TABLES = (Table(RECIPES),)
USER = "user is not null"
Graph = tuple[dict[str, Any], graphs.Points]


def graph(name: str) -> Callable[[Callable[[Selection], Graph]], Callable[[Call], Row]]:
    """Declare a graph: a function from the selected requests to a summary and the points."""

    def declare(draw: Callable[[Selection], Graph]) -> Callable[[Call], Row]:
        def answer(call: Call) -> Row:
            summary, points = draw(selected_requests(call))
            return {"summary": summary, "data_points": points, "object": "analytics-graph"}

        declare_route = route(
            f"GET /analytics/graphs/{name}", scope="analytics.view", enterprise=True
        )
        return declare_route(answer)

    return declare


@graph("requests")
def _requests(selection: Selection) -> Graph:
    points = graphs.points_of(selection, total="count(*)")
    return {"total": graphs.sum_of(points)}, points


@graph("cost")
def _cost(selection: Selection) -> Graph:
    points = graphs.points_of(selection, total=COST, avg=f"avg(cost) / {UNITS_PER_CENT}")
    total, avg = graphs.one_row(selection, COST, f"avg(cost) / {UNITS_PER_CENT}")
    return {"total": total, "avg": avg}, points


@graph("tokens")
def _tokens(selection: Selection) -> Graph:
    total, avg = graphs.one_row(selection, "sum(total_units)", "avg(total_units)")
    points = graphs.points_of(selection, total="sum(total_units)", avg="avg(total_units)")
    return {"total": total, "avg": avg}, points


@graph("latency")
def _latency(selection: Selection) -> Graph:
    width = graphs.point_width(selection)
    groups = selection.query(f"created_at / {width} * {width}, latency", "order by 1, latency")
    by_time: dict[int, list[int]] = {}
    for at, latency in groups:
        by_time.setdefault(at, []).append(latency)
    points = [
        {"timestamp": shown_time(at), **graphs.time_spread(times)} for at, times in by_time.items()
    ]
    return graphs.time_spread(sorted(latency for _at, latency in groups)), points


@graph("users")
def _users(selection: Selection) -> Graph:
    (total,) = graphs.one_row(selection, "count(distinct user)")
    return {"total": total}, graphs.points_of(selection, total="count(distinct user)", having=USER)


@graph("users/requests")
def _user_requests(selection: Selection) -> Graph:
    total, unique = graphs.one_row(selection, "count(user)", "count(distinct user)")
    points = graphs.points_of(
        selection, avg="count(user) * 1.0 / count(distinct user)", having=USER
    )
    return {"total": total, "unique": unique, "avg": graphs.ratio(total, unique)}, points


@graph("errors")
def _errors(selection: Selection) -> Graph:
    points = graphs.points_of(selection, total="count(*)", having="status >= 400")
    return {"total": graphs.sum_of(points)}, points


@graph("errors/rate")
def _error_rate(selection: Selection) -> Graph:
    errors, requests = graphs.one_row(selection, "sum(status >= 400)", "count(*)")
    points = graphs.points_of(selection, rate="sum(status >= 400) * 100.0 / count(*)")
    return {"rate": graphs.ratio(errors * 100, requests)}, points


@graph("errors/stacks")
def _error_stacks(selection: Selection) -> Graph:
    width = graphs.point_width(selection)
    groups = graphs.narrowed(selection, "status >= 400").query(
        f"created_at / {width} * {width}, status, count(*)", "group by 1, 2 order by 1, 2"
    )
    points: dict[int, dict[str, Any]] = {}
    for at, status, count in groups:
        point = points.setdefault(at, {"timestamp": shown_time(at), "stats": []})
        point["stats"].append({"response_status_code": status, "count": count})
    return {"total": sum(count for _at, _status, count in groups)}, list(points.values())


@graph("errors/status-codes")
def _error_codes(selection: Selection) -> Graph:
    groups = graphs.narrowed(selection, "status >= 400").query(
        "status, count(*)", "group by 1 order by 2 desc, 1"
    )
    points = [{"status_code": status, "count": count} for status, count in groups]
    total = sum(count for _status, count in groups)
    return {"total_errors": total, "unique_error_codes": len(points)}, points


@graph("requests/rescued")
def _rescued(selection: Selection) -> Graph:
    width = graphs.point_width(selection)
    groups = graphs.narrowed(selection, "status < 400 and (retries > 0 or fallback > 0)").query(
        f"created_at / {width} * {width}, retries, sum(fallback), count(*)",
        "group by 1, 2 order by 1, 2",
    )
    points: dict[int, dict[str, Any]] = {}
    for at, retries, fallback, count in groups:
        point = points.setdefault(at, {"timestamp": shown_time(at), "retry": [], "fallback": 0})
        point["fallback"] += fallback
        if retries:
            point["retry"].append({"retry_success_count": retries, "count": count})
    retried = sum(count for _at, retries, _fallback, count in groups if retries)
    rescued_by_fallback = sum(fallback for _at, _retries, fallback, _count in groups)
    return {"retry": retried, "fallback": rescued_by_fallback}, list(points.values())


@graph("cache/hit-rate")
def _cache_hits(selection: Selection) -> Graph:
    points = graphs.points_of(
        selection,
        simple_hits="sum(cache = 'simple')",
        semantic_hits="sum(cache = 'semantic')",
        rate=f"sum({HITS}) * 100.0 / count(*)",
        simple="sum(case cache when 'simple' then saved else 0 end)",
        semantic="sum(case cache when 'semantic' then saved else 0 end)",
    )
    for kind in ("simple", "semantic"):
        saved = 0
        for point in points:
            saved += point.pop(kind)
            point[f"cumulative_{kind}_cache_savings"] = graphs.plain_number(saved / UNITS_PER_CENT)
    hits, requests = graphs.one_row(selection, f"sum({HITS})", "count(*)")
    return {"total": hits, "rate": graphs.ratio(hits * 100, requests)}, points


@graph("cache/latency")
def _cache_latency(selection: Selection) -> Graph:
    return {}, graphs.points_of(selection, avg="avg(latency)", having=HITS)


@graph("feedbacks")
def _feedbacks(selection: Selection) -> Graph:
    points = graphs.points_of(selection, total="sum(feedbacks)", having="feedbacks > 0")
    return {"total": graphs.sum_of(points)}, points


@graph("feedbacks/scores")
def _scores(selection: Selection) -> Graph:
    sql = (
        "select value, count(*) from feedback where exists (select 1 from requests"  # noqa: S608  # no user input
        f" where id = feedback.request_id and {selection.where}) group by 1 order by 1"
    )
    groups = selection.database.execute(sql, selection.values).fetchall()
    points = [{"score": score, "total": total} for score, total in groups]
    return {"total": graphs.sum_of(points)}, points


@graph("feedbacks/weighted")
def _weighted(selection: Selection) -> Graph:
    (avg,) = graphs.one_row(selection, WEIGHTED)
    points = graphs.points_of(selection, avg=WEIGHTED, having="feedbacks > 0")
    return {"avg": avg}, points


@graph("feedbacks/ai-models")
def _feedback_by_model(selection: Selection) -> Graph:
    groups = graphs.narrowed(selection, "feedbacks > 0").query(
        f"ai_model, sum(feedbacks), {WEIGHTED}", "group by 1 order by 2 desc, 1"
    )
    return {}, [
        {"ai_model": model, "total": total, "avg_weighted_feedback": graphs.plain_number(avg)}
        for model, total, avg in groups
    ]


@route("GET /analytics/summary/cache", scope="analytics.view", enterprise=True)
def get_cache_summary(call: Call) -> Row:
    """How many answers came from the cache, and how much faster they were, in percent."""
    selection = selected_requests(call)
    hits, requests = graphs.one_row(selection, f"sum({HITS})", "count(*)")
    (hit,) = graphs.one_row(graphs.narrowed(selection, HITS), "avg(latency)")
    (other,) = graphs.one_row(graphs.narrowed(selection, f"not {HITS}"), "avg(latency)")
    summary = {
        "hits": hits,
        "avg_latency": hit,
        "total_requests": requests,
        "cache_speedup": graphs.plain_number((1 - hit / other) * 100) if hits and other else 0,
    }
    return {"summary": summary, "object": "analytics-summary"}


@route("GET /analytics/groups/users", scope="analytics.view", enterprise=True)
def get_analytics_group_users(call: Call) -> Row:
    """Requests and cost in cents by user, as the requests' metadata name it."""
    groups = selected_requests(call).query(
        f"user, count(*), {COST}", "and user is not null group by 1"
    )
    rows = [
        {"user": user, "requests": count, "cost": round(cost, 4), **GROUP_OBJECT}
        for user, count, cost in groups
    ]
    return largest_first(call, rows, "cost")


@route("GET /analytics/groups/ai-models", scope="analytics.view", enterprise=True)
def get_analytics_group_models(call: Call) -> Row:
    """Requests by model."""
    groups = selected_requests(call).query(
        "ai_model, count(*)", "and ai_model is not null group by 1"
    )
    rows = [{"ai_model": model, "requests": count, **GROUP_OBJECT} for model, count in groups]
    return largest_first(call, rows, "requests")


@route("GET /analytics/groups/metadata/{metadata_key}", scope="analytics.view", enterprise=True)
def get_analytics_group_metadata(call: Call) -> Row:
    """Requests by the value of a metadata key; requests without the key are left out."""
    key = call.ids["metadata_key"]
    if not is_metadata_key(key):
        raise invalid("metadataKey", "must not contain quotes")
    value = "json_extract(metadata, '$.\"' || ? || '\"')"
    selection = selected_requests(call)
    sql = (
        f"select {value} as value, count(*), {COST}, avg(total_units), {WEIGHTED},"  # noqa: S608  # no user input
        f" sum(feedbacks > 0), max(created_at) from requests where {selection.where}"
        " and value is not null group by 1"
    )
    groups = selection.database.execute(sql, (key, *selection.values)).fetchall()
    rows = [
        {
            "metadata_value": str(value),
            "requests": count,
            "cost": round(cost, 4),
            "avg_tokens": round(tokens, 2),
            "avg_weighted_feedback": round(feedback or 0, 4),
            "requests_with_feedback": scored,
            "last_seen": shown_time(last_seen),
            **GROUP_OBJECT,
        }
        for value, count, cost, tokens, feedback, scored, last_seen in groups
    ]
    return largest_first(call, rows, "requests")


@route("GET /analytics/groups/workspaces", scope="analytics.view", enterprise=True)
def get_analytics_group_workspaces(call: Call) -> Row:
    """Requests by workspace, for keys of the organisation of all workspaces (the Python SDK)."""
    groups = selected_by_workspace(call).query(f"workspace_id, count(*), {COST}", "group by 1")
    workspaces = call.table("workspaces")
    rows = [
        {
            "workspace": workspaces[each]["slug"],
            "requests": count,
            "cost": round(cost, 4),
            **GROUP_OBJECT,
        }
        for each, count, cost in groups
        if each in workspaces
    ]
    return largest_first(call, rows, "cost")


@route("GET /analytics/groups/provider", scope="analytics.view", enterprise=True)
def get_analytics_group_providers(call: Call) -> Row:
    """Requests by provider."""
    return _group(call, "provider")


@route("GET /analytics/groups/{group_by}", scope="analytics.view", enterprise=True)
def get_analytics_group(call: Call) -> Row:
    """Requests by the group in the path, with the columns in the query (changelog)."""
    return _group(call, call.ids["group_by"])


def _group(call: Call, group: str) -> Row:
    if group not in GROUPS:
        raise invalid("groupBy", f"must be one of {', '.join(GROUPS)}")
    columns = columns_of(call)
    selection = selected_by_workspace(call) if group == "workspace" else selected_requests(call)
    rows = grouped(selection, group, columns)
    if group == "workspace":
        workspaces = call.table("workspaces")
        rows = [
            {**row, group: workspaces[row[group]]["slug"]}
            for row in rows
            if row[group] in workspaces
        ]
    answer = largest_first(call, rows, call.query.get("order_by") or columns[0])
    if call.query.get("include_total") == "false":
        answer.pop("total")
    return answer


def seed(seeder: Seeder) -> None:
    """The sources of a month of requests, which is generated when it is first needed."""
    recipe = {
        "id": "month",
        "until": seeder.until,
        "sources": sources(seeder),
        "budgets": budgets(seeder),
    }
    seeder.store.table(RECIPES).add(recipe)

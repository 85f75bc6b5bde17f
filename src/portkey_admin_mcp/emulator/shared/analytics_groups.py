"""Analytics by group: who, what and where requests came from, with the columns asked for."""

from typing import Any

from ..core.kernel import Call, invalid, route
from ..core.tables import Row
from ..traffic.requests import (
    COST,
    HITS,
    Selection,
    is_metadata_key,
    named_by_slug,
    percentile,
    selected,
    selection,
    shown_time,
)

GROUPS = {
    "ai_service": "ai_org",
    "provider": "virtual_key",
    "model": "ai_model",
    "status_code": "status",
    "api_key": "api_key_id",
    "config": "config",
    "workspace": "workspace_id",
    "prompt": "prompt_slug",
}
COLUMNS = {
    "requests": "count(*)",
    "cost": COST,
    "total_tokens": "sum(total_units)",
    "avg_tokens": "avg(total_units)",
    "avg_input_tokens": "avg(req_units)",
    "avg_output_tokens": "avg(res_units)",
    "avg_latency": "avg(latency)",
    "p95_latency": "",
    "p99_latency": "",
    "success_rate": "sum(status < 400) * 100.0 / count(*)",
    "error_count": "sum(status >= 400)",
    "cache_hit_rate": f"sum({HITS}) * 100.0 / count(*)",
    "last_seen": "max(created_at)",
    "first_seen": "min(created_at)",
}
"""How each column is computed; percentiles have a query of their own."""
OBJECT = {"object": "analytics-group"}


@route("GET /analytics/groups/users", scope="analytics.view", enterprise=True)
def get_analytics_group_users(call: Call) -> Row:
    """By the user that request metadata names; cost in cents."""
    found = selected(call).query(f"user, count(*), {COST}", "and user is not null group by 1")
    rows = [
        {"user": user, "requests": count, "cost": round(cost, 4), **OBJECT}
        for user, count, cost in found
    ]
    return _page(call, rows, "cost")


@route("GET /analytics/groups/ai-models", scope="analytics.view", enterprise=True)
def get_analytics_group_models(call: Call) -> Row:
    """By model."""
    found = selected(call).query("ai_model, count(*)", "and ai_model is not null group by 1")
    rows = [{"ai_model": model, "requests": count, **OBJECT} for model, count in found]
    return _page(call, rows, "requests")


@route("GET /analytics/groups/metadata/{metadata_key}", scope="analytics.view", enterprise=True)
def get_analytics_group_metadata(call: Call) -> Row:
    """By the value of a key of request metadata; requests without it are left out."""
    key = call.ids["metadata_key"]
    if not is_metadata_key(key):
        raise invalid("metadataKey", "must not hold quotes")
    value = "json_extract(metadata, '$.\"' || ? || '\"')"
    chosen = selected(call)
    sql = (
        f"select {value} as value, count(*), {COST}, avg(total_units), avg(weighted_feedback),"  # noqa: S608  # own words
        f" sum(feedbacks > 0), max(created_at) from requests where {chosen.where}"
        " and value is not null group by 1"
    )
    found = chosen.database.execute(sql, (key, *chosen.values)).fetchall()
    rows = [
        {
            "metadata_value": str(value),
            "requests": count,
            "cost": round(cost, 4),
            "avg_tokens": round(tokens, 2),
            "avg_weighted_feedback": round(feedback or 0, 4),
            "requests_with_feedback": scored,
            "last_seen": shown_time(seen),
            **OBJECT,
        }
        for value, count, cost, tokens, feedback, scored, seen in found
    ]
    return _page(call, rows, "requests")


@route("GET /analytics/groups/workspaces", scope="analytics.view", enterprise=True)
def get_analytics_group_workspaces(call: Call) -> Row:
    """By workspace: all of them for a key of the organisation (the Python SDK's operation)."""
    found = _of_workspaces(call).query(f"workspace_id, count(*), {COST}", "group by 1")
    homes = call.table("workspaces")
    rows = [
        {"workspace": homes[each]["slug"], "requests": count, "cost": round(cost, 4), **OBJECT}
        for each, count, cost in found
        if each in homes
    ]
    return _page(call, rows, "cost")


@route("GET /analytics/groups/provider", scope="analytics.view", enterprise=True)
def get_analytics_group_providers(call: Call) -> Row:
    """By provider."""
    return _answer(call, "provider")


@route("GET /analytics/groups/{group_by}", scope="analytics.view", enterprise=True)
def get_analytics_group(call: Call) -> Row:
    """By any of these; requests alone are counted unless columns are named (changelog)."""
    return _answer(call, call.ids["group_by"])


def _answer(call: Call, group: str) -> Row:
    if group not in GROUPS:
        raise invalid("groupBy", f"must be one of {', '.join(GROUPS)}")
    columns = _columns(call)
    chosen = _of_workspaces(call) if group == "workspace" else selected(call)
    rows = _grouped(chosen, group, columns)
    if group == "workspace":
        homes = call.table("workspaces")
        rows = [{**row, group: homes[row[group]]["slug"]} for row in rows if row[group] in homes]
    answer = _page(call, rows, call.query.get("order_by") or columns[0])
    if call.query.get("include_total") == "false":
        answer.pop("total")
    return answer


def _of_workspaces(call: Call) -> Selection:
    """The requests of a key's own workspace; for the organisation's keys, of all or of one."""
    home = named_by_slug(call) if call.is_admin else call.workspace()
    return selection(call, home, call.query)


def _columns(call: Call) -> list[str]:
    columns = (call.query.get("columns") or "requests").split(",")
    for name in (*columns, call.query.get("order_by") or columns[0]):
        if name not in COLUMNS:
            raise invalid("columns", f"must be of {', '.join(COLUMNS)}")
    order = call.query.get("order_by")
    return columns if order in (None, *columns) else [*columns, str(order)]


def _grouped(chosen: Selection, group: str, columns: list[str]) -> list[dict[str, Any]]:
    column = GROUPS[group]
    counted = [name for name in columns if COLUMNS[name]]
    found = chosen.query(
        ", ".join([column, *(COLUMNS[name] for name in counted)]),
        f"and {column} is not null group by 1 order by 1",
    )
    slow = _percentiles(chosen, column) if len(counted) < len(columns) else {}
    rows = []
    for value, *numbers in found:
        row = {group: value, **dict(zip(counted, map(_shown, counted, numbers), strict=True))}
        for name in columns:
            if not COLUMNS[name]:
                row[name] = slow[value][name]
        rows.append({**row, **OBJECT})
    return rows


def _percentiles(chosen: Selection, column: str) -> dict[Any, dict[str, int]]:
    """The latencies that 95 and 99 of 100 requests stay below, by nearest rank."""
    times: dict[Any, list[int]] = {}
    for value, latency in chosen.query(f"{column}, latency", "order by latency"):
        times.setdefault(value, []).append(latency)
    return {
        value: {f"p{share}_latency": percentile(each, share) for share in (95, 99)}
        for value, each in times.items()
    }


def _shown(name: str, value: Any) -> Any:
    if name in ("last_seen", "first_seen"):
        return shown_time(value)
    return round(value, 4) if isinstance(value, float) else value


def _page(call: Call, rows: list[dict[str, Any]], by: str) -> dict[str, Any]:
    """The largest first, unless `order_by_type` says otherwise."""
    direction = call.query.get("order_by_type", "desc")
    if direction not in ("asc", "desc"):
        raise invalid("order_by_type", "must be asc or desc")
    # A listing shows the last row first.
    rows.sort(key=lambda row: row[by], reverse=direction == "asc")
    return call.listing(rows)

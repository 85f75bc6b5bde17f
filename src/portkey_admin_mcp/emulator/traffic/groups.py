"""Requests grouped by a column, for analytics."""

from typing import Any

from ..core.answers import invalid
from ..core.routing import Call
from .requests import COST, HITS, Selection, percentile, shown_time

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
"""How SQL computes each column. Percentiles have their own query."""
GROUP_OBJECT = {"object": "analytics-group"}


def columns_of(call: Call) -> list[str]:
    """The columns that the query names (`requests` by default), with the one it sorts by."""
    columns = (call.query.get("columns") or "requests").split(",")
    for name in (*columns, call.query.get("order_by") or columns[0]):
        if name not in COLUMNS:
            raise invalid("columns", f"must be of {', '.join(COLUMNS)}")
    order = call.query.get("order_by")
    return columns if order in (None, *columns) else [*columns, str(order)]


def grouped(selection: Selection, group: str, columns: list[str]) -> list[dict[str, Any]]:
    """A row for each value of a group, with the columns; requests without a value are left out."""
    column = GROUPS[group]
    sql_columns = [name for name in columns if COLUMNS[name]]
    groups = selection.query(
        ", ".join([column, *(COLUMNS[name] for name in sql_columns)]),
        f"and {column} is not null group by 1 order by 1",
    )
    percentiles = _percentiles(selection, column) if len(sql_columns) < len(columns) else {}
    rows = []
    for value, *numbers in groups:
        values = map(_shown, sql_columns, numbers)
        row = {group: value, **dict(zip(sql_columns, values, strict=True))}
        for name in columns:
            if not COLUMNS[name]:
                row[name] = percentiles[value][name]
        rows.append({**row, **GROUP_OBJECT})
    return rows


def _percentiles(selection: Selection, column: str) -> dict[Any, dict[str, int]]:
    """The 95th and 99th percentile of latency, for each value of a column."""
    times: dict[Any, list[int]] = {}
    for value, latency in selection.query(f"{column}, latency", "order by latency"):
        times.setdefault(value, []).append(latency)
    return {
        value: {f"p{share}_latency": percentile(each, share) for share in (95, 99)}
        for value, each in times.items()
    }


def _shown(name: str, value: Any) -> Any:
    if name in ("last_seen", "first_seen"):
        return shown_time(value)
    return round(value, 4) if isinstance(value, float) else value


def largest_first(call: Call, rows: list[dict[str, Any]], by: str) -> dict[str, Any]:
    """A page of rows, the largest value of `by` first unless `order_by_type` is asc."""
    direction = call.query.get("order_by_type", "desc")
    if direction not in ("asc", "desc"):
        raise invalid("order_by_type", "must be asc or desc")
    # A listing shows the last row first.
    rows.sort(key=lambda row: row[by], reverse=direction == "asc")
    return call.listing(rows)

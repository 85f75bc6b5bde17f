"""Budgets and rate limits of requests to models: what is refused, and what is counted.

Portkey answers 412 if a budget is used up, and 429 if there are too many requests or tokens in a
time (its error codes). It checks API key, provider, workspace and policies, in this order (an
assumption). The form of these refusals is an assumption too: that of the Admin API, where 412 has
no code.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from ..core.answers import Refusal
from ..core.routing import Call
from ..core.rows import Row
from ..core.store import instant
from ..traffic.requests import database, milliseconds
from .limits import next_reset_of, reset_times, status_now
from .policy_usage import (
    MEASURES,
    REFUSED,
    applies_to,
    entities_of,
    group_of,
    usage_by_group,
)

BUDGETED = (("api_keys", "api_key_id"), ("virtual_keys", "virtual_key"))
"""The tables of rows with a budget, and the column of a request that names the row."""
WINDOWS_S = {"rps": 1, "rpm": 60, "rph": 3_600, "rpd": 86_400, "rpw": 7 * 86_400}
"""The seconds that each unit of a rate limit covers, up to now."""
RATE_MEASURES = {
    "requests": f"sum(status not in {REFUSED} and request is null)",
    "tokens": "sum(iif(request is null, total_units, 0))",
}
"""SQL for what a rate limit counts. Inserted logs, which have a text, did not pass Portkey."""
Owner = tuple[str, str, Row]
"""What has limits: a word for it, the column that names it in a request, and its row."""


def reason_to_refuse(call: Call, request: Row) -> Refusal | None:
    """Why a request to a model is refused; None if it may pass.

    The request is given as the columns of `requests`, with its metadata as an object.
    """
    owners = _owners(call, request)
    return _spent_budget(call, request, owners) or _exceeded_rate(call, request, owners)


def _spent_budget(call: Call, request: Row, owners: list[Owner]) -> Refusal | None:
    for kind, column, row in owners:
        if _is_over_budget(call, column, row, request[column]):
            return Refusal(412, f"The budget of the {kind} is used up")
    if limit := _exhausted_usage_limit(call, request):
        return Refusal(412, f"The usage limit {limit['name'] or limit['id']} is used up")
    return None


def _exceeded_rate(call: Call, request: Row, owners: list[Owner]) -> Refusal | None:
    for kind, column, row in owners:
        for rate in row.get("rate_limits") or ():
            if _rate(call, column, request[column], rate) >= (rate.get("value") or 0):
                return Refusal(429, f"The rate limit of the {kind} is exceeded")
    for policy in _policies(call, "rate_limits", request):
        if policy["target"] == "llm" and _policy_rate(call, policy, request) >= policy["value"]:
            return Refusal(429, f"The rate limit {policy['name'] or policy['id']} is exceeded")
    return None


def mark_exhausted(call: Call, request: Row) -> None:
    """Mark the API key and the provider whose budget the request has just used up."""
    for table, column in BUDGETED:
        row = call.table(table).find(request[column])
        if row is not None and _is_over_budget(call, column, row, request[column]):
            call.table(table).change(row, {"status": "exhausted"})


def _exhausted_usage_limit(call: Call, request: Row) -> Row | None:
    """The first usage limit whose budget the group of a request has used up, if any."""
    for limit in _policies(call, "usage_limits", request):
        name = group_of(limit, request)
        for entity in entities_of(call, limit):
            if entity["value_key"] == name and entity["status"] == "exhausted":
                return limit
    return None


def _owners(call: Call, request: Row) -> list[Owner]:
    key = call.table("api_keys").get(request["api_key_id"])
    provider = call.table("virtual_keys").find(request["virtual_key"])
    workspace = call.table("workspaces").get(request["workspace_id"])
    named = (
        ("API key", "api_key_id", key),
        ("provider", "virtual_key", provider),
        ("workspace", "workspace_id", workspace),
    )
    return [(kind, column, row) for kind, column, row in named if row is not None]


def _policies(call: Call, table: str, request: Row) -> Iterator[Row]:
    """The active policies of the workspace that apply to a request."""
    rows = call.table(table).where(workspace_id=request["workspace_id"], status="active")
    return (row for row in rows if applies_to(row, request))


def _is_over_budget(call: Call, column: str, row: Row, value: Any) -> bool:
    limits = row.get("usage_limits")
    if column == "workspace_id":
        return any(_is_spent(call, column, row, value, limit) for limit in limits or ())
    if status_now(row, call.store.now()) == "exhausted":
        return True
    return limits is not None and _is_spent(call, column, row, value, limits)


def _is_spent(call: Call, column: str, row: Row, value: Any, limits: Row) -> bool:
    """Whether the requests since the last reset have used up a budget."""
    limit = limits.get("credit_limit")
    if limit is None:
        return False
    begun = row.get("_counts_from") or row["created_at"]
    due = row.get("next_usage_reset_at") or next_reset_of(limits, instant(begun))
    last, _due = reset_times(limits, None, due, call.store.now())
    since = milliseconds(instant(last or begun))
    measure = MEASURES[limits.get("type") or "cost"]
    used = 0 if last else row.get("_usage", 0)
    return bool(used + _total(call, measure, column, value, since) >= limit)


def _rate(call: Call, column: str, value: Any, rate: Row) -> float:
    window = WINDOWS_S[rate.get("unit") or "rpm"]
    measure = RATE_MEASURES[rate.get("type") or "requests"]
    return _total(call, measure, column, value, _window_start(call, window))


def _policy_rate(call: Call, policy: Row, request: Row) -> float:
    since = _window_start(call, WINDOWS_S[policy["unit"]])
    usage = usage_by_group(call, policy, since, RATE_MEASURES[policy["type"]])
    return float(usage.get(group_of(policy, request), 0))


def _window_start(call: Call, seconds: int) -> int:
    return milliseconds(call.store.now() - timedelta(seconds=seconds)) + 1


def _total(call: Call, measure: str, column: str, value: Any, since: int) -> float:
    sql = f"select {measure} from requests where {column} = ? and created_at >= ?"  # noqa: S608  # no user input
    (total,) = database(call.store).execute(sql, (value, since)).fetchone()
    return float(total or 0)

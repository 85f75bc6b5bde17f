"""What policies count: the requests that they are about, and the usage of their groups.

Usage is always computed from the stored requests, which analytics is computed from too. What a
policy's row adds to that (`_adjustments`) is what the control API spent, and what a reset took
away, in the current period.
"""

from typing import Any
from uuid import UUID, uuid5

from ..core.routing import Call
from ..core.rows import Row
from ..core.store import instant
from ..traffic.requests import database, is_metadata_key, milliseconds
from ..traffic.units import UNITS_PER_DOLLAR
from .limits import Amount, reset_times

COLUMNS = {
    "api_key": "api_key_id",
    "virtual_key": "virtual_key",
    "provider": "virtual_key",
    "config": "config",
    "prompt": "prompt_slug",
    "model": "ai_model",
    "workspace_id": "workspace_id",
}
"""The column of a request for each key of a policy; a provider is named by its slug."""
REFUSED = (412, 429)
"""The statuses of requests that Portkey refused: they spend nothing."""
MEASURES = {
    "cost": f"sum(cost) * 1.0 / {UNITS_PER_DOLLAR}",
    "tokens": "sum(total_units)",
    "requests": f"sum(status not in {REFUSED})",
}
"""SQL for what a policy counts: dollars, tokens, or requests."""
Sql = tuple[str, list[Any]]


def value_of(key: str, request: Row) -> str | None:
    """The value of a policy's key in a request, given as columns; None if it has none."""
    if key.startswith("metadata."):
        value = request["metadata"].get(key.removeprefix("metadata."))
    else:
        value = request.get(COLUMNS.get(key, ""))
    return None if value is None else str(value)


def applies_to(policy: Row, request: Row) -> bool:
    """Whether a request meets all conditions of a policy and belongs to a group of it."""
    groups = (value_of(each["key"], request) for each in policy["group_by"])
    return None not in groups and all(_meets(each, request) for each in policy["conditions"])


def group_of(policy: Row, request: Row) -> str:
    """The name of the group of a request: `metadata._user:emi@acme.example`."""
    return _group_name(policy, [value_of(each["key"], request) for each in policy["group_by"]])


def usage_by_group(call: Call, policy: Row, since: int, measure: str | None = None) -> Row:
    """The usage of each group since a time (Unix time in ms), by the name of the group."""
    expressions = [_expression(each["key"]) for each in policy["group_by"]]
    parts = [*expressions, *map(_condition_sql, policy["conditions"])]
    keys = [f"{sql} is not null" for sql, _values in expressions]
    conditions = [sql for sql, _values in parts[len(expressions) :]]
    where = " and ".join(["workspace_id = ?", "created_at >= ?", *keys, *conditions])
    columns = ", ".join(sql for sql, _values in expressions)
    groups = ", ".join(str(number + 1) for number in range(len(expressions)))
    sql = (
        f"select {columns}, {measure or MEASURES[policy['type']]} from requests"  # noqa: S608  # no user input
        f" where {where} group by {groups} order by min(created_at)"
    )
    in_columns = [value for _sql, values in expressions for value in values]
    in_where = [value for _sql, values in parts for value in values]
    values = [*in_columns, policy["workspace_id"], since, *in_where]
    rows = database(call.store).execute(sql, values).fetchall()
    return {_group_name(policy, row[:-1]): round(row[-1], 4) for row in rows}


def period_start(call: Call, policy: Row) -> int:
    """When the current period of a usage limit began (Unix time in ms)."""
    last, _next = policy_resets(call, policy)
    return milliseconds(instant(last or policy["created_at"]))


def policy_resets(call: Call, policy: Row) -> tuple[str | None, str | None]:
    """When the usage limit was last reset for all groups, and when it is reset next."""
    last, due = policy["last_reset_at"], policy["next_usage_reset_at"]
    return reset_times(policy, last, due, call.store.now())


def entities_of(call: Call, limit: Row) -> list[Row]:
    """Every group that had any request, or whose usage was changed, each with its usage now.

    A group is stored only once its usage was changed by a request or by the control API; its id is
    the same before and after.
    """
    since = period_start(call, limit)
    counted = usage_by_group(call, limit, since)
    rows = call.table("usage_limit_entities").where(limit_id=limit["id"])
    stored = {row["value_key"]: row for row in rows}
    return [
        _entity(limit, stored.get(name) or new_entity(limit, name), counted.get(name, 0), since)
        for name in {**counted, **stored}
    ]


def _entity(limit: Row, row: Row, counted: Amount, since: int) -> Row:
    adjustment = row["_adjustment"] if row.get("_since") == since else 0
    usage = round(max(0, counted + adjustment), 4)
    exhausted = usage >= limit["credit_limit"]
    return {
        **row,
        "current_usage": int(usage) if usage == int(usage) else usage,
        "status": "exhausted" if exhausted else "active",
    }


def new_entity(limit: Row, value_key: str) -> Row:
    """The row of a group whose usage nobody changed, with an id made from its name."""
    entity_id = uuid5(UUID(limit["id"]), value_key)
    return {"id": str(entity_id), "limit_id": limit["id"], "value_key": value_key}


def _group_name(policy: Row, values: Any) -> str:
    named = zip(policy["group_by"], values, strict=True)
    return ",".join(f"{each['key']}:{value}" for each, value in named)


def _meets(condition: Row, request: Row) -> bool:
    value = value_of(condition["key"], request)
    if value is None or value in _listed(condition.get("excludes")):
        return False
    return condition["value"] == "*" or value in _listed(condition["value"])


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _expression(key: str) -> Sql:
    """SQL for the value of a policy's key; null for one that no request here has."""
    if key.startswith("metadata."):
        name = key.removeprefix("metadata.")
        if is_metadata_key(name):
            return "json_extract(metadata, ?)", [f'$."{name}"']
    return COLUMNS.get(key, "null"), []


def _condition_sql(condition: Row) -> Sql:
    expression, values = _expression(condition["key"])
    sql, all_values = f"{expression} is not null", [*values]
    for names, operator in ((condition["value"], "in"), (condition.get("excludes"), "not in")):
        if names not in (None, "*"):
            listed = _listed(names)
            sql += f" and cast({expression} as text) {operator} ({', '.join('?' * len(listed))})"
            all_values += [*values, *listed]
    return sql, all_values

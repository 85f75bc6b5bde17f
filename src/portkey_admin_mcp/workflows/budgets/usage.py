"""What is used of limits, and how fast: from analytics, which count one workspace at a time.

Portkey's answers do not say what a workspace, a key or a provider has used of its limit, only what
the groups of a policy have. So the requests since the last reset are counted here.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ...portkey.catalog import Function
from ...tools.analytics import get_analytics_group, get_analytics_group_metadata
from ..shared.reads import Reads, all_of
from ..shared.rows import SLUG_UNKNOWN, Row, is_uuid
from ..shared.timestamps import utc_timestamp
from .budget import PACE_DAYS, Budget
from .limits import number_of, objects
from .sources import (
    API_KEY,
    EACH_OTHER,
    INTEGRATION,
    PROVIDER,
    USAGE_LIMIT,
    WORKSPACE,
    Providers,
)

USAGE_READS = (get_analytics_group, get_analytics_group_metadata)
COLUMNS = ["cost", "total_tokens", "requests"]
METADATA = "metadata."
GROUPS = {
    "api_key": "api_key",
    "virtual_key": "provider",
    "provider": "provider",
    "config": "config",
    "prompt": "prompt",
    "model": "model",
}
"""The group of analytics for each key of a policy."""
FILTERS = {
    "api_key": "api_key_ids",
    "virtual_key": "virtual_keys",
    "provider": "virtual_keys",
    "config": "configs",
    "prompt": "prompt_slug",
}
"""The filter of analytics for each key of a policy's conditions."""
DIMENSIONS = {
    WORKSPACE: "workspace",
    API_KEY: "api_key",
    PROVIDER: "provider",
    INTEGRATION: "provider",
}
"""The group of analytics in which the use of each kind of object stands."""
MIN_AGE_DAYS = 1 / 24


class Count(NamedTuple):
    """A question to analytics: requests in a workspace since a time, by a group, filtered."""

    workspace: str
    group: str
    since: datetime
    filters: str = "{}"


class Counted(NamedTuple):
    """The rows of a count by the value of their group, and whether these are all."""

    rows: dict[str, Row]
    is_complete: bool


Answers = Mapping[Count, Counted]


async def with_usage(
    reads: Reads,
    budgets: list[Budget],
    now: datetime,
    providers: Providers,
) -> list[Budget]:
    """The limits with what is used of them and the pace of the last week."""
    week = now - timedelta(days=PACE_DAYS)
    counts = dict.fromkeys(
        count
        for budget in budgets
        for count in (_use_count(budget), _pace_count(budget, week))
        if count is not None
    )
    rows = await all_of(*(_rows(reads, count, now) for count in counts))
    answers = dict(zip(counts, rows, strict=True))
    return [_measured(each, now, week, answers, providers) for each in budgets]


def _measured(
    budget: Budget,
    now: datetime,
    week: datetime,
    answers: Answers,
    providers: Providers,
) -> Budget:
    names = _names(budget, providers)
    use = _use_count(budget)
    used = budget.used if use is None else _amount(answers.get(use), names, budget.type)
    pace_count = _pace_count(budget, week)
    in_week = None if pace_count is None else _amount(answers.get(pace_count), names, budget.type)
    if in_week is not None:
        age = (now - budget.created).total_seconds() / 86_400 if budget.created else PACE_DAYS
        return budget.with_use(used, in_week / min(PACE_DAYS, max(age, MIN_AGE_DAYS)))
    start = budget.counts_from
    if used is None or start is None or start >= now:
        return budget.with_use(used, None)
    days = max((now - start).total_seconds() / 86_400, MIN_AGE_DAYS)
    return budget.with_use(used, used / days)


def _use_count(budget: Budget) -> Count | None:
    """How the use of a limit is counted; None if Portkey says it, or nothing counts it."""
    start = budget.counts_from
    if budget.kind == USAGE_LIMIT or not _is_counted(budget) or start is None:
        return None
    return Count(budget.workspace, DIMENSIONS[budget.kind], start)


def _pace_count(budget: Budget, week: datetime) -> Count | None:
    """How the last week is counted; None if no filter of analytics says the same as a policy."""
    if budget.kind != USAGE_LIMIT:
        counted = _is_counted(budget)
        return Count(budget.workspace, DIMENSIONS[budget.kind], week) if counted else None
    groups = objects(budget.facts.get("group_by"))
    filters = _filters(budget.facts.get("conditions"))
    if len(groups) != 1 or filters is None or not budget.workspace:
        return None
    key = str(groups[0].get("key"))
    group = key if key.startswith(METADATA) else GROUPS.get(key)
    return (group and Count(budget.workspace, group, week, json.dumps(filters))) or None


def _is_counted(budget: Budget) -> bool:
    """Whether analytics count it: they count the requests of a workspace."""
    return bool(budget.workspace) and budget.workspace != EACH_OTHER


def _filters(conditions: Any) -> dict[str, Any] | None:
    """The filters of analytics that select what conditions do; None if there are none."""
    filters: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    for each in objects(conditions):
        key, value = str(each.get("key")), each.get("value")
        values = [*value] if isinstance(value, list) else [value]
        if each.get("excludes") or not all(isinstance(text, str) and text for text in values):
            return None
        if value == "*":
            continue
        if key.startswith(METADATA):
            if len(values) != 1 or key.removeprefix(METADATA) in metadata:
                return None
            metadata[key.removeprefix(METADATA)] = str(values[0])
        elif key in FILTERS and FILTERS[key] not in filters:
            filters[FILTERS[key]] = value
        else:
            return None
    return {**filters, "metadata": metadata} if metadata else filters


async def _rows(reads: Reads, count: Count, now: datetime) -> Counted:
    """The rows of a count."""
    if now - count.since < timedelta(seconds=1):
        return Counted({}, True)  # the period begins now, and Portkey refuses an empty one
    if is_uuid(count.workspace):
        reads.note(get_analytics_group, count.workspace, SLUG_UNKNOWN)
        return Counted({}, False)
    fields = {
        "time_of_generation_min": utc_timestamp(count.since, "seconds"),
        "time_of_generation_max": utc_timestamp(now, "seconds"),
        "workspace_slug": count.workspace,
        **json.loads(count.filters),
    }
    if count.group.startswith(METADATA):
        fields["metadata_key"] = count.group.removeprefix(METADATA)
        tool: Function = get_analytics_group_metadata
        name = "metadata_value"
    else:
        fields |= {"group_by": count.group, "columns": COLUMNS, "order_by": "cost"}
        tool, name = get_analytics_group, count.group
    rows = await reads.rows(tool, count.workspace, **fields)
    return Counted({str(row.get(name)): row for row in rows}, not rows.why)


def _names(budget: Budget, providers: Providers) -> set[str] | None:
    """The values of the group whose rows are about a limit; None if they are not known."""
    if budget.kind == USAGE_LIMIT:
        return {budget.group.partition(":")[2]}
    if budget.kind == INTEGRATION:
        if budget.workspace in providers.not_read:
            return None
        keys = ((budget.workspace, member) for member in budget.members)
        return {slug for key in keys for slug in providers.slugs.get(key, ())}
    return {budget.id}


def _amount(counted: Counted | None, names: set[str] | None, type: str) -> float | None:
    """What the named rows add up to, in the unit of a limit; None if that is not known.

    A name without a row has used nothing, but only if all rows were read.
    """
    if counted is None or names is None or not (counted.is_complete or names <= {*counted.rows}):
        return None
    amounts = [_of_row(counted.rows[name], type) for name in names if name in counted.rows]
    numbers = [each for each in amounts if each is not None]
    return sum(numbers) if len(numbers) == len(amounts) else None


def _of_row(row: Row, type: str) -> float | None:
    """What a row used, in the unit of a limit; None if it does not say."""
    if type == "cost":
        cost = number_of(row.get("cost"))
        return None if cost is None else cost / 100  # analytics are in cents, limits in dollars
    if type == "tokens":
        if "total_tokens" in row:
            return number_of(row["total_tokens"])
        average, requests = number_of(row.get("avg_tokens")), number_of(row.get("requests"))
        return None if average is None or requests is None else average * requests
    return number_of(row.get("requests"))

"""Explain what a cost changed by between two periods: by which effects, and by what and whom."""

import asyncio
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from statistics import median
from typing import Any

from ..errors import InputError
from ..models.analytics import CostExplanation, CostQuestion
from ..models.api_keys import ApiKeyFilter
from ..models.core.vocabulary import instant
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.analytics import (
    get_analytics_group,
    get_analytics_group_users,
    get_cost_analytics,
    get_request_analytics,
)
from ..tools.api_keys import list_api_keys
from .cost_effects import EFFECTS, NOTHING, Use, effects_of, in_usd, rounded
from .cost_sources import (
    NAMELESS,
    NOT_SEEN,
    PERSON,
    Costs,
    Period,
    Uses,
    add_uses,
    read_dimension,
    read_one_workspace,
    read_workspace,
    read_workspaces,
    total_of,
    uses_of,
)
from .reads import PAGE_SIZE, Reads, rows_of
from .timestamps import utc_timestamp

DOMAIN = "analytics"
DEFAULT_DAYS = 7
MAX_REQUESTS = 120
MAX_WORKSPACES = 10
"""Workspaces that are read by model, key and person: those whose cost changed most."""
TOP, TOP_OF_ONE = 3, 12
"""Rows of each dimension, and of the one that is asked for."""
MIN_DAYS, MAX_DAYS = 3, 92
"""The length of a period in which days are compared."""
MAX_SPIKES = 2
SPIKE_FACTOR = 2
"""How many median days a day must cost more than, to be a spike."""
MIN_SPIKE_SHARE = Fraction(1, 10)
"""The part of a period's cost that a spike has at least."""
DIMENSIONS = ("model", "api_key", PERSON)
"""What is read in each workspace."""
MAX_NAME = 60


@workflow(
    get_analytics_group,
    optional=(
        get_analytics_group_users,
        get_cost_analytics,
        get_request_analytics,
        list_api_keys,
    ),
    effect="read",
    reports_progress=True,
    unconfirmed="Groups are known from Portkey's changelog and its Python SDK only.",
)
async def explain_cost(api: Portkey, question: CostQuestion) -> CostExplanation:
    """Explain what cost changed by between two periods, in USD: more requests, other models, longer
    requests or prices; by model, key, workspace and person; with the days of a spike.
    """
    periods = _periods(api, question)
    reads = Reads(api, MAX_REQUESTS)
    one = question.by or ""
    costs = await _read(reads, periods, question.workspace_slug or "", one)
    reads.require_any()
    spikes, names = await asyncio.gather(
        _spikes(reads, periods[1], costs),
        _key_names(reads) if one in ("", "api_key") else _no_names(),
    )
    answer = _answer(periods, costs, one, spikes, names, reads)
    return CostExplanation.read(answer).with_notes(*_notes(api, periods, answer))


def _periods(api: Portkey, question: CostQuestion) -> tuple[Period, Period]:
    """The earlier and the later period. Raises InputError if a time cannot be read."""
    try:
        today = api.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        end = instant(question.end_time) if question.given("end_time") else today
        start = (
            instant(question.start_time)
            if question.given("start_time")
            else end - timedelta(days=DEFAULT_DAYS)
        )
        old_end = (
            instant(question.compare_end_time) if question.given("compare_end_time") else start
        )
        old_start = (
            instant(question.compare_start_time)
            if question.given("compare_start_time")
            else old_end - (end - start)
        )
    except (ValueError, OverflowError) as error:
        raise InputError(f"a time cannot be read: {error}") from None
    if start >= end or old_start >= old_end:
        raise InputError(
            "a period must end after it starts; without end_time it ends today at 00:00 UTC"
        )
    return _period(old_start, old_end), _period(start, end)


def _period(start: datetime, end: datetime) -> Period:
    return Period(*(utc_timestamp(each.astimezone(UTC), "seconds") for each in (start, end)))


async def _read(
    reads: Reads, periods: tuple[Period, Period], workspace: str, one: str
) -> tuple[Costs, Costs]:
    """What both periods cost, by each dimension or by one."""
    costs = Costs(), Costs()
    rows = await asyncio.gather(*(read_workspaces(reads, each, workspace) for each in periods))
    if any(each.failed for each in rows):
        uses = await asyncio.gather(
            *(read_one_workspace(reads, each, workspace) for each in periods)
        )
    else:
        uses = [uses_of(each.rows, "workspace") for each in rows]
    for cost, of_period in zip(costs, uses, strict=True):
        cost.by["workspace"] = of_period
    old, new = (cost.by["workspace"] for cost in costs)
    names = sorted(
        dict.fromkeys((*old, *new)),
        key=lambda name: -abs(new.get(name, NOTHING).cost - old.get(name, NOTHING).cost),
    )
    dimensions = [name for name in DIMENSIONS if one in ("", name)]
    await asyncio.gather(
        *(
            read_workspace(
                reads,
                periods,
                name,
                (old.get(name, NOTHING), new.get(name, NOTHING)),
                dimensions,
                costs,
            )
            for name in names[:MAX_WORKSPACES]
        )
    )
    if others := names[MAX_WORKSPACES:]:
        reads.add_not_seen(f"{len(others)} more workspaces by model, key and person", others[0])
    for cost in costs:
        unread = total_of(cost.by["workspace"].get(name, NOTHING) for name in others)
        for name in dimensions if others else ():
            add_uses(cost.by.setdefault(name, {}), {NOT_SEEN: unread})
    return costs


async def _spikes(reads: Reads, period: Period, costs: tuple[Costs, Costs]) -> list[dict[str, Any]]:
    """The days of the later period that cost far more than others, each with what it was."""
    old, new = (_by_day(cost) for cost in costs)
    days = [use.cost for use in (*old.values(), *new.values()) if use.cost > 0]
    if _days(period) > MAX_DAYS:
        reads.add_not_seen(f"single days: Portkey counts weeks in more than {MAX_DAYS} days")
    if not days or not MIN_DAYS <= _days(period) <= MAX_DAYS:
        return []
    usual = median(days)
    least = max(SPIKE_FACTOR * usual, MIN_SPIKE_SHARE * sum(use.cost for use in new.values()))
    dear = sorted((day for day in new if new[day].cost > least), key=lambda day: -new[day].cost)
    return await asyncio.gather(
        *(_spike(reads, day, new[day], usual, costs[1]) for day in dear[:MAX_SPIKES])
    )


async def _spike(
    reads: Reads, day: str, cost: Use, usual: Fraction, costs: Costs
) -> dict[str, Any]:
    """A day with the workspace that cost most on it, and what cost most there."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    period = _period(start, start + timedelta(days=1))
    workspace = max(costs.days, key=lambda name: costs.days[name].get(day, NOTHING).cost)
    of_workspace = costs.days[workspace].get(day, NOTHING).cost
    all_rows = await asyncio.gather(
        *(read_dimension(reads, period, workspace, name) for name in DIMENSIONS)
    )
    top: dict[str, Any] = {}
    for name, rows in zip(DIMENSIONS, all_rows, strict=True):
        uses = uses_of(rows.rows, "user" if name == PERSON else name)
        rest = NAMELESS[name] if rows.is_complete else NOT_SEEN
        add_uses(uses, {rest: Use(cost=of_workspace - total_of(uses.values()).cost)})
        largest = max(uses, key=lambda each: uses[each].cost)
        top[name] = largest[:MAX_NAME]
        top[f"{name}_percent"] = _percent(uses[largest].cost, of_workspace)
    return {
        "day": day,
        "cost": in_usd(round(cost.cost)),
        "times_usual": round(float(cost.cost / usual), 1),
        "workspace": workspace,
        "workspace_percent": _percent(of_workspace, cost.cost),
        "most_of_that": top,
    }


def _by_day(costs: Costs) -> Uses:
    days: Uses = {}
    for of_workspace in costs.days.values():
        add_uses(days, of_workspace)
    return days


def _days(period: Period) -> int:
    start, end = map(datetime.fromisoformat, period)
    return (end - start).days


def _percent(part: Fraction, total: Fraction) -> float:
    return round(float(part * 100 / total), 1) if total else 0.0


async def _key_names(reads: Reads) -> dict[str, str]:
    """The names of API keys, by their ids."""
    page = await reads.one(list_api_keys, ApiKeyFilter.model_validate({"page_size": PAGE_SIZE}))
    return {str(row["id"]): str(row.get("name") or "") for row in rows_of(page) if row.get("id")}


async def _no_names() -> dict[str, str]:
    return {}


def _answer(
    periods: tuple[Period, Period],
    costs: tuple[Costs, Costs],
    one: str,
    spikes: list[dict[str, Any]],
    names: dict[str, str],
    reads: Reads,
) -> dict[str, Any]:
    totals = [cost.total() for cost in costs]
    cents = [round(total.cost) for total in totals]
    effects_by = one or "model"
    shown = [one] if one else [*DIMENSIONS, "workspace"]
    return {
        "unit": "USD",
        **{
            when: {"start": period.start, "end": period.end, **_total(total, total_cents)}
            for when, period, total, total_cents in zip(
                ("before", "after"), periods, totals, cents, strict=True
            )
        },
        "difference": in_usd(cents[1] - cents[0]),
        "effects": {"by": effects_by, **_effects(costs, effects_by, cents[1] - cents[0])},
        **{f"by_{name}": _rows(costs, name, cents, one, names) for name in shown},
        "spikes": [_with_key_name(spike, names) for spike in spikes],
        **_unpriced(costs[1]),
        **({"not_seen": reads.not_seen} if reads.not_seen else {}),
        "known_from": f"{reads.requests} requests: {', '.join(reads.tools)}",
        "next": _next(one, spikes),
    }


def _total(total: Use, cents: int) -> dict[str, Any]:
    """The use of a period: its cost, its requests, and what one was like on average."""
    result: dict[str, Any] = {"cost": in_usd(cents), "requests": int(total.requests)}
    if total.tokens and total.requests:
        result["tokens_per_request"] = round(total.tokens / total.requests)
        result["usd_per_million_tokens"] = round(float(total.cost / total.tokens * 10_000), 3)
    return result


def _notes(api: Portkey, periods: tuple[Period, Period], answer: dict[str, Any]) -> list[str]:
    """What a reader must know to compare the periods."""
    lengths = [datetime.fromisoformat(p.end) - datetime.fromisoformat(p.start) for p in periods]
    keys = answer.get("by_api_key", ())
    notes = {
        "The periods differ in length, which is in the effect `requests`.": lengths[0]
        != lengths[1],
        "The later period is not over yet.": datetime.fromisoformat(periods[1].end) > api.now(),
        "A key without a name is deleted, or not among those that were listed.": any(
            "name" not in row for row in keys if not row["api_key"].startswith("(")
        ),
    }
    return [text for text, is_true in notes.items() if is_true]


def _effects(costs: tuple[Costs, Costs], name: str, difference: int) -> dict[str, float]:
    """The effects of all groups of a dimension in USD, without those that are zero."""
    by_group = effects_of(*(cost.by.get(name, {}) for cost in costs)).values()
    sums = {effect: sum((each[effect] for each in by_group), Fraction(0)) for effect in EFFECTS}
    cents = rounded(sums, difference)
    return {effect: in_usd(amount) for effect, amount in cents.items() if amount}


def _rows(
    costs: tuple[Costs, Costs], name: str, totals: list[int], one: str, names: dict[str, str]
) -> list[dict[str, Any]]:
    """The groups whose cost changed most, and all others in one row; together they are the total.

    The group that has no value, or was not seen, has a row of its own.
    """
    groups = dict.fromkeys(group for cost in costs for group in cost.by.get(name, {}))
    old, new = (
        rounded({group: cost.by[name].get(group, NOTHING).cost for group in groups}, total)
        for cost, total in zip(costs, totals, strict=True)
    )
    requests = {
        group: [cost.by[name].get(group, NOTHING).requests for cost in costs] for group in groups
    }
    nameless = (NAMELESS[name], NOT_SEEN)
    ranked = sorted(
        (group for group in groups if group not in nameless),
        key=lambda group: (-abs(new[group] - old[group]), -new[group], group),
    )
    top = ranked[: TOP_OF_ONE if one else TOP]
    rows = [_row(name, group, old[group], new[group], names) for group in top]
    if others := ranked[len(top) :]:
        sums = (sum(cents[group] for group in others) for cents in (old, new))
        rows.append({name: f"({len(others)} others)", **_amounts(*sums)})
    rows += [
        {**_row(name, group, old[group], new[group], {}), "requests": [*map(int, requests[group])]}
        for group in nameless
        if group in groups and (old[group] or new[group] or any(requests[group]))
    ]
    return rows


def _row(name: str, group: str, old: int, new: int, names: dict[str, str]) -> dict[str, Any]:
    label = {"name": names[group][:MAX_NAME]} if names.get(group) and name == "api_key" else {}
    return {name: group[:MAX_NAME], **label, **_amounts(old, new)}


def _amounts(old: int, new: int) -> dict[str, float]:
    return {"before": in_usd(old), "after": in_usd(new), "difference": in_usd(new - old)}


def _with_key_name(spike: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    most = spike["most_of_that"]
    name = names.get(str(most.get("api_key")))
    return {**spike, "most_of_that": {**most, "api_key_name": name[:MAX_NAME]}} if name else spike


def _unpriced(after: Costs) -> dict[str, Any]:
    """Models that used tokens and cost nothing, with their requests."""
    uses = after.by.get("model", {})
    free = {
        name[:MAX_NAME]: int(use.requests)
        for name, use in uses.items()
        if not use.cost and use.tokens
    }
    if not free:
        return {}
    shown = dict(sorted(free.items(), key=lambda item: -item[1])[:TOP])
    note = "No price is known for these, or every answer was from a cache: requests by model."
    return {"unpriced": {**shown, "note": note, "models": len(free)}}


def _next(one: str, spikes: list[dict[str, Any]]) -> str:
    """Which tool to call next."""
    if spikes:
        return (
            "`create_log_export` gets the day's requests. `list_budgets` shows what limits there "
            "are; `create_usage_limit` by metadata._user or `update_api_key` sets one."
        )
    more = "" if one else "`by` shows more of one dimension; "
    return f"{more}`list_budgets` shows what limits it."

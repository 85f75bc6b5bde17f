"""Days that cost far more than others, each with the model, key and person that cost most on it."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from statistics import median
from typing import Any

from ..shared.reads import Reads, all_of
from ..shared.rows import Rows
from .effects import NOTHING, Use, in_usd
from .sources import (
    DIMENSIONS,
    NAMELESS,
    NOT_SEEN,
    PERSON,
    Costs,
    Period,
    Uses,
    add_uses,
    read_dimension,
    total_of,
    uses_of,
)

MIN_DAYS, MAX_DAYS = 3, 92
"""The length of a period in which days are compared; Portkey counts weeks in longer ones."""
MAX_SPIKES = 2
SPIKE_FACTOR = 2
"""How many median days a day must cost more than, to be a spike."""
MIN_SPIKE_SHARE = Fraction(1, 10)
"""The part of a period's cost that a spike has at least."""


async def find_spikes(
    reads: Reads, periods: tuple[Period, Period], costs: tuple[Costs, Costs]
) -> list[dict[str, Any]] | str:
    """The days of both periods that cost far more than others, each with what it was.

    In words if there are none in what was read, but not everything was.
    """
    if why := _why_not_by_day(periods):
        reads.note("single days, and so spikes", "", why)
        return "not looked for"
    spikes = await _spikes(reads, periods, costs)
    is_all = all(cost.has_all_days and cost.has_all_workspaces for cost in costs)
    return spikes or ([] if is_all else "none in the days read")


def _why_not_by_day(periods: tuple[Period, Period]) -> str:
    """Why the days of these periods are not compared; empty if they are."""
    if any(period.days > MAX_DAYS for period in periods):
        return f"Portkey counts weeks in more than {MAX_DAYS} days"
    is_short = any(period.days < MIN_DAYS for period in periods)
    return f"a period is shorter than {MIN_DAYS} days" if is_short else ""


async def _spikes(
    reads: Reads, periods: tuple[Period, Period], costs: tuple[Costs, Costs]
) -> list[dict[str, Any]]:
    days = [_by_day(cost) for cost in costs]
    active = [use.cost for each in days for use in each.values() if use.cost > 0]
    if not active:
        return []
    usual = median(active)
    spikes = [
        (use.cost, day, period, cost)
        for period, cost, each in zip(periods, costs, days, strict=True)
        for day, use in each.items()
        if use.cost > max(SPIKE_FACTOR * usual, MIN_SPIKE_SHARE * total_of(each.values()).cost)
    ]
    spikes.sort(key=lambda spike: (-spike[0], spike[1]))
    return await all_of(
        *(
            _spike(reads, day, period, cost, amount / usual)
            for amount, day, period, cost in spikes[:MAX_SPIKES]
        )
    )


async def _spike(
    reads: Reads, day: str, within: Period, costs: Costs, times_usual: Fraction
) -> dict[str, Any]:
    """A day with the workspace that cost most on it, and what cost most there."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    whole = Period.of(start, start + timedelta(days=1))
    period = Period(max(whole.start, within.start), min(whole.end, within.end))
    workspace = max(costs.days, key=lambda name: costs.days[name].get(day, NOTHING).cost)
    of_workspace = costs.days[workspace].get(day, NOTHING).cost
    cost = total_of(each.get(day, NOTHING) for each in costs.days.values()).cost
    all_rows = await all_of(
        *(read_dimension(reads, period, workspace, name) for name in DIMENSIONS)
    )
    top: dict[str, Any] = {}
    for name, rows in zip(DIMENSIONS, all_rows, strict=True):
        uses = uses_of(rows.rows, "user" if name == PERSON else name)
        rest = NOT_SEEN if rows.why else NAMELESS[name]
        add_uses(uses, {rest: Use(cost=of_workspace - total_of(uses.values()).cost)})
        largest = max(uses, key=lambda each: uses[each].cost)
        top[name] = largest
        top[f"{name}_percent"] = _percent(uses[largest].cost, of_workspace)
    return {
        "day": day,
        "cost": in_usd(round(cost)),
        "times_usual": round(float(times_usual), 1),
        "workspace": workspace,
        "workspace_percent": _percent(of_workspace, cost),
        **_length_of_requests(all_rows[DIMENSIONS.index("model")]),
        "most_of_that": top,
    }


def _length_of_requests(models: Rows) -> dict[str, int]:
    """How many requests the models of a workspace had, and how long one was; {} if not known.

    With the totals of the periods it tells whether a spike is of more requests or of longer ones.
    """
    total = total_of(uses_of(models.rows, "model").values())
    if models.why or not total.requests or not total.tokens:
        return {}
    return {
        "workspace_requests": int(total.requests),
        "workspace_tokens_per_request": round(total.tokens / total.requests),
    }


def _by_day(costs: Costs) -> Uses:
    days: Uses = {}
    for of_workspace in costs.days.values():
        add_uses(days, of_workspace)
    return days


def _percent(part: Fraction, total: Fraction) -> float:
    return round(float(part * 100 / total), 1) if total else 0.0

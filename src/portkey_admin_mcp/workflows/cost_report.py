"""What `explain_cost` answers: amounts in USD that add up, and what to do next."""

from datetime import datetime
from fractions import Fraction
from typing import Any

from .cost_effects import EFFECTS, NOTHING, Use, effects_of, in_usd, rounded
from .cost_sources import DIMENSIONS, MAX_NAME, NAMELESS, NOT_SEEN, Costs, Period
from .reads import Reads

TOP, TOP_OF_ONE = 3, 12
"""Rows of each dimension, and of the one that is asked for."""


def cost_report(
    periods: tuple[Period, Period],
    costs: tuple[Costs, Costs],
    one: str,
    spikes: list[dict[str, Any]],
    names: dict[str, str],
    reads: Reads,
) -> dict[str, Any]:
    """The answer: totals, effects, the groups of each dimension, spikes, and what was not seen.

    `one` is the dimension that is asked for, empty for all; `names` are those of API keys.
    """
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


def cost_notes(
    now: datetime, periods: tuple[Period, Period], answer: dict[str, Any], *, is_only_one: bool
) -> list[str]:
    """What a reader must know to compare the periods.

    `is_only_one` says that one workspace was seen although all were asked for.
    """
    lengths = [datetime.fromisoformat(p.end) - datetime.fromisoformat(p.start) for p in periods]
    keys = answer.get("by_api_key", ())
    notes = {
        "The key may see no other workspace, or no other had requests.": is_only_one,
        "The periods differ in length, which is in the effect `requests`.": lengths[0]
        != lengths[1],
        "The later period is not over yet.": datetime.fromisoformat(periods[1].end) > now,
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

"""What `explain_cost` answers: amounts in USD that add up, and what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from ..shared.brief import fits
from ..shared.reads import Reads
from .effects import EFFECTS, NOTHING, Use, effects_of, in_usd, rounded
from .sources import DIMENSIONS, NAMELESS, NOT_SEEN, Costs, Period

Answer = dict[str, Any]
NEXT = {"limits": "list_budgets"}
NEXT_OF_SPIKES = {
    "spikes": "create_log_export: the requests of a day",
    "limits": "list_budgets; create_usage_limit (by metadata._user) or update_api_key sets one",
}
"""What to call next."""
MORE = "more groups of one dimension: give by"
WIDTHS = ((4, 60), (3, 60), (3, 30), (2, 24), (1, 16))
"""Rows of each dimension and characters of a name, from the most that an answer has room for."""
WIDTHS_OF_ONE = ((15, 60), (12, 60), (12, 30), (8, 24), (4, 16))
"""The same for one dimension that is asked for."""


@dataclass(frozen=True)
class CostReport:
    """What was read of two periods, for an answer with so many rows and such names."""

    periods: tuple[Period, Period]
    costs: tuple[Costs, Costs]
    one: str
    """The dimension that is asked for; empty for all."""
    spikes: list[Answer] | str
    """Days that cost far more than others; in words if that is not known."""
    key_names: Mapping[str, str]
    """The names of API keys by their ids."""
    reads: Reads
    notes: list[str]
    top: int = 4
    width: int = 60

    def answer(self) -> Answer:
        """The answer with as many rows as fit."""
        answer: Answer = {}
        for top, width in WIDTHS_OF_ONE if self.one else WIDTHS:
            answer = replace(self, top=top, width=width)._answer()
            if fits(answer):
                break
        return answer

    def _answer(self) -> Answer:
        totals = [cost.total() for cost in self.costs]
        cents = [round(total.cost) for total in totals]
        by = self.one or "model"
        answer: Answer = {
            "unit": "USD",
            **{
                when: {"start": period.start, "end": period.end, **_total(total, total_cents)}
                for when, period, total, total_cents in zip(
                    ("before", "after"), self.periods, totals, cents, strict=True
                )
            },
            "difference": in_usd(cents[1] - cents[0]),
            "effects": {"by": by, **_effects(self.costs, by, cents[1] - cents[0])},
        }
        for name in [self.one] if self.one else [*DIMENSIONS, "workspace"]:
            answer[f"by_{name}"] = self._rows(name, cents)
        spikes = self.spikes
        answer["spikes"] = (
            spikes if isinstance(spikes, str) else [self._spike(each) for each in spikes]
        )
        if unpriced := self._unpriced():
            answer["unpriced"] = unpriced
        notes = [*self.notes, *self._notes_on_keys(answer)]
        return answer | {
            **({"notes": notes} if notes else {}),
            **({"more": MORE} if self._is_cut() and not self.one else {}),
            "next": {
                **NEXT,
                **(NEXT_OF_SPIKES if isinstance(self.spikes, list) and self.spikes else {}),
            },
            "not_seen": self.reads.not_seen,
            "known_by": self.reads.known_by,
        }

    def _is_cut(self) -> bool:
        """Whether a dimension has more groups than are shown. Those without a value always are."""
        for name in (*DIMENSIONS, "workspace"):
            groups = {group for cost in self.costs for group in cost.by.get(name, ())}
            if len(groups - {NAMELESS[name], NOT_SEEN}) > self.top:
                return True
        return False

    def _rows(self, name: str, totals: list[int]) -> list[Answer]:
        """The groups whose cost changed most, and all others in a row; together, the totals.

        The groups that have no value, or were not seen, have rows of their own.
        """
        uses = [cost.by.get(name, {}) for cost in self.costs]
        groups = dict.fromkeys(group for each in uses for group in each)
        old, new = (
            rounded({group: each.get(group, NOTHING).cost for group in groups}, total)
            for each, total in zip(uses, totals, strict=True)
        )
        nameless = [group for group in (NAMELESS[name], NOT_SEEN) if group in groups]
        ranked = sorted(
            (group for group in groups if group not in nameless),
            key=lambda group: (-abs(new[group] - old[group]), -new[group], group),
        )
        rows = [self._row(name, group, old[group], new[group]) for group in ranked[: self.top]]
        if others := ranked[self.top :]:
            sums = (sum(cents[group] for group in others) for cents in (old, new))
            rows.append({name: f"({len(others)} more)", **_amounts(*sums)})
        for group in nameless:
            requests = [int(each.get(group, NOTHING).requests) for each in uses]
            if old[group] or new[group] or any(requests):
                rows.append({name: group, **_amounts(old[group], new[group]), "requests": requests})
        return rows

    def _row(self, name: str, group: str, old: int, new: int) -> Answer:
        label = self.key_names.get(group) if name == "api_key" else None
        named = {"name": self._short(label)} if label else {}
        return {name: self._short(group), **named, **_amounts(old, new)}

    def _spike(self, spike: Answer) -> Answer:
        most = {
            name: self._short(value) if isinstance(value, str) else value
            for name, value in spike["most_of_that"].items()
        }
        if label := self.key_names.get(str(spike["most_of_that"].get("api_key"))):
            most["api_key_name"] = self._short(label)
        return {**spike, "most_of_that": most}

    def _unpriced(self) -> Answer:
        """Models that used tokens and cost nothing, with their requests."""
        uses = self.costs[1].by.get("model", {})
        free = [name for name, use in uses.items() if not use.cost and use.tokens]
        if not free:
            return {}
        free.sort(key=lambda name: (-uses[name].requests, name))
        rows = [{"model": self._short(n), "requests": int(uses[n].requests)} for n in free]
        note = "cost 0 with tokens: Portkey knows no price, or all answers were from the cache"
        more = {"more": f"{len(rows) - self.top} more models"} if len(rows) > self.top else {}
        return {"note": note, "models": rows[: self.top], **more}

    def _notes_on_keys(self, answer: Answer) -> list[str]:
        rows = answer.get("by_api_key", ())
        is_nameless = any("name" not in row and row["api_key"][0] != "(" for row in rows)
        note = "A key without a name is deleted, or not among those that were listed."
        return [note] if is_nameless else []

    def _short(self, name: str) -> str:
        return name if len(name) <= self.width else f"{name[: self.width - 1]}…"


def cost_notes(
    now: datetime, periods: tuple[Period, Period], *, is_only_one: bool, is_partial: bool
) -> list[str]:
    """What a reader must know to compare the periods.

    `is_only_one` says that one workspace was seen although all were asked for, `is_partial` that
    some were not read.
    """
    lengths = [datetime.fromisoformat(p.end) - datetime.fromisoformat(p.start) for p in periods]
    notes = {
        "The key may see no other workspace, or no other had requests.": is_only_one,
        "Some workspaces were not read, so the totals and the difference are not all.": is_partial,
        "The periods differ in length, which is in the effect `requests`.": lengths[0]
        != lengths[1],
        "The later period is not over yet.": datetime.fromisoformat(periods[1].end) > now,
    }
    return [text for text, is_true in notes.items() if is_true]


def _total(total: Use, cents: int) -> Answer:
    """The use of a period: its cost, its requests, and what one was like on average."""
    result: Answer = {"cost": in_usd(cents), "requests": int(total.requests)}
    if total.tokens and total.requests:
        result["tokens_per_request"] = round(total.tokens / total.requests)
        result["usd_per_million_tokens"] = round(float(total.cost / total.tokens * 10_000), 3)
    return result


def _effects(costs: tuple[Costs, Costs], name: str, difference: int) -> dict[str, float]:
    """The effects of all groups of a dimension in USD, without those that are zero."""
    by_group = effects_of(*(cost.by.get(name, {}) for cost in costs)).values()
    sums = {effect: sum((each[effect] for each in by_group), Fraction(0)) for effect in EFFECTS}
    cents = rounded(sums, difference)
    return {effect: in_usd(amount) for effect, amount in cents.items() if amount}


def _amounts(old: int, new: int) -> dict[str, float]:
    return {"before": in_usd(old), "after": in_usd(new), "difference": in_usd(new - old)}

"""Why a cost changed between two periods: exact effects, and rounding that adds up.

`docs/decisions/cost-and-budgets.md` has the method with its source. All of it is exact: Fractions,
and integers of cents after rounding.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
EFFECTS = ("requests", "mix", "price_per_request")
"""What a cost changes by, in the order in which the effects are taken."""


@dataclass(frozen=True)
class Use:
    """What a group used in a period. The cost is in cents; tokens are None if unknown."""

    requests: Fraction = Fraction(0)
    tokens: Fraction | None = Fraction(0)
    cost: Fraction = Fraction(0)

    def __add__(self, other: "Use") -> "Use":
        tokens = None
        if self.tokens is not None and other.tokens is not None:
            tokens = self.tokens + other.tokens
        return Use(self.requests + other.requests, tokens, self.cost + other.cost)

    def __sub__(self, other: "Use") -> "Use":
        """What is left of the requests and the cost; its tokens are not known."""
        return Use(self.requests - other.requests, None, self.cost - other.cost)


NOTHING = Use()


def effects_of(before: Mapping[K, Use], after: Mapping[K, Use]) -> dict[K, dict[str, Fraction]]:
    """The effects in cents on each group; those of a group add up to the change of its cost.

    `requests`: all groups have as many more requests as all of them together. `mix`: the groups
    have other shares of the requests, at their old price. `price_per_request`: a request of the
    group costs another amount. A group that had no requests before, or has none now, has no change
    of price.
    """
    all_before = sum((use.requests for use in before.values()), Fraction(0))
    all_after = sum((use.requests for use in after.values()), Fraction(0))
    growth = all_after / all_before if all_before else None
    return {
        group: _effects(before.get(group, NOTHING), after.get(group, NOTHING), growth)
        for group in dict.fromkeys((*before, *after))
    }


def _effects(old: Use, new: Use, growth: Fraction | None) -> dict[str, Fraction]:
    """The effects on one group; `growth` is the ratio of all requests, None if there were none."""
    change = new.cost - old.cost
    if growth is None:
        return {"requests": change, "mix": Fraction(0), "price_per_request": Fraction(0)}
    priced = old if old.requests else new
    price = _ratio(priced.cost, priced.requests)
    requests = (growth - 1) * old.requests * price
    mix = (new.requests - growth * old.requests) * price
    return {"requests": requests, "mix": mix, "price_per_request": change - requests - mix}


def _ratio(part: Fraction, total: Fraction) -> Fraction:
    return part / total if total else Fraction(0)


def rounded(parts: Mapping[K, Fraction], total: int | None = None) -> dict[K, int]:
    """Whole cents for exact parts, that add up to a total: by default to the nearest of their sum.

    By largest remainder: each part is rounded down, and the cents that are missing go to those that
    lost most.
    """
    if total is None:
        total = round(sum(parts.values(), Fraction(0)))
    cents = {name: floor(value) for name, value in parts.items()}
    if not cents:
        return cents
    all_more, some_more = divmod(total - sum(cents.values()), len(cents))
    by_remainder = sorted(parts, key=lambda name: cents[name] - parts[name])
    for place, name in enumerate(by_remainder):
        cents[name] += all_more + (place < some_more)
    return cents


def in_usd(cents: int) -> float:
    """Cents as the nearest float of dollars, which is written with two digits."""
    return float(Decimal(cents) / 100)

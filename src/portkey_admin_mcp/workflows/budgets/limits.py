"""What was read of limits, and how their parts are read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..shared.rows import Row
from .budget import Budget


@dataclass
class Limits:
    """What was read: limits on use, and on rates as rows for an answer."""

    budgets: list[Budget]
    rates: list[Row]


def joined(parts: Iterable[Limits]) -> Limits:
    """The limits of all parts."""
    limits = Limits([], [])
    for part in parts:
        limits.budgets += part.budgets
        limits.rates += part.rates
    return limits


def objects(value: Any) -> list[Row]:
    """The objects in a field that holds one or a list of them."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, dict)]


def number_of(value: Any) -> float | None:
    """A number in an answer; None if it is none."""
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)


def rate_text(rate: Mapping[str, Any]) -> str:
    """A rate limit in words: `600 requests rpm`."""
    return f"{rate.get('value')} {rate.get('type') or 'requests'} {rate.get('unit') or ''}".strip()


def keys_of(groups: Any) -> str:
    """What a policy counts apart, in words."""
    return ", ".join(str(each.get("key")) for each in objects(groups)) or "request"

"""Budgets and rate limits: their fields, and how a budget is spent and reset."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ..core.bodies import Body
from ..core.rows import Row
from ..core.store import instant, moment

Amount = int | float


def _midnight(text: str) -> str:
    return moment(instant(text).replace(hour=0, minute=0, second=0))


Time = Annotated[str, AfterValidator(lambda text: moment(instant(text)))]
Midnight = Annotated[str, AfterValidator(_midnight)]
"""A time, moved back to 00:00 UTC of its day as Portkey does."""


class Budget(Body):
    """The budget of a workspace, a key or a provider."""

    credit_limit: Amount | None = Field(None, ge=1)
    type: Literal["cost", "tokens"] | None = None
    alert_threshold: Amount | None = Field(None, ge=1)
    periodic_reset: Literal["monthly", "weekly"] | None = None
    periodic_reset_days: int | None = Field(None, ge=1, le=365)
    next_usage_reset_at: Midnight | None = None

    @model_validator(mode="after")
    def _budget_is_consistent(self) -> Self:
        if self.credit_limit and (self.alert_threshold or 0) >= self.credit_limit:
            raise ValueError("alert_threshold must be less than credit_limit")
        if self.periodic_reset and self.periodic_reset_days:
            raise ValueError("periodic_reset and periodic_reset_days exclude each other")
        return self


class Rate(Body):
    """A rate limit of a workspace, a provider or a virtual key."""

    type: Literal["requests", "tokens"] | None = None
    unit: Literal["rpd", "rph", "rpm"] | None = None
    value: int | None = None


class KeyRate(Body):
    """A rate limit of an API key."""

    type: Literal["requests", "tokens"]
    unit: Literal["rpd", "rph", "rpm", "rps", "rpw"]
    value: int = Field(ge=0)


def next_reset(period: str | None, days: int | None, now: datetime) -> str | None:
    """When a budget is reset: next Monday, on the first of the month, or after some days.

    Always at 00:00 UTC. None if there is no period.
    """
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if days:
        return moment(today + timedelta(days=days))
    if period == "weekly":
        return moment(today + timedelta(days=7 - today.weekday()))
    if period == "monthly":
        return moment((today.replace(day=1) + timedelta(days=32)).replace(day=1))
    return None


def next_reset_of(limits: Row | None, now: datetime) -> str | None:
    """When a budget is reset next: at the time that it names, or after its period."""
    if not limits:
        return None
    named = limits.get("next_usage_reset_at")
    period, days = limits.get("periodic_reset"), limits.get("periodic_reset_days")
    return str(named) if named else next_reset(period, days, now)


def reset_times(
    limits: Row, last: str | None, due: str | None, now: datetime
) -> tuple[str | None, str | None]:
    """When a budget was last reset and is reset next, at this time.

    `last` and `due` are these times as they were stored. A budget without a period is reset once.
    """
    period, days = limits.get("periodic_reset"), limits.get("periodic_reset_days")
    while due is not None and due <= moment(now):
        last, due = due, next_reset(period, days, instant(due))
    return last, due


def new_budget(row: Row, limits: Any, now: datetime) -> dict[str, Any]:
    """The changes to a row that gets this budget, or (None) none.

    A budget counts from when it was first set (an assumption). What a budget that is taken away
    has exhausted works again.
    """
    changes: dict[str, Any] = {"usage_limits": limits}
    if limits is not None and row.get("usage_limits") is None:
        changes["_counts_from"] = now.isoformat()
    return changes


def new_row_budget(row: Row, limits: Row | None, now: datetime) -> dict[str, Any]:
    """The same for a row with one budget, a status and a next reset."""
    changes = {**new_budget(row, limits, now), "next_usage_reset_at": next_reset_of(limits, now)}
    return {**changes, "status": without_budget(row)} if limits is None else changes


def changed_limits(row: Row, values: Row, now: datetime) -> dict[str, Any]:
    """The changes to a row with one budget, if `values` has one or a single rate limit."""
    changes: dict[str, Any] = {}
    if "usage_limits" in values:
        changes |= new_row_budget(row, values["usage_limits"], now)
    if isinstance(values.get("rate_limits"), dict):
        changes["rate_limits"] = [values["rate_limits"]]
    return changes


def spent(row: Row, amount: Amount, now: datetime) -> dict[str, Any]:
    """The changes to a row with a budget when an amount is spent: its usage and status."""
    row = {**row, **elapsed_reset(row, now)}
    usage = row.get("_usage", 0) + amount
    limit = (row.get("usage_limits") or {}).get("credit_limit")
    exhausted = limit is not None and usage >= limit and row["status"] == "active"
    return {
        "_usage": usage,
        "status": "exhausted" if exhausted else row["status"],
        **{name: row[name] for name in RESET_FIELDS if name in row},
    }


RESET_FIELDS = ("last_reset_at", "next_usage_reset_at")


def reset_usage(row: Row, now: datetime) -> dict[str, Any]:
    """The changes to a row when its budget is reset."""
    return {
        "_usage": 0,
        "_counts_from": now.isoformat(),
        "status": without_budget(row),
        "last_reset_at": moment(now),
    }


def elapsed_reset(row: Row, now: datetime) -> dict[str, Any]:
    """The changes to a row whose periodic reset is due by now; none if it is not."""
    due = row.get("next_usage_reset_at")
    if due is None or due > moment(now):
        return {}
    last, due = reset_times(row.get("usage_limits") or {}, None, due, now)
    return {
        "_usage": 0,
        "status": without_budget(row),
        "last_reset_at": last,
        "next_usage_reset_at": due,
    }


def without_budget(row: Row) -> str:
    """The status of a row once nothing of its budget is spent."""
    return "active" if row["status"] == "exhausted" else str(row["status"])


def status_now(row: Row, now: datetime) -> str:
    """The status of a row with a budget and an expiry, at this time."""
    if row["expires_at"] and row["expires_at"] <= moment(now):
        return "expired"
    return str({**row, **elapsed_reset(row, now)}["status"])


def shown_limits(limits: Row | None) -> dict[str, Any] | None:
    """A budget as live answers have it; the emulator sends no alerts."""
    if limits is None:
        return None
    return {**limits, "is_expired_alerts_sent": False, "is_threshold_alerts_sent": False}

"""Budgets and rate limits: the same shapes on workspaces, API keys and virtual keys."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from .base import ABSENT, Arguments, Record
from .vocabulary import Moment


class UsageLimits(Arguments):
    """A budget. Without a reset it is used up once; an exhausted one refuses requests."""

    credit_limit: int = Field(default=ABSENT, ge=1, description="USD, or tokens.")
    type: Literal["cost", "tokens"] = ABSENT
    alert_threshold: int = Field(default=ABSENT, ge=1, description="Below credit_limit.")
    periodic_reset: Literal["monthly", "weekly"] | None = ABSENT
    periodic_reset_days: int | None = Field(default=ABSENT, ge=1, le=365)
    next_usage_reset_at: Moment | None = ABSENT

    @model_validator(mode="after")
    def _budget_is_consistent(self) -> Self:
        if self.credit_limit and self.alert_threshold and self.alert_threshold >= self.credit_limit:
            raise ValueError("alert_threshold is an amount and must be below credit_limit")
        if self.periodic_reset and self.periodic_reset_days:
            raise ValueError("give periodic_reset or periodic_reset_days, not both")
        return self


class RateLimit(Arguments):
    """The most requests or tokens in a period, for a workspace or a virtual key."""

    type: Literal["requests", "tokens"] = ABSENT
    unit: Literal["rpd", "rph", "rpm"] = ABSENT
    value: int = Field(default=ABSENT, ge=0)


class KeyRateLimit(Arguments):
    """The most requests or tokens in a period, for an API key."""

    type: Literal["requests", "tokens"]
    unit: Literal["rpd", "rph", "rpm", "rps", "rpw"]
    value: int = Field(ge=0)


class Limited(Arguments):
    """A budget and rate limits, with short forms for the most common ones.

    `credit_limit` means a monthly budget in USD and `rate_limit_rpm` a limit on requests per
    minute, as in the TypeScript server; all others need `usage_limits` and `rate_limits`. A
    subclass declares its own `rate_limits`.
    """

    credit_limit: int = Field(default=ABSENT, ge=1, description="Monthly USD; else `usage_limits`.")
    alert_threshold: int = Field(default=ABSENT, ge=1, description="Alert at this many USD.")
    rate_limit_rpm: int = Field(default=ABSENT, ge=1)
    usage_limits: UsageLimits = ABSENT

    @model_validator(mode="after")
    def _short_limits_are_consistent(self) -> Self:
        check_short_limits(self)
        return self

    def wire(self) -> dict[str, Any]:
        """Replace the short forms by Portkey's own fields."""
        body = super().wire()
        budget = {k: body.pop(k) for k in ("credit_limit", "alert_threshold") if k in body}
        if budget:
            body["usage_limits"] = {"type": "cost", "periodic_reset": "monthly", **budget}
        if "rate_limit_rpm" in body:
            per_minute = body.pop("rate_limit_rpm")
            body["rate_limits"] = [{"type": "requests", "unit": "rpm", "value": per_minute}]
        return body


def check_short_limits(group: Arguments, prefix: str = "") -> None:
    """Refuse short forms that contradict each other, or that are given with the long forms.

    `prefix` is what the names of the short forms begin with, such as `global_`. Raises ValueError.
    """
    limit, alert, rate = (
        f"{prefix}{name}" for name in ("credit_limit", "alert_threshold", "rate_limit_rpm")
    )
    budget = group.given(limit, alert)
    if budget and group.given("usage_limits"):
        raise ValueError(f"give usage_limits or its short forms ({', '.join(budget)}), not both")
    if alert in budget and not getattr(group, limit):
        raise ValueError(f"{alert} needs {limit}: a budget is sent as a whole")
    if len(budget) > 1 and getattr(group, alert) >= getattr(group, limit):
        raise ValueError(f"{alert} is an amount in USD and must be below {limit}")
    if len(group.given(rate, "rate_limits")) > 1:
        raise ValueError(f"give rate_limits or its short form {rate}, not both")


class UsageLimitsRecord(Record):
    """A budget as Portkey returns it."""

    credit_limit: float | None = Field(default=None, description="USD for type cost, else tokens.")
    alert_threshold: float | None = Field(
        default=None, description="Same unit, below credit_limit."
    )
    periodic_reset: str | None = None

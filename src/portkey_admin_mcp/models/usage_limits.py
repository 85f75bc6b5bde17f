"""Usage limits: budgets for the requests that meet conditions, counted per group."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Patch, Record
from .core.findings import Findings
from .core.paging import Paged
from .core.policies import Conditions, GroupBy, PolicyOwner
from .core.vocabulary import InWorkspace, Moment, Number

Type = Literal["cost", "tokens", "requests"]
EntityId = Annotated[str, Field(min_length=1, description="Entity id.")]


class UsageLimitFilter(Paged):
    """Which usage limits to list."""

    workspace_id: InWorkspace = ABSENT
    status: Literal["active", "archived"] = ABSENT
    type: Type = ABSENT


class BudgetFilter(Paged):
    """Which limits of all kinds to list."""

    workspace_id: str = Field(default=ABSENT, min_length=1, description="Default: all.")
    kind: Literal[
        "workspace", "api_key", "provider", "integration", "usage_limit", "rate_limit"
    ] = ABSENT


class UsageLimitView(Arguments):
    """Whether to read an archived usage limit, and what is used of it."""

    status: Literal["active", "archived"] = ABSENT
    include_usage: bool = ABSENT


class UsageLimitBudget(Arguments):
    """The budget and when it is reset; without a reset it is used up once."""

    alert_threshold: Number | None = Field(default=ABSENT, ge=0, description="Below credit_limit.")
    periodic_reset: Literal["monthly", "weekly"] | None = ABSENT
    periodic_reset_days: int | None = Field(
        default=ABSENT, ge=1, le=365, description="Instead of periodic_reset."
    )
    next_usage_reset_at: Moment | None = ABSENT
    description: str | None = Field(default=ABSENT, max_length=500)

    @model_validator(mode="after")
    def _budget_is_consistent(self) -> Self:
        limit = getattr(self, "credit_limit", None)
        if limit and self.alert_threshold and self.alert_threshold >= limit:
            raise ValueError("alert_threshold is an amount and must be below credit_limit")
        if self.periodic_reset and self.periodic_reset_days:
            raise ValueError("give periodic_reset or periodic_reset_days, not both")
        return self


class UsageLimitDraft(UsageLimitBudget, PolicyOwner):
    """A new usage limit."""

    conditions: Conditions
    group_by: GroupBy
    type: Type
    credit_limit: Number = Field(ge=0, description="USD, tokens or requests, by type.")
    name: str = Field(default=ABSENT, max_length=255)


class UsageLimitPatch(UsageLimitBudget, Patch):
    """The fields of a usage limit that an update may change; type and groups stay."""

    name: str = Field(default=ABSENT, max_length=255)
    conditions: Conditions = ABSENT
    credit_limit: Number = Field(default=ABSENT, ge=0, description="In the unit of its type.")
    reset_usage_for_value: str = Field(default=ABSENT, description="Group value to set to 0.")


class EntityFilter(Paged):
    """Which groups of a usage limit to list."""

    status: Literal["active", "exhausted"] = ABSENT
    search: str = Field(default=ABSENT, description="Part of the value key.")


class UsageLimitRecord(Record):
    """A usage limit."""

    summary_fields = (
        "id",
        "name",
        "type",
        "credit_limit",
        "alert_threshold",
        "periodic_reset",
        "conditions",
        "group_by",
        "status",
        "workspace_id",
    )

    id: str | None = None
    name: str | None = None
    type: str | None = None
    credit_limit: float | None = Field(default=None, description="USD, tokens or requests")
    conditions: list[dict[str, Any]] | None = None
    group_by: list[dict[str, Any]] | None = None
    status: str | None = None


class Entity(Record):
    """One group of a usage limit, and what it has used."""

    id: str | None = None
    value_key: str | None = Field(default=None, description="e.g. metadata._user:alice")
    current_usage: float | None = None
    status: str | None = Field(default=None, description="active or exhausted")


class PolicyRef(Record):
    """A new policy."""

    id: str | None = None


class Budgets(Findings):
    """Limits of all kinds, with what is used and when they run out: exhausted ones first."""

    rows_in = "data"

    total: Any = Field(default=None, description="In words if not all limits were read")
    binds_first: str | None = Field(default=None, description="Which runs out next, and when")
    data: list[dict[str, Any]] = []

"""Providers: an AI provider in a workspace, through an integration."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Patch, Record
from .core.limits import RateLimit, UsageLimits, UsageLimitsRecord
from .core.paging import Page, Paged
from .core.vocabulary import InWorkspace, Moment, Number, WorkspaceSelector

ProviderSlug = Annotated[str, Field(min_length=1, description="See `list_providers`.")]
SHORT_BUDGET = ("credit_limit", "alert_threshold", "usage_limit_type", "periodic_reset")


class ProviderFilter(Paged):
    """Which providers to list."""

    workspace_id: InWorkspace = ABSENT


class ProviderDetail(WorkspaceSelector):
    """The workspace that a provider is in, and whether to read its settings too."""

    include_configurations: bool = Field(
        default=ABSENT, description="Also its integration's settings."
    )


class ProviderContent(Arguments):
    """The fields of a provider that can be set when it is created, and changed later."""

    note: str = ABSENT
    credit_limit: Number = Field(default=ABSENT, gt=0, description="Monthly USD, or as below.")
    alert_threshold: Number = Field(default=ABSENT, ge=0, description="Below credit_limit.")
    usage_limit_type: Literal["cost", "tokens"] = ABSENT
    periodic_reset: Literal["monthly", "weekly"] = ABSENT
    rate_limit_value: Number = Field(
        default=ABSENT, gt=0, description="Requests in rate_limit_unit."
    )
    rate_limit_unit: Literal["rpd", "rph", "rpm"] = ABSENT
    usage_limits: UsageLimits | None = ABSENT
    rate_limits: list[RateLimit] | None = ABSENT

    @model_validator(mode="after")
    def _limits_are_consistent(self) -> Self:
        budget = self.given(*SHORT_BUDGET)
        if budget and self.given("usage_limits"):
            raise ValueError(f"give usage_limits or {', '.join(budget)}, not both")
        if budget and not self.given("credit_limit"):
            raise ValueError(f"{budget[0]} needs credit_limit: a budget is sent as a whole")
        if self.given("alert_threshold") and self.alert_threshold >= self.credit_limit:
            raise ValueError("alert_threshold is an amount and must be below credit_limit")
        if self.given("rate_limit_unit") and not self.given("rate_limit_value"):
            raise ValueError("rate_limit_unit needs rate_limit_value")
        if self.given("rate_limit_value") and self.given("rate_limits"):
            raise ValueError("give rate_limits or its short form rate_limit_value, not both")
        return self

    def wire(self) -> dict[str, Any]:
        """Replace the short forms by Portkey's own fields."""
        body = super().wire()
        short = {name: body.pop(name) for name in SHORT_BUDGET if name in body}
        if short:
            kind = short.pop("usage_limit_type", "cost")
            body["usage_limits"] = {"type": kind, "periodic_reset": "monthly", **short}
        value, unit = body.pop("rate_limit_value", None), body.pop("rate_limit_unit", "rpm")
        if value is not None:
            body["rate_limits"] = [{"type": "requests", "unit": unit, "value": value}]
        return body


class ProviderDraft(ProviderContent):
    """A new provider."""

    name: str = Field(min_length=1)
    integration_id: str = Field(min_length=1, description="See `list_integrations`.")
    workspace_id: InWorkspace = ABSENT
    slug: str = ABSENT
    expires_at: Moment = ABSENT


class ProviderPatch(ProviderContent, Patch):
    """The fields of a provider that an update may change."""

    name: str = Field(default=ABSENT, min_length=1)
    expires_at: Moment | None = ABSENT
    reset_usage: bool = Field(default=ABSENT, description="Start the budget anew.")


class Provider(Record):
    """An AI provider in a workspace; requests name it as @slug/model."""

    summary_fields = (
        "slug",
        "name",
        "note",
        "provider",
        "ai_provider_name",
        "integration_id",
        "status",
        "usage_limits",
        "expires_at",
        "created_at",
    )
    missing_fields: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("provider", "ai_provider_name", "ai_provider_id"),
        "`list_integrations` has the ai_provider_id of each integration_id",
    )

    slug: str | None = None
    name: str | None = None
    integration_id: str | None = None
    status: str | None = Field(default=None, description="active, exhausted or expired")
    usage_limits: UsageLimitsRecord | None = None
    expires_at: str | None = None


class ProviderPage(Page[Provider]):
    """Providers of a workspace."""

    empty_note = (
        "This workspace has no providers. Credentials of the older form are virtual keys: see "
        "`list_virtual_keys`."
    )


class ProviderRef(Record):
    """A written provider."""

    id: str | None = None
    slug: str | None = None

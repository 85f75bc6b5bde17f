"""Integrations: credentials for AI providers, with their models and workspaces."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Patch, Record, Unsent
from .core.limits import RateLimit, UsageLimits, check_short_limits
from .core.paging import Page, Paged
from .core.vocabulary import Json, Number, WorkspaceId
from .virtual_keys import SecretMapping

IntegrationSlug = Annotated[str, Field(min_length=1, description="See `list_integrations`.")]
AZURE_FIELDS = ("api_version", "resource_name", "deployment_name")
Slug = Annotated[str, Field(max_length=255, pattern=r"^[a-zA-Z0-9_-]+$")]


class IntegrationFilter(Paged):
    """Which integrations to list."""

    workspace_id: WorkspaceId = ABSENT
    type: Literal["workspace", "organisation", "all"] = ABSENT


class IntegrationSecret(SecretMapping):
    """A setting that is filled from a secret reference when it is used."""

    target_field: str = Field(description="key, or configurations.<field>.")


class IntegrationContent(Arguments):
    """The fields of an integration that can be set when it is created, and changed later."""

    key: str = Field(default=ABSENT, description="The provider's key.")
    description: str = ABSENT
    configurations: Json = Field(
        default=ABSENT,
        description="Provider settings: azure_auth_mode, azure_resource_name, "
        "azure_deployment_config, aws_auth_type, aws_role_arn, vertex_auth_type, "
        "workers_ai_account_id, custom_headers, openai_project…",
    )
    api_version: str = Field(default=ABSENT, description="Azure; with the next two.")
    resource_name: str = ABSENT
    deployment_name: str = ABSENT
    aws_region: str = Field(default=ABSENT, serialization_alias="configurations.aws_region")
    aws_access_key_id: str = Field(
        default=ABSENT, serialization_alias="configurations.aws_access_key_id"
    )
    aws_secret_access_key: str = Field(
        default=ABSENT, serialization_alias="configurations.aws_secret_access_key"
    )
    vertex_project_id: str = Field(
        default=ABSENT, serialization_alias="configurations.vertex_project_id"
    )
    vertex_region: str = Field(default=ABSENT, serialization_alias="configurations.vertex_region")
    custom_host: str = Field(default=ABSENT, serialization_alias="configurations.custom_host")
    secret_mappings: list[IntegrationSecret] = ABSENT
    pricing_adjustments: Json | None = Field(
        default=ABSENT, description="{multiplier: {default, request_token, response_token…}}"
    )
    tags: Json = Field(default=ABSENT, description="Labels.")

    @model_validator(mode="after")
    def _azure_is_complete(self) -> Self:
        azure_fields = self.given(*AZURE_FIELDS)
        missing = [name for name in AZURE_FIELDS if name not in azure_fields]
        if azure_fields and missing:
            raise ValueError(f"Azure needs {', '.join(missing)} too, or `configurations`")
        return self

    def wire(self) -> Json:
        """Write the short forms into `configurations`, with what Portkey needs to sign in."""
        body = super().wire()
        short = dict(body.pop("configurations", {})) if self._configuration_fields() else {}
        configurations = dict(self.configurations) if self.given("configurations") else {}
        version, resource, deployment = (body.pop(name, None) for name in AZURE_FIELDS)
        if resource is not None:
            short |= _azure(version, resource, deployment)
        if "aws_access_key_id" in short:
            short = {"aws_auth_type": "accessKey", **short}
        if "vertex_region" in short and "vertex_auth_type" not in configurations:
            short = {"vertex_auth_type": "basic", **short}
        merged = {**short, **configurations}
        return {**body, "configurations": merged} if merged else body

    def _configuration_fields(self) -> list[str]:
        """The given fields that are sent in `configurations`."""
        names = [
            name
            for name, field in type(self).model_fields.items()
            if (field.serialization_alias or "").startswith("configurations.")
        ]
        return self.given(*names, "configurations")


class IntegrationDraft(IntegrationContent):
    """A new integration."""

    name: str = Field(min_length=1)
    ai_provider_id: str = Field(min_length=1, description="openai, anthropic, azure-openai…")
    slug: Slug = ABSENT
    workspace_id: str = Field(
        default=ABSENT, min_length=1, description="Only for this one; else the organisation's."
    )
    create_default_provider: bool = ABSENT
    default_provider_slug: Slug = ABSENT


class IntegrationPatch(IntegrationContent, Patch):
    """The fields of an integration that an update may change."""

    name: str = Field(default=ABSENT, min_length=1)


class Price(Arguments):
    """Cents per token."""

    price: Number = Field(ge=0, description="Cents per token.")


class PayAsYouGo(Arguments):
    """Prices by token."""

    request_token: Price = ABSENT
    response_token: Price = ABSENT


class PricingConfig(Arguments):
    """A model's own prices."""

    type: Literal["static"]
    pay_as_you_go: PayAsYouGo = ABSENT


class ModelSettings(Arguments):
    """The host and headers of one model."""

    custom_host: str = Field(default=ABSENT, json_schema_extra={"format": "uri"})
    custom_headers: dict[str, str] = Field(default=ABSENT, description="Sent with requests.")


class ModelChange(Arguments):
    """One model of an integration."""

    slug: str = Field(min_length=1)
    enabled: bool
    model_name: Annotated[str, Unsent.IGNORED] = Field(default=ABSENT, description="Ignored.")
    is_custom: bool = ABSENT
    is_finetune: bool = ABSENT
    base_model_slug: str = Field(default=ABSENT, description="Of a custom or fine-tuned one.")
    configurations: ModelSettings = ABSENT
    pricing_config: PricingConfig = ABSENT


class ModelChanges(Arguments):
    """Which models may be used."""

    models: list[ModelChange]
    allow_all_models: bool = ABSENT


class ModelDeletion(Arguments):
    """Which custom model to delete."""

    model_slug: str = Field(
        min_length=1, description="Custom or fine-tuned.", serialization_alias="slugs"
    )


class WorkspaceShare(Arguments):
    """One workspace's share of an integration."""

    id: str = Field(min_length=1, description="Workspace id or slug.")
    enabled: bool
    credit_limit: Number = Field(default=ABSENT, gt=0, description="Monthly USD.")
    alert_threshold: Number = Field(default=ABSENT, ge=0, description="Below credit_limit.")
    rate_limit_rpm: Number = Field(default=ABSENT, gt=0)
    usage_limits: list[UsageLimits] | None = Field(default=ABSENT, max_length=1)
    rate_limits: list[RateLimit] | None = Field(default=ABSENT, max_length=1)
    reset_usage: bool = ABSENT
    create_default_provider: bool = ABSENT
    default_provider_slug: str = ABSENT

    @model_validator(mode="after")
    def _short_limits_are_consistent(self) -> Self:
        check_short_limits(self)
        return self

    def wire(self) -> Json:
        """Replace the short forms by Portkey's own fields; the budget is a monthly one."""
        return _with_long_limits(super().wire(), periodic_reset="monthly")


class WorkspaceShares(Arguments):
    """Which workspaces may use an integration, and how much."""

    workspaces: list[WorkspaceShare]
    global_workspace_access_enabled: bool = Field(
        default=ABSENT,
        description="For all workspaces, future ones too.",
        serialization_alias="global_workspace_access.enabled",
    )
    global_credit_limit: Number = Field(
        default=ABSENT,
        gt=0,
        description="USD, never reset.",
        serialization_alias="global_workspace_access.credit_limit",
    )
    global_alert_threshold: Number = Field(
        default=ABSENT, ge=0, serialization_alias="global_workspace_access.alert_threshold"
    )
    global_rate_limit_rpm: Number = Field(
        default=ABSENT, gt=0, serialization_alias="global_workspace_access.rate_limit_rpm"
    )
    global_workspace_access: Json = Field(
        default=ABSENT,
        description="Instead of global_*: {enabled, usage_limits: [], rate_limits: []}.",
    )
    override_existing_workspace_access: bool = Field(
        default=ABSENT, description="Drop those not named here."
    )
    create_default_provider: bool = ABSENT
    default_provider_slug: str = ABSENT

    @model_validator(mode="after")
    def _global_access_is_complete(self) -> Self:
        enabled = "global_workspace_access_enabled"
        limits = self.given(
            "global_credit_limit", "global_alert_threshold", "global_rate_limit_rpm"
        )
        if self.given("global_workspace_access") and (short := [*self.given(enabled), *limits]):
            raise ValueError(f"give global_workspace_access or {', '.join(short)}, not both")
        if self.given("global_workspace_access") and "enabled" not in self.global_workspace_access:
            raise ValueError("global_workspace_access needs enabled, true or false")
        if limits and not self.given(enabled):
            raise ValueError(f"{limits[0]} needs {enabled}")
        check_short_limits(self, "global_")
        return self

    def wire(self) -> Json:
        """Replace the short forms; this budget is never reset, as in the TypeScript server."""
        body = super().wire()
        if "global_workspace_access" in body:
            access = body["global_workspace_access"]
            body["global_workspace_access"] = _with_long_limits(dict(access))
        return body


class Integration(Record):
    """Credentials for an AI provider, masked."""

    summary_fields = ("slug", "id", "name", "ai_provider_id", "status", "created_at")
    hidden_fields = ("custom_headers",)

    id: str | None = None
    slug: str | None = None
    name: str | None = None
    ai_provider_id: str | None = None
    status: str | None = None
    masked_key: str | None = None
    configurations: dict[str, Any] | None = None


class IntegrationRef(Record):
    """A new integration."""

    id: str | None = None
    slug: str | None = None


class IntegrationModels(Page[dict[str, Any]]):
    """The models of an integration."""

    rows_in: ClassVar[str] = "models"

    models: list[dict[str, Any]] | None = None


class IntegrationWorkspaces(Page[dict[str, Any]]):
    """The workspaces of an integration."""

    rows_in: ClassVar[str] = "workspaces"

    workspaces: list[dict[str, Any]] | None = None


def _azure(version: Any, resource: Any, deployment: Any) -> Json:
    deployment_config = {
        "azure_api_version": version,
        "azure_deployment_name": deployment,
        # The model that a deployment serves is not given; its name usually is the model's.
        "azure_model_slug": deployment,
        "is_default": True,
    }
    return {
        "azure_auth_mode": "default",
        "azure_resource_name": resource,
        "azure_deployment_config": [deployment_config],
    }


def _with_long_limits(body: Json, **reset: str) -> Json:
    budget = {name: body.pop(name) for name in ("credit_limit", "alert_threshold") if name in body}
    if budget:
        body["usage_limits"] = [{"type": "cost", **reset, **budget}]
    if "rate_limit_rpm" in body:
        value = body.pop("rate_limit_rpm")
        body["rate_limits"] = [{"type": "requests", "unit": "rpm", "value": value}]
    return body

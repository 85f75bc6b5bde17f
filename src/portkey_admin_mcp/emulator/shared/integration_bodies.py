"""The bodies that the endpoints of integrations take."""

from typing import Any

from pydantic import Field

from ..secret_references import SecretMapping
from .limits import Body, Budget, Rate


class IntegrationBody(Body):
    """The body of an integration, new or changed."""

    name: str | None = None
    ai_provider_id: str | None = None
    slug: str | None = Field(None, max_length=255, pattern=r"^[a-zA-Z0-9_-]+$")
    key: str | None = None
    description: str | None = None
    configurations: dict[str, Any] | None = None
    create_default_provider: bool = True
    default_provider_slug: str | None = None
    secret_mappings: list[SecretMapping] | None = None
    pricing_adjustments: dict[str, Any] | None = None
    tags: dict[str, Any] | None = None


class ModelBody(Body):
    """One model of an integration."""

    slug: str = Field(min_length=1)
    enabled: bool
    is_custom: bool | None = None
    is_finetune: bool | None = None
    base_model_slug: str | None = None
    configurations: dict[str, Any] | None = None
    pricing_config: dict[str, Any] | None = None


class ModelsBody(Body):
    """Which models may be used."""

    models: list[ModelBody]
    allow_all_models: bool | None = None


class Share(Body):
    """One workspace's share."""

    id: str
    enabled: bool
    usage_limits: list[Budget] | None = Field(None, max_length=1)
    rate_limits: list[Rate] | None = Field(None, max_length=1)
    reset_usage: bool | None = None
    create_default_provider: bool | None = None
    default_provider_slug: str | None = None


class GlobalShare(Body):
    """Every workspace's share."""

    enabled: bool
    usage_limits: list[Budget] | None = Field(None, max_length=1)
    rate_limits: list[Rate] | None = Field(None, max_length=1)


class SharesBody(Body):
    """Who may use an integration."""

    workspaces: list[Share] = []
    global_workspace_access: GlobalShare | None = None
    override_existing_workspace_access: bool = False
    create_default_provider: bool = True
    default_provider_slug: str | None = None

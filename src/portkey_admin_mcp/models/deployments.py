"""Deployments: gateways that an organisation hosts itself."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .core.base import ABSENT, Arguments, Patch, Record
from .core.vocabulary import Csv, JsonText

DeploymentId = Annotated[str, Field(min_length=1, description="See `list_deployments`.")]
Type = Literal["production", "non_production"]
Flag = Annotated[int, Field(ge=0, le=1)]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]


class DeploymentOwner(Arguments):
    """The organisation a deployment belongs to."""

    organisation_id: str = ABSENT


class DeploymentFilter(DeploymentOwner):
    """Which deployments to list."""

    status: Literal["active", "archived"] = ABSENT
    type: Type = ABSENT
    workspace_slug: Csv = ABSENT
    search: str = Field(default=ABSENT, description="Part of the name.")
    tags: JsonText = Field(default=ABSENT, description="JSON object to match.")


class AuthSettings(Arguments):
    """The addresses of a gateway, and who may use it."""

    gateway_base_url: Url = Field(
        default=ABSENT, serialization_alias="auth_settings.gateway_base_url"
    )
    mcp_gateway_base_url: Url = Field(
        default=ABSENT, serialization_alias="auth_settings.mcp_gateway_base_url"
    )
    is_dataservice_hosted: Flag = Field(
        default=ABSENT, serialization_alias="auth_settings.is_dataservice_hosted"
    )
    is_playground_proxy_allowed: Flag = Field(
        default=ABSENT, serialization_alias="auth_settings.is_playground_proxy_allowed"
    )
    workspaces_allowed: list[str] = Field(
        default=ABSENT, serialization_alias="auth_settings.workspaces_allowed"
    )
    jwt_subs_allowed: list[str] = Field(
        default=ABSENT, serialization_alias="auth_settings.jwt_subs_allowed"
    )
    jwt_sub_workspace_mapping: dict[str, str] = Field(
        default=ABSENT,
        description="JWT subject to workspace.",
        serialization_alias="auth_settings.jwt_sub_workspace_mapping",
    )


class DeploymentDraft(DeploymentOwner, AuthSettings):
    """A new deployment."""

    name: str = Field(min_length=1)
    slug: str = Field(default=ABSENT, min_length=1, max_length=50)
    type: Type = ABSENT
    deployment_config: dict[str, Any] = Field(default=ABSENT, description="Free-form settings.")
    is_default: bool = ABSENT
    tags: dict[str, str] | None = Field(default=ABSENT, description="Labels.")


class DeploymentPatch(AuthSettings, Patch):
    """The fields of a deployment that an update may change."""

    name: str = Field(default=ABSENT, min_length=1)
    type: Type = ABSENT
    status: Literal["active", "archived"] = ABSENT
    deployment_config: dict[str, Any] | None = Field(
        default=ABSENT, description="Free-form settings."
    )
    is_default: bool = ABSENT
    rotate_auth: bool = Field(default=ABSENT, description="New credentials, returned only now.")
    override_existing: bool = Field(default=ABSENT, description="Replace lists instead of adding.")
    tags: dict[str, str] | None = Field(default=ABSENT, description="Labels.")
    allow_all_workspaces: bool = Field(
        default=ABSENT, serialization_alias="auth_settings.allow_all_workspaces"
    )
    remove_workspaces_allowed: list[str] = Field(
        default=ABSENT, serialization_alias="auth_settings.remove_workspaces_allowed"
    )
    remove_subs_allowed: list[str] = Field(
        default=ABSENT, serialization_alias="auth_settings.remove_subs_allowed"
    )


class Deployment(Record):
    """A gateway; its credentials are masked, except in the answer that made them."""

    summary_fields = ("slug", "id", "name", "type", "status", "is_default", "created_at")
    secret_fields = ("credentials",)

    id: str | None = None
    slug: str | None = None
    name: str | None = None
    type: str | None = None
    status: str | None = None
    auth_settings: dict[str, Any] | None = None

"""API keys: who may call the gateway and the Admin API, with what, and how much."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Patch, Record
from .core.limits import KeyRateLimit, Limited, UsageLimitsRecord
from .core.paging import Paged
from .core.vocabulary import Email, Metadata, Moment, WorkspaceId

TransitionMs = Annotated[
    int, Field(ge=1_800_000, description="ms the old key stays valid; default 30 min.")
]

MAX_SHOWN_SCOPES = 20
"""Scopes that are named without being asked for."""


class ApiKeyFilter(Paged):
    """Which keys to list."""

    workspace_id: WorkspaceId = ABSENT


class RotationPolicy(Arguments):
    """When Portkey rotates a key automatically."""

    rotation_period: Literal["monthly", "weekly"] | None = ABSENT
    rotation_period_days: int | None = Field(default=ABSENT, ge=1, le=365)
    next_rotation_at: Moment | None = ABSENT
    key_transition_period_ms: TransitionMs = ABSENT


class ApiKeyContent(Limited):
    """The fields of an API key that can be set when it is created, and changed later."""

    description: str = Field(default=ABSENT, max_length=200)
    rate_limits: list[KeyRateLimit] | None = ABSENT
    default_config_id: str = Field(
        default=ABSENT,
        description="Slug of the config it always uses.",
        serialization_alias="defaults.config_id",
    )
    default_metadata: Annotated[Metadata, Field(serialization_alias="defaults.metadata")] = ABSENT
    default_allow_config_override: bool = Field(
        default=ABSENT,
        description="Whether a request may name another config.",
        serialization_alias="defaults.allow_config_override",
    )
    alert_emails: list[Email] = ABSENT
    expires_at: Moment | None = ABSENT
    rotation_policy: RotationPolicy | None = ABSENT


class ApiKeyDraft(ApiKeyContent):
    """A new key."""

    in_path = ("type", "sub_type")

    type: Literal["organisation", "workspace"] = Field(description="Where it is valid.")
    sub_type: Literal["service", "user"] = Field(description="user: a workspace key of one person.")
    name: str = Field(min_length=1, max_length=100)
    scopes: list[str] = Field(
        min_length=1, description="e.g. logs.view, completions.write, virtual_keys.list"
    )
    organisation_id: str = ABSENT
    workspace_id: str = Field(default=ABSENT, description="Needed for type workspace.")
    user_id: str = Field(default=ABSENT, description="Needed for sub_type user.")

    @model_validator(mode="after")
    def _has_fields_of_its_type(self) -> Self:
        if (self.type, self.sub_type) == ("organisation", "user"):
            raise ValueError(
                "sub_type user is for type workspace: organisation keys are service keys"
            )
        if self.type == "workspace" and not self.workspace_id:
            raise ValueError("workspace_id: is required for type workspace; see list_workspaces")
        if self.sub_type == "user" and not self.user_id:
            raise ValueError("user_id: is required for sub_type user; see list_all_users")
        return self


class ApiKeyPatch(ApiKeyContent, Patch):
    """The parts of a key an update may change; null clears."""

    name: str = Field(default=ABSENT, min_length=1, max_length=100)
    scopes: list[str] = Field(default=ABSENT, min_length=1, description="Replaces all scopes.")
    reset_usage: bool = Field(default=ABSENT, description="Start the budget anew.")


class Rotation(Arguments):
    """How long the old key stays valid after a rotation."""

    key_transition_period_ms: TransitionMs = ABSENT


class ApiKey(Record):
    """An API key, without its secret: `key` is masked."""

    summary_fields = (
        "id",
        "name",
        "type",
        "status",
        "workspace_id",
        "user_id",
        "usage_limits",
        "rate_limits",
        "expires_at",
        "created_at",
    )

    id: str | None = None
    name: str | None = None
    key: str | None = Field(default=None, description="Masked")
    type: str | None = Field(
        default=None, description="organisation-service, workspace-service or workspace-user"
    )
    workspace_id: str | None = None
    user_id: str | None = None
    status: str | None = Field(default=None, description="active, exhausted or expired")
    scopes: list[str] | None = None
    usage_limits: UsageLimitsRecord | None = None
    rate_limits: list[dict[str, Any]] | None = None
    defaults: dict[str, Any] | None = None
    expires_at: str | None = None

    def brief(self) -> dict[str, Any]:
        """Show how many scopes there are if there are many: a key of an owner has some eighty."""
        answer = self.answer()
        scopes = answer.get("scopes")
        if not isinstance(scopes, list) or len(scopes) <= MAX_SHOWN_SCOPES:
            return answer
        return {**answer, "scopes": f"{len(scopes)} scopes; `fields: scopes` names them"}


class ApiKeySecret(Record):
    """A key's secret, which Portkey shows this once."""

    secret_fields = ("key",)

    id: str | None = None
    key: str | None = Field(default=None, description="The secret; it cannot be read again")
    key_transition_expires_at: str | None = Field(default=None, description="End of the old secret")

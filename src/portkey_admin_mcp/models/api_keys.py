"""API keys: who may call the gateway and the Admin API, with what, and how much."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .base import ABSENT, Arguments, Page, Record
from .limits import KeyRateLimit, Limited, UsageLimitsRecord
from .vocabulary import CurrentPage, Email, Metadata, Moment, PageSize, WorkspaceId

KeyType = Annotated[Literal["organisation", "workspace"], Field(description="Where it is valid.")]
KeySubType = Annotated[
    Literal["service", "user"], Field(description="user: a workspace key of one person.")
]
TransitionMs = Annotated[
    int, Field(ge=1_800_000, description="ms the old key stays valid; default 30 min.")
]


class ApiKeyFilter(Arguments):
    """Which keys to list."""

    page_size: PageSize = ABSENT
    current_page: CurrentPage = ABSENT
    workspace_id: WorkspaceId = ABSENT


class RotationPolicy(Arguments):
    """When a key is rotated by itself."""

    rotation_period: Literal["weekly", "monthly"] | None = ABSENT
    next_rotation_at: Moment | None = ABSENT
    key_transition_period_ms: TransitionMs = ABSENT


class ApiKeyContent(Limited):
    """What may be said of a key when it is made, and changed later."""

    description: str = Field(ABSENT, max_length=200)
    rate_limits: list[KeyRateLimit] | None = ABSENT
    default_config_id: str = Field(
        ABSENT,
        description="Slug of the config it always uses.",
        serialization_alias="defaults.config_id",
    )
    default_metadata: Annotated[Metadata, Field(serialization_alias="defaults.metadata")] = ABSENT
    default_allow_config_override: bool = Field(
        ABSENT,
        description="Whether a request may name another config.",
        serialization_alias="defaults.allow_config_override",
    )
    alert_emails: list[Email] = ABSENT
    expires_at: Moment | None = ABSENT
    rotation_policy: RotationPolicy | None = ABSENT


class ApiKeyDraft(ApiKeyContent):
    """A new key."""

    name: str = Field(min_length=1, max_length=100)
    scopes: list[str] = Field(
        min_length=1, description="e.g. logs.view, completions.write, virtual_keys.list"
    )
    organisation_id: str = ABSENT
    workspace_id: str = Field(ABSENT, description="Needed for type workspace.")
    user_id: str = Field(ABSENT, description="Needed for sub_type user.")


class ApiKeyPatch(ApiKeyContent):
    """The parts of a key an update may change; null clears."""

    name: str = Field(ABSENT, min_length=1, max_length=100)
    scopes: list[str] = Field(ABSENT, min_length=1, description="Replaces all scopes.")
    reset_usage: bool = Field(ABSENT, description="Start the budget anew.")


class Rotation(Arguments):
    """How a key is rotated."""

    key_transition_period_ms: TransitionMs = ABSENT


class ApiKey(Record):
    """An API key, without its secret: `key` is masked."""

    id: str | None = None
    name: str | None = None
    key: str | None = Field(None, description="Masked")
    type: str | None = Field(
        None, description="organisation-service, workspace-service or workspace-user"
    )
    workspace_id: str | None = None
    user_id: str | None = None
    status: str | None = Field(None, description="active, exhausted or expired")
    scopes: list[str] | None = None
    usage_limits: UsageLimitsRecord | None = None
    rate_limits: list[dict[str, Any]] | None = None
    defaults: dict[str, Any] | None = None
    expires_at: str | None = None


class ApiKeyPage(Page):
    """One page of API keys."""

    data: list[ApiKey] = []


class ApiKeySecret(Record):
    """A key's secret, which Portkey shows this once."""

    id: str | None = None
    key: str | None = Field(None, description="The secret; it cannot be read again")
    key_transition_expires_at: str | None = Field(None, description="End of the old secret")

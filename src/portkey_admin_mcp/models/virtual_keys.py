"""Virtual keys: a provider's key, kept by Portkey and used under a slug."""

from typing import Any, Literal, Self

from pydantic import Field

from .core.base import ABSENT, Arguments, Patch, Record, unwrapped
from .core.limits import Limited, RateLimit, UsageLimitsRecord
from .core.paging import Page, Paged
from .core.vocabulary import InWorkspace, Moment


class VirtualKeyFilter(Paged):
    """Which virtual keys to list."""

    workspace_id: InWorkspace = ABSENT


class Deployment(Arguments):
    """One Azure OpenAI deployment."""

    api_version: str = Field(min_length=1, serialization_alias="apiVersion")
    deployment_name: str = Field(min_length=1, serialization_alias="deploymentName")
    alias: str = ABSENT
    is_default: bool = ABSENT


class SecretMapping(Arguments):
    """A field that is filled from a secret reference when it is used."""

    target_field: str = Field(description="key, or model_config.<field>.")
    secret_reference_id: str = Field(description="Secret reference id or slug.")
    secret_key: str | None = ABSENT
    value_format: Literal["json", "string"] | None = ABSENT


class VirtualKeyContent(Limited):
    """The fields of a virtual key that can be set when it is created, and changed later."""

    key: str = Field(default=ABSENT, description="The provider's key.")
    note: str | None = ABSENT
    deployment_configurations: list[Deployment] = Field(
        default=ABSENT, description="Azure deployments.", serialization_alias="deploymentConfig"
    )
    secret_mappings: list[SecretMapping] = Field(default=ABSENT, description="Instead of `key`.")
    rate_limits: list[RateLimit] = ABSENT
    workspace_id: InWorkspace = ABSENT


class VirtualKeyDraft(VirtualKeyContent):
    """A new virtual key."""

    name: str = Field(min_length=1)
    provider: str = Field(min_length=1, description="openai, anthropic, azure-openai, bedrock…")
    api_version: str | None = Field(default=ABSENT, serialization_alias="apiVersion")
    resource_name: str | None = Field(
        default=ABSENT, description="Azure.", serialization_alias="resourceName"
    )
    deployment_name: str | None = Field(default=ABSENT, serialization_alias="deploymentName")
    expires_at: Moment = ABSENT


class VirtualKeyPatch(VirtualKeyContent, Patch):
    """The parts of a virtual key an update may change."""

    selectors = ("workspace_id",)

    name: str = Field(default=ABSENT, min_length=1)


class VirtualKey(Record):
    """A virtual key, without the provider's key."""

    summary_fields = (
        "slug",
        "name",
        "note",
        "provider",
        "status",
        "usage_limits",
        "rate_limits",
        "expires_at",
        "created_at",
    )

    slug: str | None = Field(default=None, description="What configs refer to")
    name: str | None = None
    note: str | None = None
    provider: str | None = Field(default=None, description="The AI provider; in lists only")
    ai_provider_name: str | None = Field(default=None, description="The same, of a single one")
    status: str | None = Field(default=None, description="active or exhausted")
    usage_limits: UsageLimitsRecord | None = None
    rate_limits: list[dict[str, Any]] | None = None
    expires_at: str | None = None


class VirtualKeyPage(Page[VirtualKey]):
    """Virtual keys of a workspace."""

    empty_note = (
        "This workspace has no virtual keys. Credentials of the newer form are providers: see "
        "`list_providers`."
    )


class VirtualKeyRef(Record):
    """A new virtual key's slug."""

    slug: str | None = None

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Accept an answer with or without a `data` envelope."""
        return super().read(unwrapped(raw))

"""Secret references: secrets in a vault of the organisation's own."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Patch, Record
from .core.paging import Paged
from .core.vocabulary import Json, JsonText

SecretReferenceId = Annotated[str, Field(min_length=1, description="Secret reference id or slug.")]
Manager = Literal["aws_sm", "azure_kv", "hashicorp_vault"]


class SecretReferenceFilter(Paged):
    """Which secret references to list."""

    manager_type: Manager = ABSENT
    tags: JsonText = Field(default=ABSENT, description="JSON object to match.")
    search: str = Field(
        default=ABSENT, min_length=1, max_length=255, description="Part of the name."
    )


class SecretReferenceContent(Arguments):
    """The fields of a secret reference that can be set when it is created, and changed later."""

    description: str | None = Field(default=ABSENT, max_length=1024)
    secret_key: str | None = Field(
        default=ABSENT, max_length=255, description="Which field of a secret with several."
    )
    allow_all_workspaces: bool = ABSENT
    allowed_workspaces: list[str] = Field(
        default=ABSENT, min_length=1, description="Ids or slugs; instead of all."
    )
    tags: dict[str, str] | None = Field(default=ABSENT, description="Labels.")

    @model_validator(mode="after")
    def _all_or_some_workspaces(self) -> Self:
        if self.allow_all_workspaces and self.given("allowed_workspaces"):
            raise ValueError("give allow_all_workspaces or allowed_workspaces, not both")
        return self


class SecretReferenceDraft(SecretReferenceContent):
    """A new secret reference."""

    name: str = Field(min_length=1, max_length=255)
    manager_type: Manager
    auth_config: Json = Field(
        description="How Portkey signs in: aws_auth_type, azure_auth_mode or vault_auth_type, and "
        "its fields: aws_role_arn, azure_vault_url, vault_addr…"
    )
    secret_path: str = Field(max_length=1024, description="Path in the vault.")
    organisation_id: str = ABSENT
    slug: str = Field(default=ABSENT, max_length=255, pattern=r"^[a-zA-Z0-9_-]+$")


class SecretReferencePatch(SecretReferenceContent, Patch):
    """The fields of a secret reference that an update may change; the manager stays."""

    name: str = Field(default=ABSENT, min_length=1, max_length=255)
    auth_config: Json = Field(default=ABSENT, description="Merged with the old.")
    secret_path: str = Field(default=ABSENT, max_length=1024, description="Path in the vault.")


class SecretReference(Record):
    """A secret reference; credentials are masked as `masked_<field>`."""

    summary_fields = ("slug", "id", "name", "manager_type", "status", "created_at")

    id: str | None = None
    slug: str | None = None
    name: str | None = None
    manager_type: str | None = None
    secret_path: str | None = None
    status: str | None = None
    auth_config: dict[str, Any] | None = None


class SecretReferenceRef(Record):
    """A new secret reference."""

    id: str | None = None
    slug: str | None = None

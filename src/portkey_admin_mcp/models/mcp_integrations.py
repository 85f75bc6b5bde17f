"""MCP integrations: MCP servers of others, as the organisation knows them."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Patch, Record
from .core.paging import Page, Paged
from .core.vocabulary import InWorkspace, Json, OfOrganisation, WorkspaceId
from .virtual_keys import SecretMapping

McpIntegrationId = Annotated[str, Field(min_length=1, description="MCP integration id or slug.")]


class McpIntegrationFilter(Paged):
    """Which MCP integrations to list."""

    page_size: int = Field(default=ABSENT, ge=1, le=1000)
    workspace_id: WorkspaceId = ABSENT
    organisation_id: str = ABSENT
    type: Literal["workspace", "organisation", "all"] = ABSENT
    search: str = Field(default=ABSENT, description="Part of the name.")


class McpSecretMapping(SecretMapping):
    """A setting that is filled from a secret reference when it is used."""

    target_field: str = Field(min_length=1, description="configurations.<field>.")


class McpIntegrationContent(Arguments):
    """The fields of an MCP integration that can be set when it is created, and changed later."""

    description: str = ABSENT
    custom_headers: dict[str, str] = Field(
        default=ABSENT,
        description="Sent to the server, for auth_type headers.",
        serialization_alias="configurations.custom_headers",
    )
    configurations: Json = Field(default=ABSENT, description="Other settings.")
    secret_mappings: list[McpSecretMapping] = ABSENT

    def wire(self) -> Json:
        """Send the headers beside the other configurations."""
        body = super().wire()
        if len(self.given("custom_headers", "configurations")) > 1:
            headers = {"custom_headers": self.custom_headers}
            body["configurations"] = {**self.configurations, **headers}
        return body


class McpIntegrationDraft(McpIntegrationContent):
    """A new MCP integration."""

    name: str = Field(min_length=1)
    url: str = Field(min_length=1, description="Of the MCP server.")
    auth_type: Literal["oauth_auto", "headers", "none"]
    transport: Literal["http", "sse"]
    slug: str = ABSENT
    workspace_id: InWorkspace = ABSENT
    organisation_id: OfOrganisation = ABSENT


class McpIntegrationPatch(McpIntegrationContent, Patch):
    """The fields of an MCP integration that an update may change."""

    name: str = Field(default=ABSENT, min_length=1)
    url: str = Field(default=ABSENT, min_length=1, description="Of the MCP server.")
    auth_type: Literal["oauth_auto", "headers", "none"] = ABSENT
    transport: Literal["http", "sse"] = ABSENT


class WorkspaceView(Arguments):
    """The form of the list of workspaces."""

    version: str = Field(default=ABSENT, description="Of the answer's form, e.g. v2.")


class WorkspaceAccess(Arguments):
    """Whether one workspace may use it."""

    id: str = Field(min_length=1, description="Workspace id or slug.")
    enabled: bool


class WorkspaceAccesses(Arguments):
    """Which workspaces may use it."""

    workspaces: list[WorkspaceAccess]
    global_workspace_access: Json = Field(
        default=ABSENT, description="{enabled}: for future ones too."
    )
    override_existing_workspace_access: bool = Field(
        default=ABSENT, description="Drop those not named here."
    )

    @model_validator(mode="after")
    def _changes_access(self) -> Self:
        for_all = ("global_workspace_access", "override_existing_workspace_access")
        if not self.workspaces and not self.given(*for_all):
            raise ValueError(f"workspaces is empty: name one, or give {' or '.join(for_all)}")
        return self


class McpIntegration(Record):
    """An MCP server of somebody's, as the organisation knows it."""

    summary_fields = ("slug", "id", "name", "url", "auth_type", "status", "type", "created_at")
    hidden_fields = ("custom_headers",)

    id: str | None = None
    slug: str | None = None
    name: str | None = None
    url: str | None = None
    type: str | None = Field(default=None, description="organisation or workspace")
    auth_type: str | None = None
    transport: str | None = None
    status: str | None = None


class McpIntegrationRef(Record):
    """A new MCP integration."""

    id: str | None = None
    slug: str | None = None


class McpMetadata(Record):
    """What an MCP server says of itself, and when it was last asked."""

    server_name: str | None = None
    server_version: str | None = None
    protocol_version: str | None = None
    sync_status: str | None = None
    sync_error: str | None = None


class McpWorkspaces(Page[dict[str, Any]]):
    """The workspaces that may use an integration."""

    rows_in: ClassVar[str] = "workspaces"

    workspaces: list[dict[str, Any]] | None = None
    global_workspace_access: dict[str, Any] | None = None

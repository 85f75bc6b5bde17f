"""MCP servers: what a workspace makes of an MCP integration, and who may use it."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Patch, Record
from .core.mcp_capabilities import PagedFromOne
from .core.paging import Page, Paged
from .core.vocabulary import InWorkspace, Moment, WorkspaceId

McpServerId = Annotated[str, Field(min_length=1, description="MCP server id or slug.")]
PersonId = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class McpServerFilter(Paged):
    """Which MCP servers to list."""

    workspace_id: InWorkspace = ABSENT
    id: str = Field(default=ABSENT, description="Only this one.")
    search: str = Field(default=ABSENT, description="Part of the name.")


class McpServerDraft(Arguments):
    """A new MCP server."""

    name: str = Field(min_length=1)
    mcp_integration_id: str = Field(min_length=1, description="See `list_mcp_integrations`.")
    slug: str = Field(default=ABSENT, min_length=3, max_length=50)
    description: str = ABSENT
    workspace_id: InWorkspace = ABSENT


class McpServerPatch(Patch):
    """The fields of an MCP server that an update may change."""

    name: str = Field(default=ABSENT, min_length=1)
    description: str = ABSENT


class UserAccessFilter(PagedFromOne):
    """Which people to list."""

    search: str = Field(default=ABSENT, description="Part of a name.")


class UserAccess(Arguments):
    """Whether one person may use it."""

    user_id: PersonId
    enabled: bool


class UserAccesses(Arguments):
    """Who may use it."""

    users: list[UserAccess] = Field(default=ABSENT, min_length=1, serialization_alias="user_access")
    default_user_access: Literal["allow", "deny"] = Field(
        default=ABSENT, description="For everybody not named."
    )

    @model_validator(mode="after")
    def _changes_access(self) -> Self:
        if not self.given("users", "default_user_access"):
            raise ValueError("give users, default_user_access or both")
        return self


class ConnectionOwner(Arguments):
    """The user and the workspace whose connection is meant."""

    user_id: PersonId = ABSENT
    workspace_id: WorkspaceId = ABSENT


class ConnectionFilter(ConnectionOwner, Paged):
    """Which connections to list."""

    page_size: int = Field(default=ABSENT, ge=1, le=500)


class RegistryFilter(Arguments):
    """Which servers of the registry to list."""

    cursor: str = Field(default=ABSENT, description="`nextCursor` of the page before.")
    limit: int = Field(default=ABSENT, ge=1, le=100)
    search: str = Field(default=ABSENT, description="Part of the name.")
    updated_since: Moment = ABSENT
    workspace_id: WorkspaceId = ABSENT


class McpServer(Record):
    """An MCP server in a workspace."""

    summary_fields = (
        "slug",
        "id",
        "name",
        "mcp_integration_slug",
        "workspace_slug",
        "url",
        "auth_type",
        "status",
        "created_at",
    )

    id: str | None = None
    slug: str | None = None
    name: str | None = None
    status: str | None = None
    workspace_id: str | None = None
    mcp_integration_id: str | None = None
    url: str | None = Field(default=None, description="Where clients connect")


class McpServerRef(Record):
    """A new MCP server."""

    id: str | None = None
    slug: str | None = None


class Person(Record):
    """A person and whether they may use an MCP server."""

    user_id: str | None = None
    enabled: bool | None = None
    has_override: bool | None = Field(default=None, description="Named, not by default")


class PersonPage(Page[Person]):
    """People, and what holds for those not named."""

    default_user_access: str | None = Field(default=None, description="allow or deny")


class Connection(Record):
    """A person's sign-in at the MCP server."""

    user_id: str | None = None
    connected: bool | None = None


class AccessCheck(Record):
    """Whether this key's user may use it."""

    has_access: bool | None = None


class Registry(Record):
    """Approved MCP servers in the form of the MCP registry."""

    servers: list[dict[str, Any]] | None = None
    metadata: dict[str, Any] | None = Field(default=None, description="nextCursor, count")

"""Words every domain shares: named argument types, each described exactly once."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .base import ABSENT, Arguments

WorkspaceId = Annotated[str, Field(min_length=1, description="Id or slug.")]
InWorkspace = Annotated[
    str, Field(min_length=1, description="Id or slug; admin keys must name it.")
]
WorkspaceSlug = Annotated[str, Field(description="Workspace slug.")]
UserId = Annotated[str, Field(min_length=1, description="See `list_all_users`.")]
InviteId = Annotated[str, Field(min_length=1, description="See `list_user_invites`.")]
ConfigSlug = Annotated[str, Field(min_length=1, description="`pc-…`")]
ApiKeyId = Annotated[
    str,
    Field(min_length=1, description="See `list_api_keys`.", json_schema_extra={"format": "uuid"}),
]
VirtualKeySlug = Annotated[str, Field(min_length=1, description="See `list_virtual_keys`.")]

WorkspaceRole = Literal["admin", "member", "manager"]

CurrentPage = Annotated[int, Field(ge=0, description="From 0.")]
PageSize = Annotated[int, Field(ge=1, le=100)]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", json_schema_extra={"format": "email"})]
Moment = Annotated[
    str,
    Field(pattern=r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d", json_schema_extra={"format": "date-time"}),
]
"""ISO 8601; UTC unless it names an offset. The schema says so as `format: date-time`."""
Metadata = Annotated[dict[str, str], Field(description="Default request metadata.")]
Json = dict[str, Any]


class Where(Arguments):
    """The workspace that something is in, where its own id does not say so."""

    workspace_id: InWorkspace = ABSENT

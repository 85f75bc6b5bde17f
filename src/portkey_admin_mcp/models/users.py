"""People of the organisation, and invitations to join it."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Record, Unsent
from .core.paging import Paged
from .core.vocabulary import CurrentPage, Email, PageSize, WorkspaceRole

Role = Literal["admin", "member"]
Ignored = Annotated[str, Unsent.IGNORED, Field(description="Ignored.")]


class UserPaging(Paged):
    """Which page to read; Portkey wants camel case for users and invitations only."""

    current_page: Annotated[CurrentPage, Field(serialization_alias="currentPage")] = ABSENT
    page_size: Annotated[PageSize, Field(serialization_alias="pageSize")] = ABSENT


class UserFilter(UserPaging):
    """Which users to list."""

    role: Literal["admin", "member", "owner"] = ABSENT
    email: Email = ABSENT


class UserPatch(Arguments):
    """The fields of a user that an update may change: the role. Names belong to the person."""

    role: Role = ABSENT
    first_name: Ignored = ABSENT
    last_name: Ignored = ABSENT

    @model_validator(mode="after")
    def _has_role(self) -> Self:
        if not self.given("role"):
            raise ValueError("give role: an update of a user can change no other field")
        return self


class WorkspaceGrant(Arguments):
    """A workspace a new person joins."""

    id: str = Field(description="Workspace slug.")
    role: WorkspaceRole


class InviteApiKey(Arguments):
    """The API key made for a new person in each workspace."""

    scopes: list[str]
    name: Ignored = ABSENT
    expiry: Ignored = ABSENT
    metadata: Annotated[dict[str, str], Unsent.IGNORED] = Field(
        default=ABSENT, description="Ignored."
    )


class InviteDraft(Arguments):
    """An invitation."""

    email: Email
    role: Role
    workspaces: list[WorkspaceGrant] = ABSENT
    workspace_api_key_details: InviteApiKey = Field(
        default=ABSENT, description="A key made on joining."
    )
    first_name: Ignored = ABSENT
    last_name: Ignored = ABSENT

    def wire(self) -> dict[str, Any]:
        """Send a list of workspaces, which Portkey requires even if it is empty."""
        return {"workspaces": [], **super().wire()}


class InviteFilter(UserPaging):
    """Which invitations to list."""

    role: Role = ABSENT
    email: Email = ABSENT
    status: Literal["pending", "cancelled", "accepted", "expired"] = ABSENT


class User(Record):
    """A person; `workspace_ids` holds workspace slugs."""

    summary_fields = ("id", "email", "first_name", "last_name", "role", "created_at")

    id: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    role: str | None = Field(default=None, description="owner, admin or member")
    workspace_ids: list[str] | None = Field(default=None, description="Workspace slugs")


class Invite(Record):
    """An invitation."""

    summary_fields = ("id", "email", "role", "status", "invited_by", "expires_at")

    id: str | None = None
    email: str | None = None
    role: str | None = None
    status: str | None = Field(default=None, description="pending, cancelled, accepted or expired")
    expires_at: str | None = None
    invited_by: str | None = Field(default=None, description="User id")


class InviteRef(Record):
    """A new invitation and the link to accept it."""

    id: str | None = None
    invite_link: str | None = None


class InviteLink(Record):
    """The link of an invitation that was sent again."""

    invite_link: str | None = Field(default=None, alias="inviteLink")

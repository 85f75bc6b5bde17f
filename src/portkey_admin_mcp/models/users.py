"""People of the organisation, invitations to join it, and what they spend."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from .base import ABSENT, Arguments, Record
from .paging import Paged
from .vocabulary import (
    Csv,
    CurrentPage,
    Email,
    JsonText,
    Moment,
    Number,
    PageSize,
    WorkspaceRole,
    WorkspaceSlug,
)

Role = Literal["admin", "member"]
Unsent = Annotated[str, Field(exclude=True, description="Ignored by Portkey.")]
Units = Annotated[int, Field(ge=0, description="Tokens.")]
Cents = Annotated[Number, Field(ge=0, description="Cents.")]
Score = Annotated[Number, Field(ge=-10, le=10)]


class UserPaging(Paged):
    """Which page; Portkey spells this in camel case for users and invitations only."""

    current_page: Annotated[CurrentPage, Field(serialization_alias="currentPage")] = ABSENT
    page_size: Annotated[PageSize, Field(serialization_alias="pageSize")] = ABSENT


class UserFilter(UserPaging):
    """Which users to list."""

    role: Literal["admin", "member", "owner"] = ABSENT
    email: Email = ABSENT


class UserPatch(Arguments):
    """What may change of a user: the role. Names belong to the person."""

    role: Role = ABSENT
    first_name: Unsent = ABSENT
    last_name: Unsent = ABSENT

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.given("role"):
            raise ValueError("give role: it is all that can change of a user")
        return self


class WorkspaceGrant(Arguments):
    """A workspace a new person joins."""

    id: str = Field(description="Workspace slug.")
    role: WorkspaceRole


class InviteApiKey(Arguments):
    """The API key made for a new person in each workspace."""

    scopes: list[str]
    name: Unsent = ABSENT
    expiry: Unsent = ABSENT
    metadata: dict[str, str] = Field(ABSENT, exclude=True, description="Ignored by Portkey.")


class InviteDraft(Arguments):
    """An invitation."""

    email: Email
    role: Role
    workspaces: list[WorkspaceGrant] = Field(ABSENT, description="Workspaces to join.")
    workspace_api_key_details: InviteApiKey = Field(ABSENT, description="A key made on joining.")
    first_name: Unsent = ABSENT
    last_name: Unsent = ABSENT

    def wire(self) -> dict[str, Any]:
        """Portkey requires the list of workspaces, even an empty one."""
        return {"workspaces": [], **super().wire()}


class InviteFilter(UserPaging):
    """Which invitations to list."""

    role: Role = ABSENT
    email: Email = ABSENT
    status: Literal["pending", "cancelled", "accepted", "expired"] = ABSENT


class UserStatsFilter(Paged):
    """Which requests to count, and how the list of users is paged."""

    time_of_generation_min: Moment
    time_of_generation_max: Moment
    workspace_slug: WorkspaceSlug = ABSENT
    total_units_min: Units = ABSENT
    total_units_max: Units = ABSENT
    cost_min: Cents = ABSENT
    cost_max: Cents = ABSENT
    prompt_token_min: int = Field(ABSENT, ge=0)
    prompt_token_max: int = Field(ABSENT, ge=0)
    completion_token_min: int = Field(ABSENT, ge=0)
    completion_token_max: int = Field(ABSENT, ge=0)
    status_code: Csv = ABSENT
    weighted_feedback_min: Score = ABSENT
    weighted_feedback_max: Score = ABSENT
    virtual_keys: Csv = ABSENT
    configs: Csv = ABSENT
    api_key_ids: Csv = ABSENT
    metadata: JsonText = Field(ABSENT, description='JSON object, e.g. {"team":"x"}.')
    ai_org_model: str = Field(ABSENT, description="`openai__gpt-4o,…`")
    trace_id: Csv = ABSENT
    span_id: Csv = ABSENT
    prompt_slug: Csv = ABSENT


class User(Record):
    """A person; `workspace_ids` holds workspace slugs."""

    id: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    role: str | None = Field(None, description="owner, admin or member")
    workspace_ids: list[str] | None = Field(None, description="Workspace slugs")


class Invite(Record):
    """An invitation."""

    id: str | None = None
    email: str | None = None
    role: str | None = None
    status: str | None = Field(None, description="pending, cancelled, accepted or expired")
    expires_at: str | None = None
    invited_by: str | None = Field(None, description="User id")


class InviteRef(Record):
    """A new invitation and the link to accept it."""

    id: str | None = None
    invite_link: str | None = None


class InviteLink(Record):
    """The link of an invitation that was sent again."""

    invite_link: str | None = Field(None, alias="inviteLink")


class UserStats(Record):
    """What one user did."""

    user: str | None = None
    requests: float | str | None = None
    cost: float | str | None = Field(None, description="Cents")

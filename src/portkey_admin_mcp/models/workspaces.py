"""Workspaces and their members."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .core.base import ABSENT, Arguments, Patch, Record
from .core.icons import without_icon
from .core.limits import RateLimit, UsageLimits, UsageLimitsRecord
from .core.paging import Paged
from .core.vocabulary import Email, Metadata, WorkspaceRole

Budgets = Annotated[list[UsageLimits], Field(description="Budgets.")]
Guardrails = Annotated[list[str], Field(description="Guardrail slugs.")]
IsDefault = Annotated[int, Field(ge=0, le=1, serialization_alias="defaults.is_default")]


class WorkspaceFilter(Paged):
    """Which workspaces to list."""

    name: str = Field(default=ABSENT, description="Part of the name; case counts.")
    exact_name: str = Field(default=ABSENT, description="Whole name.")
    status: Literal["active", "archived"] = ABSENT
    name_format: Literal["plain", "display"] = Field(
        default=ABSENT, description="Plain has no icon."
    )

    def wire(self) -> dict[str, Any]:
        """Send names without the icon with which answers show them: Portkey compares the rest."""
        filters = super().wire()
        names = {n: without_icon(filters[n]) for n in ("name", "exact_name") if n in filters}
        return filters | names


class WorkspaceContent(Arguments):
    """The fields of a workspace that can be set when it is created, and changed later."""

    slug: str = ABSENT
    description: str = ABSENT
    icon: str = Field(default=ABSENT, description="An emoji.")
    is_default: IsDefault = ABSENT
    metadata: Annotated[Metadata, Field(serialization_alias="defaults.metadata")] = ABSENT


class WorkspaceDraft(WorkspaceContent):
    """A new workspace."""

    name: str = Field(min_length=1)
    users: list[str] = Field(default=ABSENT, description="User ids to add.")
    usage_limits: Budgets = ABSENT
    rate_limits: list[RateLimit] = ABSENT


class WorkspacePatch(WorkspaceContent, Patch):
    """The parts of a workspace an update may change; null clears."""

    name: str = Field(default=ABSENT, min_length=1)
    input_guardrails: Annotated[
        Guardrails, Field(serialization_alias="defaults.input_guardrails")
    ] = ABSENT
    output_guardrails: Annotated[
        Guardrails, Field(serialization_alias="defaults.output_guardrails")
    ] = ABSENT
    user_api_key_config: str | None = Field(
        default=ABSENT,
        serialization_alias="defaults.user_api_key_config",
        description="Config slug that new user keys get.",
    )
    usage_limits: Budgets | None = ABSENT
    rate_limits: list[RateLimit] | None = ABSENT


class WorkspaceDeletion(Arguments):
    """What Portkey requires to delete a workspace: its name, as a confirmation."""

    sent_in = "body"

    name: str
    force_delete: bool = ABSENT


class MemberFilter(Paged):
    """Which members to list."""

    role: WorkspaceRole = ABSENT
    email: Email = ABSENT


class MemberDraft(Arguments):
    """A user who joins a workspace."""

    user_id: str = Field(
        min_length=1, description="See `list_all_users`.", json_schema_extra={"format": "uuid"}
    )
    role: WorkspaceRole

    def wire(self) -> dict[str, Any]:
        """Send a list of one user: Portkey adds several at once."""
        return {"users": [{"id": self.user_id, "role": self.role}]}


class MemberPatch(Arguments):
    """A member's role."""

    role: WorkspaceRole


class Member(Record):
    """A user in a workspace."""

    summary_fields = ("id", "email", "first_name", "last_name", "role", "org_role", "status")

    id: str | None = Field(default=None, description="User id")
    email: str | None = None
    role: str | None = Field(default=None, description="In the workspace: admin, manager or member")
    org_role: str | None = Field(default=None, description="In the organisation")
    status: str | None = None


class Workspace(Record):
    """A workspace; `get_workspace` adds its members."""

    summary_fields = (
        "slug",
        "id",
        "name",
        "description",
        "status",
        "usage_limits",
        "rate_limits",
        "created_at",
    )

    id: str | None = Field(default=None, description="UUID")
    slug: str | None = Field(default=None, description="`ws-…`; taken wherever the id is")
    name: str | None = None
    icon: str | None = None
    description: str | None = None
    defaults: dict[str, Any] | None = Field(
        default=None, description="metadata, guardrails, config"
    )
    usage_limits: list[UsageLimitsRecord] | None = None
    security_settings: dict[str, Any] | None = Field(
        default=None, description="`update_workspace_security_settings` changes them"
    )
    users: list[Member] | None = None

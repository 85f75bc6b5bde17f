"""SCIM: groups of an identity provider, mapped to workspaces."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Record
from .core.paging import Page, PagedByPage
from .core.vocabulary import WorkspaceId, WorkspaceRole

MappingId = Annotated[str, Field(min_length=1, description="See `list_scim_workspace_mappings`.")]


class MappingFilter(PagedByPage):
    """Which mappings to list."""

    workspace_id: WorkspaceId = ABSENT
    scim_group_id: str = Field(default=ABSENT, description="See `list_scim_groups`.")
    role: WorkspaceRole = ABSENT


class GroupFilter(PagedByPage):
    """Which groups to list."""

    search: str = Field(default=ABSENT, description="Part of the name.")


class MappingDraft(Arguments):
    """A new mapping."""

    workspace_id: WorkspaceId
    role: WorkspaceRole
    scim_group_id: str = Field(default=ABSENT, min_length=1, description="See `list_scim_groups`.")
    scim_group_name: str = Field(default=ABSENT, min_length=1, description="Made if there is none.")

    @model_validator(mode="after")
    def _one_group(self) -> Self:
        if len(self.given("scim_group_id", "scim_group_name")) != 1:
            raise ValueError("give scim_group_id or scim_group_name, one of them")
        return self


class Mapping(Record):
    """A group whose people have a role in a workspace."""

    id: str | None = None
    workspace_id: str | None = None
    scim_group: str | None = Field(default=None, description="The group's name")
    scim_group_id: str | None = None
    role: str | None = None


class MappingPage(Page[Mapping]):
    """Mappings, under the name Portkey gives their list."""

    rows_in: ClassVar[str] = "mappings"

    mappings: list[Mapping] = []
    total_count: int | None = None


class ScimGroup(Record):
    """A group of the identity provider."""

    id: str | None = None
    name: str | None = None

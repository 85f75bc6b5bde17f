"""Collections: folders of prompts in a workspace."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from .core.base import ABSENT, Arguments, Record, Unsent
from .core.paging import Paged
from .core.vocabulary import InWorkspace

CollectionId = Annotated[str, Field(min_length=1, description="See `list_collections`.")]


class CollectionFilter(Paged):
    """Which collections to list."""

    workspace_id: InWorkspace = ABSENT
    search: str = Field(default=ABSENT, description="Part of the name.")


class CollectionDraft(Arguments):
    """A new collection."""

    name: str = Field(min_length=1)
    workspace_id: InWorkspace = ABSENT
    parent_collection_id: str = Field(
        default=ABSENT, description="To nest it in another collection."
    )


class CollectionPatch(Arguments):
    """The fields of a collection that an update may change: its name."""

    name: str = Field(default=ABSENT, min_length=1)
    description: Annotated[str, Unsent.IGNORED] = Field(
        default=ABSENT, description="Ignored by Portkey."
    )

    @model_validator(mode="after")
    def _has_name(self) -> Self:
        if not self.given("name"):
            raise ValueError("give name: an update of a collection can change no other field")
        return self


class Collection(Record):
    """A collection; `get_collection` adds the collections inside it."""

    summary_fields = ("id", "slug", "name", "parent_collection_id", "is_default")

    id: str | None = None
    slug: str | None = Field(default=None, description="`co-…`")
    name: str | None = None
    workspace_id: str | None = None
    parent_collection_id: str | None = None
    is_default: int | bool | None = Field(default=None, description="The workspace's own; stays")


class CollectionRef(Record):
    """A new collection."""

    id: str | None = None
    slug: str | None = None

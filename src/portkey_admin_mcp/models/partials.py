"""Partials: pieces of text that prompts share, included as `{{>slug}}`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .core.base import ABSENT, Arguments, Patch, Record
from .core.vocabulary import InWorkspace, VersionName

PartialId = Annotated[str, Field(min_length=1, description="Partial id or slug.")]
Text = Annotated[str, Field(min_length=1, description="Mustache text.")]


class PartialFilter(Arguments):
    """Which partials to list; there is no paging."""

    collection_id: str = Field(default=ABSENT, description="Only of this collection.")
    workspace_id: InWorkspace = ABSENT


class PartialDraft(Arguments):
    """A new partial."""

    name: str = Field(min_length=1)
    string: Text
    workspace_id: InWorkspace = ABSENT
    version_description: str = Field(default=ABSENT, description="Of the first version.")


class PartialPatch(Patch):
    """The fields of a partial that an update may change; a new `string` makes a version."""

    name: str = Field(default=ABSENT, min_length=1)
    string: Text = ABSENT
    description: str = Field(default=ABSENT, description="Of the new version.")
    status: Literal["active", "archived"] = ABSENT

    def wire(self) -> dict[str, Any]:
        """Send the description under both names: Portkey has changed which one it keeps."""
        body = super().wire()
        if "description" in body:
            body["version_description"] = body["description"]
        return body


class Publication(Arguments):
    """The version to publish."""

    version: VersionName


class Partial(Record):
    """A partial in its published version."""

    summary_fields = ("slug", "id", "name", "collection_id", "status", "created_at")

    id: str | None = None
    slug: str | None = Field(default=None, description="What prompts include")
    name: str | None = None
    string: str | None = None
    version: int | None = None
    status: str | None = None


class PartialVersion(Record):
    """One version of a partial."""

    summary_fields = (
        "version",
        "prompt_partial_version_id",
        "description",
        "string",
        "prompt_version_status",
        "created_at",
    )

    version: int | str | None = None
    prompt_partial_version_id: str | None = None
    string: str | None = None
    description: str | None = None
    prompt_version_status: str | None = Field(
        default=None, description="active: published; or archived"
    )


class PartialRef(Record):
    """A written partial and its new version."""

    id: str | None = None
    slug: str | None = None
    version_id: str | None = None
    prompt_partial_version_id: str | None = None
    version: int | None = Field(default=None, description="The version's number")

"""Labels: names for versions of prompts, such as production."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from .core.base import ABSENT, Arguments, Patch, Record
from .core.paging import Paged
from .core.vocabulary import InWorkspace, OfOrganisation

LabelId = Annotated[str, Field(min_length=1, description="See `list_prompt_labels`.")]
Color = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
NAME = re.compile(r"^(?!latest$)(?!default$)(?!\d+$)[a-zA-Z0-9_-]*[^@\s]?[a-zA-Z0-9_-]*$")
"""What Portkey's OpenAPI file allows."""


def _check_name(name: str) -> str:
    if not NAME.match(name):
        raise ValueError(
            "choose a name without spaces or @ that is not latest, default or a number"
        )
    return name


Name = Annotated[
    str,
    Field(min_length=1, description="Not latest, default or a number."),
    AfterValidator(_check_name),
]


class LabelOwner(Arguments):
    """The workspace or organisation that a label is valid in."""

    organisation_id: OfOrganisation = ABSENT
    workspace_id: InWorkspace = ABSENT


class LabelFilter(LabelOwner, Paged):
    """Which labels to list."""

    search: str = Field(default=ABSENT, description="Part of the name.")


class LabelDraft(LabelOwner):
    """A new label."""

    name: Name
    description: str = ABSENT
    color_code: Color = ABSENT

    @model_validator(mode="after")
    def _has_an_owner(self) -> Self:
        if not self.given("organisation_id", "workspace_id"):
            raise ValueError("give workspace_id, or organisation_id for the whole organisation")
        return self


class LabelPatch(Patch):
    """The fields of a label that an update may change."""

    name: Name = ABSENT
    description: str = ABSENT
    color_code: Color = ABSENT


class Label(Record):
    """A label."""

    summary_fields = ("id", "name", "description", "is_universal", "status")

    id: str | None = None
    name: str | None = None
    description: str | None = None
    color_code: str | None = Field(default=None, description="#rrggbb")
    workspace_id: str | None = None
    is_universal: bool | int | None = Field(default=None, description="Built in: cannot be deleted")


class LabelRef(Record):
    """A new label."""

    id: str | None = None

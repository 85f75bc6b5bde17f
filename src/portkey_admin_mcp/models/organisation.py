"""The organisation's own guardrails, and the workspaces left out of them."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from .core.base import ABSENT, Arguments, Record

OrganisationId = Annotated[
    str, Field(min_length=1, description="UUID: `list_api_keys` with fields organisation_id.")
]


def _slug(guardrail: Any) -> Any:
    """Accept an object with a slug or an id, the form in which the defaults are read."""
    if not isinstance(guardrail, dict):
        return guardrail
    return guardrail.get("slug") or guardrail.get("id") or guardrail


Slugs = Annotated[
    list[Annotated[str, BeforeValidator(_slug)]],
    Field(description="Guardrail slugs; [] for none."),
]


class OrganisationDefaults(Arguments):
    """The guardrails that every workspace gets."""

    input_guardrails: Slugs = ABSENT
    output_guardrails: Slugs = ABSENT

    @model_validator(mode="after")
    def _has_guardrails(self) -> Self:
        if not self.given("input_guardrails", "output_guardrails"):
            raise ValueError("give input_guardrails, output_guardrails or both")
        return self


class Exclusion(Arguments):
    """Whether one workspace is excluded."""

    workspace_id: str = Field(min_length=1, description="UUID.")
    excluded: bool


class ExclusionOwner(Arguments):
    """The organisation whose exclusions are meant."""

    organisation_id: OrganisationId


class Exclusions(ExclusionOwner):
    """Which workspaces are excluded."""

    workspaces: list[Exclusion] = Field(min_length=1)
    override_existing: bool = Field(default=ABSENT, description="Drop those not named here.")


class DefaultGuardrails(Record):
    """The guardrails that every workspace gets, each with id and slug."""

    input_guardrails: list[dict[str, Any]] | None = None
    output_guardrails: list[dict[str, Any]] | None = None


class ExclusionList(Record):
    """The workspaces that are left out."""

    data: list[dict[str, Any]] | None = None

"""What usage limits and rate limits share: which requests they count, and for whom."""

from typing import Annotated

from pydantic import Field

from .base import ABSENT, Arguments
from .vocabulary import InWorkspace

PolicyId = Annotated[str, Field(min_length=1, description="Policy UUID.")]


class Condition(Arguments):
    """Which requests a policy counts. Values may be one, several (any of them), or `*`."""

    key: str = Field(
        min_length=1,
        description="api_key, virtual_key, provider, config, prompt, model, metadata.<name>…",
    )
    value: str | list[str]
    excludes: str | list[str] = ABSENT


class Group(Arguments):
    """A field of the request; each of its values gets a limit of its own."""

    key: str = Field(min_length=1, description="As in conditions, or workspace_id.")


Conditions = Annotated[list[Condition], Field(min_length=1, description="All must hold.")]
GroupBy = Annotated[list[Group], Field(min_length=1, description="One limit for each value.")]


class PolicyOwner(Arguments):
    """The workspace or organisation that a policy is valid in."""

    workspace_id: InWorkspace = ABSENT
    organisation_id: str = ABSENT

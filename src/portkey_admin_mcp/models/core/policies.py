"""What usage limits and rate limits share: which requests they count, and for whom."""

import json
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from .base import ABSENT, Arguments
from .vocabulary import InWorkspace

PolicyId = Annotated[str, Field(min_length=1, description="Policy UUID.")]


class Condition(Arguments):
    """Which requests a policy counts. Values may be one, several (any of them), or `*`."""

    key: str = Field(
        min_length=1,
        description="api_key, virtual_key, provider, config, prompt, model, workspace_id, "
        "metadata.<name> (metadata._user: user).",
    )
    value: str | list[str] = Field(description="Id or slug, several, or *.")
    excludes: str | list[str] = ABSENT


class Group(Arguments):
    """A field of the request; each of its values gets a limit of its own."""

    key: str = Field(min_length=1, description="As in conditions.")


EVERYTHING = [{"key": "api_key", "value": "*"}]
"""The conditions of a policy for every request of its workspace."""


def _not_empty(value: Any) -> Any:
    """Refuse no conditions with what to give for all requests."""
    if isinstance(value, list) and not value:
        raise ValueError(f"give at least one; for every request: {json.dumps(EVERYTHING)}")
    return value


Conditions = Annotated[
    list[Condition],
    BeforeValidator(_not_empty),
    Field(min_length=1, description="All must hold. For every request: api_key *."),
]
GroupBy = Annotated[list[Group], Field(min_length=1, description="One limit for each value.")]


class PolicyOwner(Arguments):
    """The workspace or organisation that a policy is valid in."""

    workspace_id: InWorkspace = ABSENT
    organisation_id: str = ABSENT

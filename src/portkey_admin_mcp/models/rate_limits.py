"""Rate limits: the most requests or tokens in a period, for requests that meet conditions."""

from typing import Any, Literal

from pydantic import Field

from .core.base import ABSENT, Arguments, Patch, Record
from .core.paging import Paged
from .core.policies import Conditions, GroupBy, PolicyOwner
from .core.vocabulary import InWorkspace, Number

Type = Literal["requests", "tokens"]
Unit = Literal["rpm", "rph", "rpd", "rpw"]
Target = Literal["llm", "mcp_tools"]


class RateLimitFilter(Paged):
    """Which rate limits to list."""

    workspace_id: InWorkspace = ABSENT
    status: Literal["active", "archived"] = ABSENT
    type: Type = ABSENT
    unit: Unit = ABSENT
    target: Target = ABSENT


class RateLimitView(Arguments):
    """Whether to read an archived rate limit."""

    status: Literal["active", "archived"] = ABSENT


class RateLimitDraft(PolicyOwner):
    """A new rate limit."""

    conditions: Conditions
    group_by: GroupBy
    type: Type
    unit: Unit
    value: Number = Field(ge=0)
    name: str = ABSENT
    target: Target = ABSENT


class RateLimitPatch(Patch):
    """The fields of a rate limit that an update may change; type, groups and target stay."""

    name: str = ABSENT
    unit: Unit = ABSENT
    value: Number = Field(default=ABSENT, ge=0)
    conditions: Conditions = ABSENT


class RateLimitRecord(Record):
    """A rate limit."""

    summary_fields = (
        "id",
        "name",
        "type",
        "unit",
        "value",
        "target",
        "conditions",
        "group_by",
        "status",
        "workspace_id",
    )

    id: str | None = None
    name: str | None = None
    type: str | None = None
    unit: str | None = Field(default=None, description="rpm, rph, rpd or rpw")
    value: float | None = None
    conditions: list[dict[str, Any]] | None = None
    group_by: list[dict[str, Any]] | None = None
    status: str | None = None

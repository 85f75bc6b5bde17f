"""Analytics: which requests to count, and their figures. Costs are in cents, times in ms."""

from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from .core.base import ABSENT, Arguments, Record
from .core.findings import Findings
from .core.paging import Paged
from .core.vocabulary import (
    CommaSeparated,
    Csv,
    Json,
    JsonObjectText,
    Moment,
    OneWorkspace,
    RequestRanges,
    check_order,
)

MetadataKey = Annotated[str, Field(min_length=1, description="E.g. team, _user.")]
GroupBy = Annotated[
    Literal[
        "ai_service", "model", "provider", "status_code", "api_key", "config", "workspace", "prompt"
    ],
    Field(description="ai_service: openai…; provider: its slug. Names the rows' field."),
]
CountedWorkspace = Annotated[
    str, OneWorkspace(unless=(("group_by", "workspace"),)), Field(min_length=1)
]
Column = Literal[
    "requests",
    "cost",
    "total_tokens",
    "avg_tokens",
    "avg_input_tokens",
    "avg_output_tokens",
    "avg_latency",
    "p95_latency",
    "p99_latency",
    "success_rate",
    "error_count",
    "cache_hit_rate",
    "last_seen",
    "first_seen",
]


def _also(name: str, other: str) -> AliasChoices:
    """Both names of an argument: the TypeScript server has a second one for lists."""
    return AliasChoices(name, other)


MAX_SHOWN_POINTS = 6
"""Points of minutes or hours that are shown without being asked for."""


class AnalyticsFilter(RequestRanges):
    """Which requests to count: those that match all given filters.

    A filter of several values may be a list, although Portkey wants values with commas, and
    `metadata` may be an object.
    """

    time_of_generation_min: Moment
    time_of_generation_max: Moment
    workspace_slug: CountedWorkspace = ABSENT
    status_code: Csv = Field(default=ABSENT, validation_alias=_also("status_code", "status_codes"))
    virtual_keys: CommaSeparated = Field(
        default=ABSENT, validation_alias=_also("virtual_keys", "virtual_key_slugs")
    )
    configs: CommaSeparated = Field(
        default=ABSENT, validation_alias=_also("configs", "config_slugs")
    )
    api_key_ids: CommaSeparated = ABSENT
    metadata: JsonObjectText = Field(
        default=ABSENT,
        description='{"team":"x"}',
        validation_alias=_also("metadata", "metadata_filter"),
    )
    ai_org_model: Csv = Field(
        default=ABSENT,
        description="openai__gpt-4o,…",
        validation_alias=_also("ai_org_model", "provider_models"),
    )
    trace_id: Csv = Field(default=ABSENT, validation_alias=_also("trace_id", "trace_ids"))
    span_id: Csv = Field(default=ABSENT, validation_alias=_also("span_id", "span_ids"))
    prompt_slug: Csv = ABSENT


class AllWorkspacesFilter(AnalyticsFilter):
    """The same for a figure of each workspace: without one, all are counted."""

    workspace_slug: str = Field(default=ABSENT, min_length=1)


CostDimension = Literal["model", "api_key", "workspace", "person"]


class CostQuestion(Arguments):
    """Two periods whose costs to compare, and by what; the end of a period is not in it."""

    by: CostDimension = Field(default=ABSENT, description="More of one; default: top of each.")
    workspace_slug: str = Field(default=ABSENT, min_length=1, description="Default: all.")
    start_time: Moment = Field(default=ABSENT, description="Default: the last 7 whole days.")
    end_time: Moment = ABSENT
    compare_start_time: Moment = Field(default=ABSENT, description="Default: as long, just before.")
    compare_end_time: Moment = ABSENT

    @model_validator(mode="after")
    def _times_are_in_order(self) -> Self:
        check_order(self, "start_time", "end_time")
        check_order(self, "compare_start_time", "compare_end_time")
        return self


class AnalyticsColumns(Paged):
    """The columns of each group, and their order."""

    columns: list[Column] = Field(default=ABSENT, description="Per group; default: requests.")
    order_by: Column = ABSENT
    order_by_type: Literal["asc", "desc"] = ABSENT
    include_total: bool = Field(default=ABSENT, description="Count all groups.")


class Graph(Record):
    """A figure over time: in all, and for each bucket in which there was something."""

    rows_in = "data_points"

    summary: Json | None = None
    data_points: list[Json] = []

    def brief(self) -> dict[str, Any]:
        """Show the largest points only, if they are shorter than a day and there is a total."""
        answer = self.answer()
        points = answer.get("data_points")
        if not answer.get("summary") or not isinstance(points, list):
            return answer
        if len(points) <= MAX_SHOWN_POINTS or not _are_within_days(points):
            return answer
        largest = sorted(points, key=_size, reverse=True)[:MAX_SHOWN_POINTS]
        return {
            **answer,
            "data_points": [point for point in points if point in largest],
            "more_points": f"The largest {MAX_SHOWN_POINTS} of {len(points)} points are shown; "
            "`format: csv` shows all.",
        }


def _are_within_days(points: list[Any]) -> bool:
    """Whether any two points are less than a day apart."""
    days = [str(p.get("timestamp", ""))[:10] for p in points if isinstance(p, dict)]
    return len(days) == len(points) and all(days) and len({*days}) < len(days)


def _size(point: Json) -> float:
    """The first figure of a point; for a list of counts, their sum."""
    for value in point.values():
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, list):
            counts = [each.get("count") for each in value if isinstance(each, dict)]
            return sum(float(count) for count in counts if isinstance(count, int | float))
    return 0.0


class CacheSummary(Record):
    """What the cache did: hits, average latency in ms, speedup in percent."""

    summary: Json | None = None


class UserGroup(Record):
    """What one user did."""

    user: str | None = None
    requests: float | str | None = None
    cost: float | str | None = Field(default=None, description="Cents")


class AnalyticsGroup(Record):
    """What one group of requests came to; the group's own field is called as it was asked for."""

    requests: Any = None
    cost: Any = Field(default=None, description="Cents")


class CostExplanation(Findings):
    """What a cost changed by between two periods, in USD; each list adds up to the difference."""

    before: Json | None = None
    after: Json | None = None
    difference: float | None = Field(default=None, description="USD")
    effects: Json | None = Field(default=None, description="USD; they add up to the difference")
    spikes: Any = Field(default=None, description="Days that cost far more than others")

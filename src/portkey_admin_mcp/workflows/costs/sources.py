"""What requests cost in a period, read from analytics: by workspace, and by what in each of them.

Portkey counts one workspace at a time, except by workspace, so that each is read for itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

from ...tools.analytics import (
    get_analytics_group,
    get_analytics_group_users,
    get_cost_analytics,
    get_request_analytics,
)
from ..shared.reads import Reads, all_of
from ..shared.rows import Row, Rows, exact
from ..shared.timestamps import utc_timestamp
from .effects import NOTHING, Use

COST_READS = (get_analytics_group_users, get_cost_analytics, get_request_analytics)
"""What is read beside groups."""
COLUMNS: Mapping[str, Any] = {"columns": ["requests", "cost", "total_tokens"], "order_by": "cost"}
PERSON = "person"
DIMENSIONS = ("model", "api_key", PERSON)
"""What is read in each workspace."""
SOURCES = {"model": "model", "api_key": "api_key"}
"""The dimensions that are groups of `get_analytics_group`, in a workspace."""
NAMELESS = {
    "model": "(no model)",
    "api_key": "(no API key)",
    "workspace": "(no workspace)",
    PERSON: "(no user)",
}
"""How the requests are called that a dimension has no value for."""
NOT_SEEN = "(not seen)"
"""The name of what a read did not show: refused, failed, or beyond a limit."""
OWN_WORKSPACE = "(the key's own or default workspace)"
Uses = dict[str, Use]


class Period(NamedTuple):
    """A period in ISO 8601; the end is not in it."""

    start: str
    end: str

    @classmethod
    def of(cls, start: datetime, end: datetime) -> "Period":
        """The period between two moments in UTC."""
        return cls(*(utc_timestamp(each, "auto") for each in (start, end)))

    @property
    def days(self) -> int:
        """Its length in whole days."""
        start, end = map(datetime.fromisoformat, self)
        return (end - start).days

    def filter(self, workspace: str = "") -> dict[str, Any]:
        """The filters that select its requests, in a workspace or wherever a key may see them."""
        is_named = workspace not in ("", OWN_WORKSPACE)
        where = {"workspace_slug": workspace} if is_named else {}
        return {"time_of_generation_min": self.start, "time_of_generation_max": self.end, **where}


@dataclass
class Costs:
    """What was read of a period: the use of each group in each dimension, and the cost of days."""

    by: dict[str, Uses] = field(default_factory=dict)
    days: dict[str, Uses] = field(default_factory=dict)
    """The days of each workspace whose days were read, by workspace."""
    has_all_workspaces: bool = True
    """Whether the total has all workspaces."""
    has_all_days: bool = True
    """Whether the days of all workspaces were read."""

    def total(self) -> Use:
        """The use of all groups; that of workspaces, which has no others."""
        return total_of(self.by["workspace"].values())


def total_of(uses: Iterable[Use]) -> Use:
    """The sum of uses."""
    result = NOTHING
    for use in uses:
        result += use
    return result


async def read_workspaces(reads: Reads, period: Period, workspace: str) -> Rows:
    """A row for each workspace with any request, of those that the key may see."""
    fields = {**period.filter(workspace), **COLUMNS}
    return await reads.rows(get_analytics_group, workspace, group_by="workspace", **fields)


async def read_one_workspace(reads: Reads, period: Period, workspace: str) -> Uses:
    """The use of one workspace, from the graphs that Portkey documents; its tokens are unknown.

    Without a name it is the key's own, or for a key of the organisation the default one. Raises
    the first error if it cannot be read: a period without a cost is no cost of 0.
    """
    fields = period.filter(workspace)
    cost, requests = await all_of(
        reads.one(get_cost_analytics, workspace, **fields),
        reads.one(get_request_analytics, workspace, **fields),
    )
    if cost is None or requests is None:
        reads.raise_error_of(get_cost_analytics, get_request_analytics, get_analytics_group)
    use = Use(_summary(requests), None, _summary(cost))
    return {workspace or OWN_WORKSPACE: use}


def _summary(graph: Row | None) -> Fraction:
    summary = graph.get("summary") if graph is not None else None
    return exact(summary.get("total")) if isinstance(summary, dict) else exact(None)


async def read_dimension(reads: Reads, period: Period, workspace: str, dimension: str) -> Rows:
    """A row for each value of a dimension in a workspace."""
    fields = period.filter(workspace)
    if dimension == PERSON:
        return await reads.rows(get_analytics_group_users, workspace, **fields)
    fields |= {"group_by": SOURCES[dimension], **COLUMNS}
    return await reads.rows(get_analytics_group, f"{workspace} by {dimension}", **fields)


async def read_days(reads: Reads, period: Period, workspace: str) -> Uses | None:
    """The cost of each day on which a workspace spent anything, by its date in UTC.

    None if it was not read.
    """
    graph = await reads.one(get_cost_analytics, workspace, **period.filter(workspace))
    points = graph.get("data_points") if graph is not None else None
    if not isinstance(points, list):
        return None
    days: Uses = {}
    for point in points:
        if isinstance(point, dict):
            day = str(point.get("timestamp", ""))[:10]
            days[day] = days.get(day, NOTHING) + Use(cost=exact(point.get("total")))
    return days


def uses_of(rows: list[dict[str, Any]], name: str) -> Uses:
    """The use of each row, by the value of the field `name`; rows without a value are left out."""
    uses: Uses = {}
    for row in rows:
        value = row.get(name)
        if value is not None and value != "":
            tokens = exact(row["total_tokens"]) if "total_tokens" in row else None
            use = Use(exact(row.get("requests")), tokens, exact(row.get("cost")))
            uses[str(value)] = uses[str(value)] + use if str(value) in uses else use
    return uses


def add_uses(all_uses: Uses, more: Uses) -> None:
    """Add the uses of a workspace to those of all."""
    for name, use in more.items():
        all_uses[name] = all_uses[name] + use if name in all_uses else use


async def read_workspace(
    reads: Reads,
    periods: tuple[Period, Period],
    workspace: str,
    totals: tuple[Use, Use],
    dimensions: Iterable[str],
    costs: tuple[Costs, Costs],
) -> None:
    """Read both periods of a workspace by each dimension, and add them to the costs.

    What is in the totals and in no row is added without a name, so that each dimension adds up to
    the totals. A dimension that was not read in both periods is left out of both.
    """
    names = [*dimensions]
    days, rows = await all_of(
        all_of(*(read_days(reads, period, workspace) for period in periods)),
        all_of(
            *(
                read_dimension(reads, period, workspace, name)
                for name in names
                for period in periods
            )
        ),
    )
    for cost, of_days in zip(costs, days, strict=True):
        if of_days is None:
            cost.has_all_days = False
        else:
            cost.days[workspace] = of_days
    for number, name in enumerate(names):
        pair = rows[number * 2 : number * 2 + 2]
        is_complete = not any(each.why for each in pair)
        rest = NAMELESS[name] if is_complete else NOT_SEEN
        is_failed = any(each.failed for each in pair)
        for cost, each, total in zip(costs, pair, totals, strict=True):
            uses = {} if is_failed else uses_of(each.rows, "user" if name == PERSON else name)
            all_uses = cost.by.setdefault(name, {})
            add_uses(all_uses, {rest: total - total_of(uses.values())})
            add_uses(all_uses, uses)

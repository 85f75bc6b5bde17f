"""Explain what a cost changed by between two periods: by which effects, and by what and whom."""

from datetime import UTC, datetime, timedelta

from ..errors import InputError
from ..models.analytics import CostExplanation, CostQuestion
from ..models.core.vocabulary import instant
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.analytics import get_analytics_group
from ..tools.api_keys import list_api_keys
from .costs.effects import NOTHING
from .costs.report import CostReport, cost_notes
from .costs.sources import (
    COST_READS,
    DIMENSIONS,
    NOT_SEEN,
    Costs,
    Period,
    add_uses,
    read_one_workspace,
    read_workspace,
    read_workspaces,
    total_of,
    uses_of,
)
from .costs.spikes import find_spikes
from .shared.reads import Reads, all_of

DOMAIN = "analytics"
DEFAULT_DAYS = 7
MAX_WORKSPACES = 10
"""Workspaces that are read by model, key and person: those whose cost changed most."""


@workflow(
    get_analytics_group,
    optional=(*COST_READS, list_api_keys),
    effect="read",
    reports_progress=True,
    unconfirmed="Groups are known from Portkey's changelog and its Python SDK only.",
)
async def explain_cost(api: Portkey, question: CostQuestion) -> CostExplanation:
    """Explain why spend rose or fell between two periods (USD): requests, mix or price.

    By model, key, workspace and person; with the days of a spike, and who and what caused it.
    """
    periods = _periods(api, question)
    reads = Reads(api)
    one = question.by or ""
    costs = await _read(reads, periods, question.workspace_slug or "", one)
    reads.require_something()
    spikes, names = await all_of(
        find_spikes(reads, periods, costs),
        _key_names(reads) if one in ("", "api_key") else _no_names(),
    )
    workspaces = {name for cost in costs for name in cost.by["workspace"]}
    is_partial = not all(cost.has_all_workspaces for cost in costs)
    is_only_one = len(workspaces) == 1 and not question.workspace_slug and not is_partial
    notes = cost_notes(api.now(), periods, is_only_one=is_only_one, is_partial=is_partial)
    report = CostReport(periods, costs, one, spikes, names, reads, notes)
    return CostExplanation.read(report.answer())


def _periods(api: Portkey, question: CostQuestion) -> tuple[Period, Period]:
    """The earlier and the later period. Raises InputError if a time cannot be read."""

    def time(name: str) -> datetime | None:
        is_given = question.given(name)
        return instant(getattr(question, name)).astimezone(UTC) if is_given else None

    try:
        today = api.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        end = time("end_time") or today
        start = time("start_time") or end - timedelta(days=DEFAULT_DAYS)
        old_end = time("compare_end_time") or start
        old_start = time("compare_start_time") or old_end - (end - start)
    except (ValueError, OverflowError) as error:
        raise InputError(f"a time cannot be read: {error}") from None
    if start >= end or old_start >= old_end:
        raise InputError(
            "a period must end after it starts; without end_time it ends today at 00:00 UTC"
        )
    return Period.of(old_start, old_end), Period.of(start, end)


async def _read(
    reads: Reads, periods: tuple[Period, Period], workspace: str, one: str
) -> tuple[Costs, Costs]:
    """What both periods cost, by each dimension or by one."""
    costs = Costs(), Costs()
    rows = await all_of(*(read_workspaces(reads, each, workspace) for each in periods))
    if any(each.failed for each in rows):
        uses = await all_of(*(read_one_workspace(reads, each, workspace) for each in periods))
        for cost in costs:
            cost.has_all_workspaces = bool(workspace)
    else:
        uses = [uses_of(each.rows, "workspace") for each in rows]
        for cost, each in zip(costs, rows, strict=True):
            cost.has_all_workspaces = not each.why
    for cost, of_period in zip(costs, uses, strict=True):
        cost.by["workspace"] = of_period
    old, new = (cost.by["workspace"] for cost in costs)
    names = sorted(
        dict.fromkeys((*old, *new)),
        key=lambda name: -abs(new.get(name, NOTHING).cost - old.get(name, NOTHING).cost),
    )
    dimensions = [name for name in DIMENSIONS if one in ("", name)]
    await all_of(
        *(
            read_workspace(
                reads,
                periods,
                name,
                (old.get(name, NOTHING), new.get(name, NOTHING)),
                dimensions,
                costs,
            )
            for name in names[:MAX_WORKSPACES]
        )
    )
    if others := names[MAX_WORKSPACES:]:
        why = f"only {MAX_WORKSPACES} of {len(names)} workspaces were looked at, by cost"
        reads.note("model, key, person and days", others[0], why)
    for cost in costs:
        cost.has_all_days = cost.has_all_days and not others
        unread = total_of(cost.by["workspace"].get(name, NOTHING) for name in others)
        for name in dimensions if others else ():
            add_uses(cost.by.setdefault(name, {}), {NOT_SEEN: unread})
    return costs


async def _key_names(reads: Reads) -> dict[str, str]:
    """The names of API keys, by their ids."""
    keys = await reads.rows(list_api_keys)
    return {str(row["id"]): str(row.get("name") or "") for row in keys if row.get("id")}


async def _no_names() -> dict[str, str]:
    return {}

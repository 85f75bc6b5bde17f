"""List every limit there is, with what is used of it and when it runs out: exhausted ones first."""

from datetime import UTC, datetime
from typing import Any

from ..models.core.paging import DEFAULT_PAGE_SIZE
from ..models.usage_limits import BudgetFilter, Budgets
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.workspaces import list_workspaces
from .budgets.budget import EXHAUSTED, UNKNOWN, Budget
from .budgets.sources import (
    API_KEY,
    INTEGRATION,
    PROVIDER,
    RATE_LIMIT,
    SOURCE_READS,
    TOOLS,
    USAGE_LIMIT,
    WORKSPACE,
    Source,
)
from .budgets.usage import USAGE_READS, with_usage
from .shared.brief import MAX_TOKENS, tokens_of
from .shared.reads import RESERVED_FOR_USES, Reads, at_least
from .shared.rows import Row
from .shared.timestamps import utc_timestamp

DOMAIN = "usage_limits"
MAX_RATES = 3
"""Rate limits that are shown beside the others."""
EMPTY: tuple[Any, ...] = ("", [], {})
ALWAYS = ("data", "not_seen")
NEXT = {
    WORKSPACE: "update_workspace",
    API_KEY: "update_api_key",
    PROVIDER: "update_provider",
    INTEGRATION: "update_integration_workspaces",
    USAGE_LIMIT: "update_usage_limit",
    RATE_LIMIT: "update_rate_limit",
}
"""What to call next: the tool that changes each kind of limit."""
METHOD = (
    "used: of usage_limit Portkey's own count, of others the requests in analytics since the last "
    "reset. runs_out: at the mean of the last 7 days, through resets, to the hour in UTC."
)


@workflow(
    list_workspaces,
    optional=(*SOURCE_READS, *USAGE_READS),
    effect="read",
    reports_progress=True,
)
async def list_budgets(api: Portkey, filter: BudgetFilter) -> Budgets:
    """List all budgets and rate limits: of workspaces, keys, providers, integrations and policies.

    With what is used, the next reset and when it runs out at the last week's pace; exhausted first.
    """
    now = api.now().astimezone(UTC)
    reads = Reads(api)
    workspace = filter.workspace_id or ""
    kinds = frozenset({filter.kind} if filter.kind else TOOLS)
    source = Source(reads, now, kinds)
    workspaces = await reads.read_workspaces(workspace)
    reads.reserved = RESERVED_FOR_USES
    limits = await source.limits(workspaces, bool(workspace))
    reads.reserved = 0
    reads.require_something()
    budgets = await with_usage(reads, limits.budgets, now, source.providers)
    budgets.sort(key=lambda budget: budget.order(now))
    return Budgets.read(_answer(filter, budgets, limits.rates, reads, now))


def _answer(
    filter: BudgetFilter, budgets: list[Budget], rates: list[Row], reads: Reads, now: datetime
) -> dict[str, Any]:
    """The page that is asked for, or as many rows as fit."""
    rows = rates if filter.kind == RATE_LIMIT else [each.row(now) for each in budgets]
    shown_kinds = {row.get("kind", RATE_LIMIT) for row in rows} | ({RATE_LIMIT} if rates else set())
    tools = [tool for kind in _kinds(filter) for tool in TOOLS[kind]]
    total = reads.total(len(rows), *tools)
    exhausted = _exhausted(budgets, now, is_all=isinstance(total, int))
    answer = {
        "total": total,
        "exhausted": exhausted,
        "looked_in": reads.looked_in,
        **_binds_first(budgets, now, is_all=isinstance(exhausted, int)),
        "notes": [METHOD],
        "data": [],
        "rate_limits": [] if filter.kind == RATE_LIMIT else rates[:MAX_RATES],
        "more": _more(filter, len(rows), 0, len(rates)),
        "next": {kind: step for kind, step in NEXT.items() if kind in shown_kinds},
        "not_seen": reads.not_seen,
        "known_by": reads.known_by,
    }
    shown = _page(filter, rows, MAX_TOKENS - tokens_of(answer))
    answer |= {"data": shown, "more": _more(filter, len(rows), len(shown), len(rates))}
    return {name: each for name, each in answer.items() if name in ALWAYS or each not in EMPTY}


def _kinds(filter: BudgetFilter) -> list[str]:
    """The kinds whose limits are in the total: all but rate limits, unless they are asked for.

    Rate limits alone are on objects of all kinds.
    """
    if filter.kind and filter.kind != RATE_LIMIT:
        return [filter.kind]
    return [kind for kind in TOOLS if filter.kind == RATE_LIMIT or kind != RATE_LIMIT]


def _exhausted(budgets: list[Budget], now: datetime, *, is_all: bool) -> int | str:
    """How many limits are used up; in words if some were not read, or their use is not known."""
    count = sum(each.runs_out(now) == EXHAUSTED for each in budgets)
    is_known = is_all and all(each.runs_out(now) != UNKNOWN for each in budgets)
    return count if is_known else at_least(count)


def _page(filter: BudgetFilter, rows: list[Row], room: float) -> list[Row]:
    """The rows of a page that is asked for; otherwise the first ones, up to so many tokens."""
    if filter.given("page_size", "current_page"):
        size = filter.page_size or DEFAULT_PAGE_SIZE
        return rows[filter.pages_before * size :][:size]
    shown: list[Row] = []
    for row in rows:
        room -= tokens_of(row) + 1
        if room < 0:
            break
        shown.append(row)
    return shown


def _binds_first(budgets: list[Budget], now: datetime, *, is_all: bool) -> dict[str, str]:
    """Which limit that is not used up runs out next."""
    for budget in budgets:
        out = budget.runs_out(now)
        if isinstance(out, datetime):
            group = f" {budget.group}" if budget.group else ""
            when = utc_timestamp(out.replace(minute=0), "minutes")
            rest = "" if is_all else ", of those that are known"
            return {"binds_first": f"{budget.kind} {budget.id}{group} on {when}{rest}"}
    return {}


def _more(filter: BudgetFilter, total: int, shown: int, rates: int) -> str:
    """How many limits are not shown, and how they are."""
    texts = []
    if total > shown:
        texts.append(
            f"{total - shown} more limits: narrow with workspace_id or kind, or give page_size and "
            "current_page"
        )
    if filter.kind != RATE_LIMIT and rates > MAX_RATES:
        texts.append(f"{rates - MAX_RATES} more rate limits: give kind rate_limit")
    return "; ".join(texts)

"""List every limit there is, with what is used of it and when it runs out: exhausted ones first."""

from datetime import UTC, datetime
from typing import Any

from ..models.core.paging import DEFAULT_PAGE_SIZE
from ..models.usage_limits import BudgetFilter, Budgets
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.workspaces import list_workspaces
from .budget_sources import (
    API_KEY,
    INTEGRATION,
    PROVIDER,
    RATE_LIMIT,
    SOURCE_READS,
    USAGE_LIMIT,
    WORKSPACE,
    Source,
)
from .budget_usage import USAGE_READS, with_usage
from .budgets import Budget
from .fitting import MAX_TOKENS, tokens_of
from .limits import Row
from .reads import Reads
from .timestamps import utc_timestamp

DOMAIN = "usage_limits"
MAX_REQUESTS = 150
MAX_RATES = 3
"""Rate limits that are shown beside the others."""
EMPTY: tuple[Any, ...] = ("", [], {})
KINDS = (WORKSPACE, API_KEY, PROVIDER, INTEGRATION, USAGE_LIMIT, RATE_LIMIT)
CHANGE_WITH = {
    WORKSPACE: "update_workspace",
    API_KEY: "update_api_key",
    PROVIDER: "update_provider",
    INTEGRATION: "update_integration_workspaces",
    USAGE_LIMIT: "update_usage_limit",
    RATE_LIMIT: "update_rate_limit",
}
"""The tool that changes each kind of limit."""
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
    reads = Reads(api, MAX_REQUESTS)
    workspace = filter.workspace_id or ""
    kinds = frozenset({filter.kind} if filter.kind else KINDS)
    source = Source(reads, now, kinds)
    workspaces = await source.workspaces(workspace)
    limits = await source.limits(workspaces, bool(workspace))
    reads.require_any()
    budgets = await with_usage(reads, limits.budgets, now, source.providers)
    budgets.sort(key=lambda budget: budget.order(now))
    return Budgets.read(_answer(filter, budgets, limits.rates, reads, now))


def _answer(
    filter: BudgetFilter, budgets: list[Budget], rates: list[Row], reads: Reads, now: datetime
) -> dict[str, Any]:
    """The page that is asked for, or as many rows as fit."""
    rows = rates if filter.kind == RATE_LIMIT else [each.row(now) for each in budgets]
    answer = {
        "total": len(rows),
        "exhausted": sum(each.order(now)[0] == 0 for each in budgets),
        **_binds_first(budgets, now),
        "data": [],
        "rate_limits": [] if filter.kind == RATE_LIMIT else rates[:MAX_RATES],
        "more": _more(filter, len(rows), 0, len(rates)),
        "change_with": {
            kind: CHANGE_WITH[kind]
            for kind in KINDS
            if any(row.get("kind", RATE_LIMIT) == kind for row in rows)
        },
        "known_by": f"{METHOD} {reads.requests} requests: {', '.join(reads.tools)}",
        "not_seen": reads.not_seen,
    }
    shown = _page(filter, rows, MAX_TOKENS - tokens_of(answer))
    answer |= {"data": shown, "more": _more(filter, len(rows), len(shown), len(rates))}
    return {name: value for name, value in answer.items() if name == "data" or value not in EMPTY}


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


def _binds_first(budgets: list[Budget], now: datetime) -> dict[str, str]:
    """Which limit that is not used up runs out next."""
    for budget in budgets:
        out = budget.runs_out(now)
        if isinstance(out, datetime):
            group = f" {budget.group}" if budget.group else ""
            when = utc_timestamp(out.replace(minute=0), "minutes")
            return {"binds_first": f"{budget.kind} {budget.id}{group} on {when}"}
    return {}


def _more(filter: BudgetFilter, total: int, shown: int, rates: int) -> str:
    """How many limits are not shown, and how they are."""
    texts = []
    if total > shown:
        texts.append(
            f"{total - shown} more: narrow with workspace_id or kind; page_size and current_page "
            "show any of them"
        )
    if filter.kind != RATE_LIMIT and rates > MAX_RATES:
        texts.append(f"{rates - MAX_RATES} more rate limits with kind rate_limit")
    return "; ".join(texts)

"""Compare groups of requests, with the names of API keys, which Portkey answers with ids only."""

from typing import Any

from ..errors import PortkeyAdminError
from ..models.analytics import AnalyticsColumns, AnalyticsFilter, AnalyticsGroup, GroupBy
from ..models.api_keys import ApiKeyFilter
from ..models.core.paging import Page
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.analytics import get_analytics_group as get_analytics_group_request
from ..tools.api_keys import list_api_keys

DOMAIN = "analytics"
MAX_KEYS = 100
"""API keys whose names are read: one page, so that a call costs one request more at most."""
NOT_NAMED = (
    "The names of the API keys were not read: this key may not list them, or the list failed."
)


@workflow(
    get_analytics_group_request,
    optional=(list_api_keys,),
    effect="read",
    unconfirmed="Known from Portkey's changelog and its Python SDK; the OpenAPI file lacks it.",
)
async def get_analytics_group(
    api: Portkey, group_by: GroupBy, filter: AnalyticsFilter, columns: AnalyticsColumns
) -> Page[AnalyticsGroup]:
    """Compare models, providers, API keys, configs, prompts, status codes or workspaces.

    By cost (cents), tokens, latency (ms), success and cache rates (%), first and last use, sorted.
    Admin keys name `workspace_slug`; only by workspace are all counted.
    """
    groups = await get_analytics_group_request(api, group_by, filter, columns)
    return await _with_names(api, groups, filter) if group_by == "api_key" else groups


async def _with_names(
    api: Portkey, groups: Page[AnalyticsGroup], filter: AnalyticsFilter
) -> Page[AnalyticsGroup]:
    """The groups with the field `name` after the id of each key that was found.

    A note counts the others; if the keys cannot be listed, it says so.
    """
    answer = groups.answer()
    rows = answer.get("data")
    if not isinstance(rows, list) or not any(
        isinstance(r, dict) and r.get("api_key") for r in rows
    ):
        return groups
    where = {"workspace_id": filter.workspace_slug} if filter.given("workspace_slug") else {}
    which = ApiKeyFilter.model_validate({"page_size": MAX_KEYS, **where})
    try:
        keys = await list_api_keys(api, which)
    except PortkeyAdminError:
        return groups.with_notes(NOT_NAMED)
    names = _names_by_id(keys.answer().get("data"))
    named = [_with_name(row, names) if isinstance(row, dict) else row for row in rows]
    count = sum(isinstance(row, dict) and "name" not in row for row in named)
    result = type(groups).read({**answer, "data": named})
    return result.with_notes(_note(count)) if count else result


def _names_by_id(keys: Any) -> dict[str, str]:
    rows = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
    return {str(key["id"]): str(key["name"]) for key in rows if key.get("id") and key.get("name")}


def _with_name(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    name = names.get(str(row.get("api_key")))
    return row if name is None else {"api_key": row["api_key"], "name": name, **row}


def _note(count: int) -> str:
    return (
        f"{count} of these API keys are not among the first {MAX_KEYS} of `list_api_keys`, so they "
        "have no name here: try `get_api_key`. It refuses a deleted key, too."
    )

"""Analytics: what requests cost and took, over time and by group."""

from ..models.analytics import (
    AllWorkspacesFilter,
    AnalyticsColumns,
    AnalyticsFilter,
    AnalyticsGroup,
    CacheSummary,
    Graph,
    GroupBy,
    MetadataKey,
    UserGroup,
)
from ..models.core.paging import Page, Paged
from ..portkey.api import Portkey
from ..portkey.catalog import tool


@tool("GET /analytics/graphs/cost", scope="analytics.view", enterprise=True)
async def get_cost_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Spend over time, in cents: total, and average per request.

    In all analytics: admin keys name `workspace_slug`, else only the default one is counted; the
    end of the range is excluded; points are minutes up to 2 hours, hours up to 2 days, days up to
    92, then weeks. By whom or what: `get_analytics_group`, `get_analytics_group_users`.
    """
    ...


@tool("GET /analytics/graphs/requests", scope="analytics.view", enterprise=True)
async def get_request_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Number of requests over time."""
    ...


@tool("GET /analytics/graphs/tokens", scope="analytics.view", enterprise=True)
async def get_token_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Tokens over time, in and out together: total, and average per request."""
    ...


@tool("GET /analytics/graphs/latency", scope="analytics.view", enterprise=True)
async def get_latency_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Response time over time, in ms: average, p50, p90, p99."""
    ...


@tool("GET /analytics/graphs/errors", scope="analytics.view", enterprise=True)
async def get_error_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Number of failed requests over time; their share: `get_error_rate_analytics`."""
    ...


@tool("GET /analytics/graphs/errors/rate", scope="analytics.view", enterprise=True)
async def get_error_rate_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Share of failed requests over time, in percent."""
    ...


@tool("GET /analytics/graphs/errors/stacks", scope="analytics.view", enterprise=True)
async def get_error_stacks_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Failed requests over time, by status code."""
    ...


@tool("GET /analytics/graphs/errors/status-codes", scope="analytics.view", enterprise=True)
async def get_error_status_codes_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """How often each error status code occurred in the whole period."""
    ...


@tool("GET /analytics/graphs/users", scope="analytics.view", enterprise=True)
async def get_users_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Number of different users over time; who they are: `get_analytics_group_users`."""
    ...


@tool("GET /analytics/graphs/users/requests", scope="analytics.view", enterprise=True)
async def get_user_requests_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Average requests per user over time."""
    ...


@tool("GET /analytics/graphs/requests/rescued", scope="analytics.view", enterprise=True)
async def get_rescued_requests_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Requests over time that a retry or a fallback saved."""
    ...


@tool("GET /analytics/graphs/cache/hit-rate", scope="analytics.view", enterprise=True)
async def get_cache_hit_rate(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Cache hits over time, their rate in percent, and cents saved."""
    ...


@tool("GET /analytics/graphs/cache/latency", scope="analytics.view", enterprise=True)
async def get_cache_hit_latency(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Average response time of cache hits over time, in ms."""
    ...


@tool("GET /analytics/summary/cache", scope="analytics.view", enterprise=True)
async def get_cache_summary(api: Portkey, filter: AnalyticsFilter) -> CacheSummary:
    """Cache hits in the whole period, and how much faster they were, in percent."""
    ...


@tool("GET /analytics/graphs/feedbacks", scope="analytics.view", enterprise=True)
async def get_feedback_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Number of feedbacks given over time."""
    ...


@tool("GET /analytics/graphs/feedbacks/scores", scope="analytics.view", enterprise=True)
async def get_feedback_scores_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """How often each feedback score, -10 to 10, was given."""
    ...


@tool("GET /analytics/graphs/feedbacks/weighted", scope="analytics.view", enterprise=True)
async def get_feedback_weighted_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Average feedback over time, weighted."""
    ...


@tool("GET /analytics/graphs/feedbacks/ai-models", scope="analytics.view", enterprise=True)
async def get_feedback_models_analytics(api: Portkey, filter: AnalyticsFilter) -> Graph:
    """Feedback by model: number, and weighted average."""
    ...


@tool("GET /analytics/groups/users", scope="analytics.view", enterprise=True)
async def get_analytics_group_users(
    api: Portkey, filter: AnalyticsFilter, paging: Paged
) -> Page[UserGroup]:
    """Requests and cost (cents) per user in a period."""
    ...


@tool("GET /analytics/groups/users", scope="analytics.view", enterprise=True)
async def get_user_stats(api: Portkey, filter: AnalyticsFilter, paging: Paged) -> Page[UserGroup]:
    """Older name of `get_analytics_group_users`."""
    ...


@tool("GET /analytics/groups/ai-models", scope="analytics.view", enterprise=True)
async def get_analytics_group_models(
    api: Portkey, filter: AnalyticsFilter, paging: Paged
) -> Page[AnalyticsGroup]:
    """Requests per model; with cost and latency: `get_analytics_group`."""
    ...


@tool("GET /analytics/groups/metadata/{metadata_key}", scope="analytics.view", enterprise=True)
async def get_analytics_group_metadata(
    api: Portkey, metadata_key: MetadataKey, filter: AnalyticsFilter, paging: Paged
) -> Page[AnalyticsGroup]:
    """Requests, cost (cents), tokens, feedback per value of a metadata key, such as team."""
    ...


@tool(
    "GET /analytics/groups/workspaces",
    scope="analytics.view",
    enterprise=True,
    unconfirmed="Known from Portkey's Python SDK; what it answers is not documented.",
)
async def get_analytics_group_workspaces(
    api: Portkey, filter: AllWorkspacesFilter, paging: Paged
) -> Page[AnalyticsGroup]:
    """Requests and cost (cents) per workspace; admin keys see all of them."""
    ...


@tool(
    "GET /analytics/groups/{group_by}",
    scope="analytics.view",
    enterprise=True,
    is_listed=False,
    unconfirmed="Known from Portkey's changelog and its Python SDK; the OpenAPI file lacks it.",
)
async def get_analytics_group(
    api: Portkey, group_by: GroupBy, filter: AnalyticsFilter, columns: AnalyticsColumns
) -> Page[AnalyticsGroup]:
    """Compare groups of requests; the workflow of this name adds the names of API keys."""
    ...


@tool("GET /analytics/groups/provider", scope="analytics.view", enterprise=True)
async def get_analytics_group_providers(
    api: Portkey, filter: AnalyticsFilter, columns: AnalyticsColumns
) -> Page[AnalyticsGroup]:
    """Compare providers; as `get_analytics_group` by provider."""
    ...

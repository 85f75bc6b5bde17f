"""Rate limits: requests or tokens in a time, by any condition."""

from ..models.core.base import Done
from ..models.core.paging import Page
from ..models.core.policies import PolicyId
from ..models.rate_limits import (
    RateLimitDraft,
    RateLimitFilter,
    RateLimitPatch,
    RateLimitRecord,
    RateLimitView,
)
from ..models.usage_limits import PolicyRef
from ..portkey.api import Portkey
from ..portkey.catalog import tool


@tool("GET /policies/rate-limits", scope="policies.list", enterprise=True)
async def list_rate_limits(api: Portkey, filter: RateLimitFilter) -> Page[RateLimitRecord]:
    """List rate-limit policies; archived ones only with that status."""
    ...


@tool("POST /policies/rate-limits", scope="policies.create", enterprise=True)
async def create_rate_limit(api: Portkey, draft: RateLimitDraft) -> PolicyRef:
    """Limit requests or tokens in a time, for requests that meet conditions, per group.

    For a budget use `create_usage_limit`.
    """
    ...


@tool("GET /policies/rate-limits/{id}", scope="policies.read", enterprise=True)
async def get_rate_limit(api: Portkey, id: PolicyId, view: RateLimitView) -> RateLimitRecord:
    """Read one rate-limit policy."""
    ...


@tool("PUT /policies/rate-limits/{id}", scope="policies.update", enterprise=True)
async def update_rate_limit(api: Portkey, id: PolicyId, patch: RateLimitPatch) -> Done:
    """Change a rate-limit policy."""
    ...


@tool(
    "DELETE /policies/rate-limits/{id}",
    scope="policies.delete",
    enterprise=True,
    is_restorable=True,
)
async def delete_rate_limit(api: Portkey, id: PolicyId) -> Done:
    """Archive a rate-limit policy: it stops limiting, and cannot be brought back."""
    ...

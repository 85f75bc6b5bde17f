"""Usage limits: budgets by any condition."""

from ..models.core.base import Done
from ..models.core.paging import Page
from ..models.core.policies import PolicyId
from ..models.usage_limits import (
    Entity,
    EntityFilter,
    EntityId,
    PolicyRef,
    UsageLimitDraft,
    UsageLimitFilter,
    UsageLimitPatch,
    UsageLimitRecord,
    UsageLimitView,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool


@tool("GET /policies/usage-limits", scope="policies.list", enterprise=True)
async def list_usage_limits(api: Portkey, filter: UsageLimitFilter) -> Page[UsageLimitRecord]:
    """List budget policies; archived ones only with that status."""
    ...


@tool("POST /policies/usage-limits", scope="policies.create", enterprise=True)
async def create_usage_limit(api: Portkey, draft: UsageLimitDraft) -> PolicyRef:
    """Set a budget for requests that meet conditions, counted apart for each group.

    For one key's own budget use `update_api_key`; for requests a minute `create_rate_limit`.
    """
    ...


@tool("GET /policies/usage-limits/{id}", scope="policies.read", enterprise=True)
async def get_usage_limit(api: Portkey, id: PolicyId, view: UsageLimitView) -> UsageLimitRecord:
    """Read one budget policy."""
    ...


@tool("PUT /policies/usage-limits/{id}", scope="policies.update", enterprise=True)
async def update_usage_limit(api: Portkey, id: PolicyId, patch: UsageLimitPatch) -> Done:
    """Change a budget policy; a higher limit revives what was exhausted."""
    ...


@tool(
    "DELETE /policies/usage-limits/{id}",
    scope="policies.delete",
    enterprise=True,
    is_restorable=True,
)
async def delete_usage_limit(api: Portkey, id: PolicyId) -> Done:
    """Archive a budget policy: it stops counting, and cannot be brought back."""
    ...


@tool("GET /policies/usage-limits/{limit_id}/entities", scope="policies.list", enterprise=True)
async def list_usage_limit_entities(
    api: Portkey, limit_id: PolicyId, filter: EntityFilter
) -> Page[Entity]:
    """List who has used how much of a budget policy."""
    ...


@tool(
    "PUT /policies/usage-limits/{limit_id}/entities/{entity_id}/reset",
    scope="policies.update",
    enterprise=True,
)
async def reset_usage_limit_entity(api: Portkey, limit_id: PolicyId, entity_id: EntityId) -> Done:
    """Set one group's usage to 0; see `list_usage_limit_entities`."""
    ...

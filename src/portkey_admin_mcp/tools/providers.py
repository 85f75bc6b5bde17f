"""Providers: an AI provider in a workspace, through an integration."""

from ..models.core.base import Done
from ..models.core.vocabulary import QueriedWorkspace, WorkspaceSelector
from ..models.providers import (
    Provider,
    ProviderDetail,
    ProviderDraft,
    ProviderFilter,
    ProviderPage,
    ProviderPatch,
    ProviderRef,
    ProviderSlug,
)
from ..portkey.api import Portkey
from ..portkey.catalog import LastUse, tool
from ..portkey.references import CONFIGS, PROMPTS

USES = (CONFIGS, PROMPTS)
LAST_USE = LastUse("provider", "virtual_keys")


@tool("GET /providers", scope="providers.list")
async def list_providers(api: Portkey, filter: ProviderFilter) -> ProviderPage:
    """List a workspace's AI providers with their budgets; older: `list_virtual_keys`."""
    ...


@tool("POST /providers", scope="providers.create")
async def create_provider(api: Portkey, draft: ProviderDraft) -> ProviderRef:
    """Give a workspace an AI provider, through an integration enabled for it.

    403 may mean that it is not: see `update_integration_workspaces`.
    """
    ...


@tool("GET /providers/{slug}", scope="providers.read")
async def get_provider(api: Portkey, slug: ProviderSlug, detail: ProviderDetail) -> Provider:
    """Read one AI provider of a workspace."""
    ...


@tool(
    "PUT /providers/{slug}",
    scope="providers.update",
    high_risk_if=(("expires_at", "requests that use it fail after that time"),),
    no_undo_if=(("reset_usage=true", "what was counted is lost"),),
    dependants=USES,
    last_use=LAST_USE,
)
async def update_provider(
    api: Portkey, slug: ProviderSlug, workspace: QueriedWorkspace, patch: ProviderPatch
) -> ProviderRef:
    """Change a workspace's AI provider; its credentials: `update_integration`."""
    ...


@tool("DELETE /providers/{slug}", scope="providers.delete", dependants=USES, last_use=LAST_USE)
async def delete_provider(api: Portkey, slug: ProviderSlug, workspace: WorkspaceSelector) -> Done:
    """Delete a workspace's AI provider; what uses it then fails. Cannot be undone."""
    ...

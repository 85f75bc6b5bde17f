"""Integrations: credentials for AI providers, with their models and workspaces."""

from ..models.core.base import Done
from ..models.core.paging import Page, PagedHere
from ..models.integrations import (
    Integration,
    IntegrationDraft,
    IntegrationFilter,
    IntegrationModels,
    IntegrationPatch,
    IntegrationRef,
    IntegrationSlug,
    IntegrationWorkspaces,
    ModelChanges,
    ModelDeletion,
    WorkspaceShares,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool
from ..portkey.references import INTEGRATION_WORKSPACES, PROVIDERS


def either(act: str) -> tuple[str, str]:
    """The organisation's integrations and a workspace's have scopes of their own."""
    return (f"organisation_integrations.{act}", f"workspace_integrations.{act}")


NEW_HOST = "requests then go to another address, with the credentials"
SECRETS_REPLACED = (
    *(
        (name, "the old credentials cannot be read back")
        for name in ("key", "configurations", "aws_secret_access_key")
    ),
    ("custom_host", NEW_HOST),
)
ACCESS_TAKEN = (
    ("workspaces.enabled=false", "it takes access from workspaces"),
    ("override_existing_workspace_access=true", "workspaces that are not named lose access"),
    ("global_workspace_access_enabled=false", "it takes access from workspaces"),
    ("global_workspace_access.enabled=false", "it takes access from workspaces"),
)

USES = (PROVIDERS.at("integration_id"), INTEGRATION_WORKSPACES)


@tool("GET /integrations", scope=either("list"))
async def list_integrations(api: Portkey, filter: IntegrationFilter) -> Page[Integration]:
    """List credentials for AI providers; a workspace's own use: `list_providers`."""
    ...


@tool("POST /integrations", scope=either("create"))
async def create_integration(api: Portkey, draft: IntegrationDraft) -> IntegrationRef:
    """Store credentials for an AI provider; share them by `update_integration_workspaces`."""
    ...


@tool("GET /integrations/{slug}", scope=either("read"))
async def get_integration(api: Portkey, slug: IntegrationSlug) -> Integration:
    """Read one integration; its key is masked."""
    ...


@tool(
    "PUT /integrations/{slug}",
    scope=either("update"),
    high_risk_if=SECRETS_REPLACED,
    dependants=USES,
)
async def update_integration(api: Portkey, slug: IntegrationSlug, patch: IntegrationPatch) -> Done:
    """Change an integration, also to replace its key, for all who use it."""
    ...


@tool("DELETE /integrations/{slug}", scope=either("delete"), dependants=USES)
async def delete_integration(api: Portkey, slug: IntegrationSlug) -> Done:
    """Delete an integration with the providers made of it; cannot be undone."""
    ...


@tool("GET /integrations/{slug}/models", scope=either("read"))
async def list_integration_models(
    api: Portkey, slug: IntegrationSlug, paging: PagedHere
) -> IntegrationModels:
    """List an integration's models and which are enabled."""
    ...


@tool(
    "PUT /integrations/{slug}/models",
    scope=either("update"),
    high_risk_if=(("models.configurations.custom_host", NEW_HOST),),
)
async def update_integration_models(
    api: Portkey, slug: IntegrationSlug, changes: ModelChanges
) -> Done:
    """Enable or disable models, add custom ones, set their prices; others stay."""
    ...


@tool("DELETE /integrations/{slug}/models", scope=either("update"), dependants=USES)
async def delete_integration_model(
    api: Portkey, slug: IntegrationSlug, deletion: ModelDeletion
) -> Done:
    """Delete a custom or fine-tuned model; cannot be undone.

    Built-in ones are disabled with `update_integration_models`.
    """
    ...


@tool("GET /integrations/{slug}/workspaces", scope=either("read"))
async def list_integration_workspaces(
    api: Portkey, slug: IntegrationSlug, paging: PagedHere
) -> IntegrationWorkspaces:
    """List the workspaces that may use an integration, with their limits."""
    ...


@tool(
    "PUT /integrations/{slug}/workspaces",
    scope=either("update"),
    high_risk_if=ACCESS_TAKEN,
    no_undo_if=(("workspaces.reset_usage=true", "what was counted is lost"),),
    dependants=USES,
)
async def update_integration_workspaces(
    api: Portkey, slug: IntegrationSlug, shares: WorkspaceShares
) -> Done:
    """Say which workspaces may use an integration and how much; those not named stay."""
    ...

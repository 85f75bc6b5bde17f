"""Secret references: secrets in a vault of the organisation's own."""

from ..models.core.base import Done
from ..models.core.paging import Page
from ..models.secret_references import (
    SecretReference,
    SecretReferenceDraft,
    SecretReferenceFilter,
    SecretReferenceId,
    SecretReferencePatch,
    SecretReferenceRef,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool
from ..portkey.references import INTEGRATIONS, MCP_INTEGRATIONS, VIRTUAL_KEYS

NAMED_IN = "secret_mappings.secret_reference_id"
USES = tuple(each.at(NAMED_IN) for each in (INTEGRATIONS, VIRTUAL_KEYS, MCP_INTEGRATIONS))


@tool("POST /secret-references", scope="secret_references.create", enterprise=True)
async def create_secret_reference(api: Portkey, draft: SecretReferenceDraft) -> SecretReferenceRef:
    """Point at a secret in your own vault; keys then name it in `secret_mappings`."""
    ...


@tool("GET /secret-references", scope="secret_references.list", enterprise=True)
async def list_secret_references(
    api: Portkey, filter: SecretReferenceFilter
) -> Page[SecretReference]:
    """List references to vault secrets, 20 a page unless asked."""
    ...


@tool("GET /secret-references/{id}", scope="secret_references.read", enterprise=True)
async def get_secret_reference(api: Portkey, id: SecretReferenceId) -> SecretReference:
    """Read a reference to a vault secret; credentials are masked."""
    ...


@tool(
    "PUT /secret-references/{id}",
    scope="secret_references.update",
    enterprise=True,
    dependants=USES,
    high_risk_if=(
        ("auth_config", "the old credentials cannot be read back"),
        ("allow_all_workspaces=false", "it takes access from workspaces"),
        ("allowed_workspaces", "workspaces that are not named lose access"),
    ),
)
async def update_secret_reference(
    api: Portkey, id: SecretReferenceId, patch: SecretReferencePatch
) -> Done:
    """Change a reference to a vault secret; its manager stays."""
    ...


@tool(
    "DELETE /secret-references/{id}",
    scope="secret_references.delete",
    enterprise=True,
    dependants=USES,
)
async def delete_secret_reference(api: Portkey, id: SecretReferenceId) -> Done:
    """Delete a reference to a vault secret; refused while anything uses it. Cannot be undone."""
    ...

"""Virtual keys: a provider's key, kept by Portkey and used under a slug."""

from ..models.core.base import Done
from ..models.core.vocabulary import VirtualKeySlug, WorkspaceSelector
from ..models.virtual_keys import (
    VirtualKey,
    VirtualKeyDraft,
    VirtualKeyFilter,
    VirtualKeyPage,
    VirtualKeyPatch,
    VirtualKeyRef,
)
from ..portkey.api import Portkey
from ..portkey.catalog import LastUse, tool
from ..portkey.references import CONFIGS, PROMPTS

USES = (CONFIGS, PROMPTS)
LAST_USE = LastUse("provider", "virtual_keys")


@tool("GET /virtual-keys", scope="virtual_keys.list")
async def list_virtual_keys(api: Portkey, filter: VirtualKeyFilter) -> VirtualKeyPage:
    """List a workspace's virtual keys, with AI provider and budget; newer: `list_providers`.

    Provider keys are never shown.
    """
    ...


@tool("GET /virtual-keys/{slug}", scope="virtual_keys.read")
async def get_virtual_key(
    api: Portkey, slug: VirtualKeySlug, workspace: WorkspaceSelector
) -> VirtualKey:
    """Read one virtual key."""
    ...


@tool("POST /virtual-keys", scope="virtual_keys.create")
async def create_virtual_key(api: Portkey, draft: VirtualKeyDraft) -> VirtualKeyRef:
    """Store a provider's key under a slug that configs refer to; newer: `create_integration`.

    For a key to Portkey itself use `create_api_key`.
    """
    ...


@tool(
    "PUT /virtual-keys/{slug}",
    scope="virtual_keys.update",
    high_risk_if=(("key", "the old key cannot be read back"),),
    dependants=USES,
    last_use=LAST_USE,
)
async def update_virtual_key(api: Portkey, slug: VirtualKeySlug, patch: VirtualKeyPatch) -> Done:
    """Change a virtual key, also to replace the provider's key; the slug stays."""
    ...


@tool(
    "DELETE /virtual-keys/{slug}",
    scope="virtual_keys.delete",
    dependants=USES,
    last_use=LAST_USE,
)
async def delete_virtual_key(
    api: Portkey, slug: VirtualKeySlug, workspace: WorkspaceSelector
) -> Done:
    """Delete a virtual key; what uses it then fails. Cannot be undone."""
    ...

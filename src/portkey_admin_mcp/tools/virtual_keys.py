"""Virtual keys: a provider's key, kept by Portkey and used under a slug."""

from ..api import Portkey
from ..catalog import tool
from ..models.base import Done
from ..models.virtual_keys import (
    VirtualKey,
    VirtualKeyDraft,
    VirtualKeyFilter,
    VirtualKeyPage,
    VirtualKeyPatch,
    VirtualKeyRef,
)
from ..models.vocabulary import VirtualKeySlug, Where


@tool("GET /virtual-keys", scope="virtual_keys.list")
async def list_virtual_keys(api: Portkey, filter: VirtualKeyFilter) -> VirtualKeyPage:
    """List a workspace's virtual keys with budgets; provider keys are never shown."""
    return await api.get("/virtual-keys", params=filter, returns=VirtualKeyPage)


@tool("GET /virtual-keys/{slug}", scope="virtual_keys.read")
async def get_virtual_key(api: Portkey, slug: VirtualKeySlug, where: Where) -> VirtualKey:
    """Read one virtual key."""
    return await api.get("/virtual-keys/{slug}", slug=slug, params=where, returns=VirtualKey)


@tool("POST /virtual-keys", scope="virtual_keys.create")
async def create_virtual_key(api: Portkey, draft: VirtualKeyDraft) -> VirtualKeyRef:
    """Store a provider's key under a slug that configs refer to.

    For a key to Portkey itself use `create_api_key`.
    """
    return await api.post("/virtual-keys", json=draft, returns=VirtualKeyRef)


@tool("PUT /virtual-keys/{slug}", scope="virtual_keys.update")
async def update_virtual_key(api: Portkey, slug: VirtualKeySlug, patch: VirtualKeyPatch) -> Done:
    """Change a virtual key, also to replace the provider's key; the slug stays."""
    return await api.put("/virtual-keys/{slug}", slug=slug, json=patch, returns=Done)


@tool("DELETE /virtual-keys/{slug}", scope="virtual_keys.delete")
async def delete_virtual_key(api: Portkey, slug: VirtualKeySlug, where: Where) -> Done:
    """Delete a virtual key; requests and configs that use it then fail."""
    return await api.delete("/virtual-keys/{slug}", slug=slug, params=where, returns=Done)

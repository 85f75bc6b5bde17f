"""API keys: who may call the gateway and the Admin API, with what, and how much."""

from ..api import Portkey
from ..catalog import AnyOf, tool
from ..errors import InputError
from ..models.api_keys import (
    ApiKey,
    ApiKeyDraft,
    ApiKeyFilter,
    ApiKeyPage,
    ApiKeyPatch,
    ApiKeySecret,
    KeySubType,
    KeyType,
    Rotation,
)
from ..models.base import Done
from ..models.vocabulary import ApiKeyId


def _to(act: str) -> AnyOf:
    """The scope for each kind of key; which one is asked for depends on the key acted on."""
    kinds = ("organisation_service", "workspace_service", "workspace_user")
    return tuple(f"{kind}_api_keys.{act}" for kind in kinds)


@tool("GET /api-keys", scope=_to("list"))
async def list_api_keys(api: Portkey, filter: ApiKeyFilter) -> ApiKeyPage:
    """List API keys with scopes and budgets; the secrets are masked."""
    return await api.get("/api-keys", params=filter, returns=ApiKeyPage)


@tool("GET /api-keys/{id}", scope=_to("read"))
async def get_api_key(api: Portkey, id: ApiKeyId) -> ApiKey:
    """Read one API key; the secret is masked."""
    return await api.get("/api-keys/{id}", id=id, returns=ApiKey)


@tool("POST /api-keys/{type}/{sub_type}", scope=_to("create"))
async def create_api_key(
    api: Portkey, type: KeyType, sub_type: KeySubType, draft: ApiKeyDraft
) -> ApiKeySecret:
    """Create a Portkey API key; its secret is returned only now.

    For a provider's key use `create_virtual_key`.
    """
    if (type, sub_type) == ("organisation", "user"):
        raise InputError("sub_type user is for type workspace: organisation keys are service keys")
    if type == "workspace" and not draft.workspace_id:
        raise InputError("workspace_id: is required for type workspace; see list_workspaces")
    if sub_type == "user" and not draft.user_id:
        raise InputError("user_id: is required for sub_type user; see list_all_users")
    return await api.post(
        "/api-keys/{type}/{sub_type}",
        type=type,
        sub_type=sub_type,
        json=draft,
        returns=ApiKeySecret,
    )


@tool("PUT /api-keys/{id}", scope=_to("update"))
async def update_api_key(api: Portkey, id: ApiKeyId, patch: ApiKeyPatch) -> Done:
    """Change a key's name, scopes, limits or defaults; what is left out stays.

    For a new secret use `rotate_api_key`.
    """
    return await api.put("/api-keys/{id}", id=id, json=patch, returns=Done)


@tool("DELETE /api-keys/{id}", scope=_to("delete"))
async def delete_api_key(api: Portkey, id: ApiKeyId) -> Done:
    """Revoke and delete an API key at once; cannot be undone.

    To replace it without an outage use `rotate_api_key`.
    """
    return await api.delete("/api-keys/{id}", id=id, returns=Done)


@tool("POST /api-keys/{id}/rotate", scope=_to("rotate"), effect="overwrite", again=False)
async def rotate_api_key(api: Portkey, id: ApiKeyId, rotation: Rotation) -> ApiKeySecret:
    """Give a key a new secret, returned only now; the old one works until the transition ends."""
    return await api.post("/api-keys/{id}/rotate", id=id, json=rotation, returns=ApiKeySecret)

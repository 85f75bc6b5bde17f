"""API keys: who may call the gateway and the Admin API, with what, and how much."""

from ..models.api_keys import ApiKey, ApiKeyDraft, ApiKeyFilter, ApiKeyPatch, ApiKeySecret, Rotation
from ..models.core.base import Done
from ..models.core.paging import Page
from ..models.core.vocabulary import ApiKeyId
from ..portkey.api import Portkey
from ..portkey.catalog import AnyOf, tool


def key_scopes(act: str) -> AnyOf:
    """The scope for each kind of key; which one is asked for depends on the key acted on."""
    kinds = ("organisation_service", "workspace_service", "workspace_user")
    return tuple(f"{kind}_api_keys.{act}" for kind in kinds)


@tool("GET /api-keys", scope=key_scopes("list"))
async def list_api_keys(api: Portkey, filter: ApiKeyFilter) -> Page[ApiKey]:
    """List API keys with owner, status and limits; `fields: scopes` adds scopes.

    Unused ones: `get_analytics_group` by api_key with the column last_seen.
    """
    ...


@tool("GET /api-keys/{id}", scope=key_scopes("read"))
async def get_api_key(api: Portkey, id: ApiKeyId) -> ApiKey:
    """Read one API key; the secret is masked."""
    ...


@tool(
    "POST /api-keys/{type}/{sub_type}",
    scope=key_scopes("create"),
    returns_secret=True,
    high_risk_if=(("type=organisation", "the key acts on the whole organisation"),),
)
async def create_api_key(api: Portkey, draft: ApiKeyDraft) -> ApiKeySecret:
    """Create a Portkey API key; its secret is returned only now.

    For a provider's key use `create_virtual_key`.
    """
    ...


@tool(
    "PUT /api-keys/{id}",
    scope=key_scopes("update"),
    high_risk_if=(("scopes", "it replaces what the key may do"),),
)
async def update_api_key(api: Portkey, id: ApiKeyId, patch: ApiKeyPatch) -> Done:
    """Change a key's name, scopes, limits or defaults; what is left out stays.

    For a new secret use `rotate_api_key`.
    """
    ...


@tool("DELETE /api-keys/{id}", scope=key_scopes("delete"))
async def delete_api_key(api: Portkey, id: ApiKeyId) -> Done:
    """Revoke and delete an API key at once; cannot be undone.

    To replace it without an outage use `rotate_api_key`.
    """
    ...


@tool(
    "POST /api-keys/{id}/rotate",
    scope=key_scopes("rotate"),
    effect="overwrite",
    is_repeatable=False,
    returns_secret=True,
    high_risk="programs with the old secret stop working",
)
async def rotate_api_key(api: Portkey, id: ApiKeyId, rotation: Rotation) -> ApiKeySecret:
    """Give a key a new secret, returned only now; the old one works until the transition ends."""
    ...

"""Configs: how the gateway routes, retries, caches and guards requests."""

from ..api import Portkey
from ..catalog import tool
from ..models.base import Done
from ..models.configs import (
    Config,
    ConfigDraft,
    ConfigFilter,
    ConfigPage,
    ConfigPatch,
    ConfigRef,
)
from ..models.vocabulary import ConfigSlug, Where


@tool("GET /configs", scope="configs.list")
async def list_configs(api: Portkey, filter: ConfigFilter) -> ConfigPage:
    """List a workspace's configs, without their content; see `get_config`."""
    return filter.cut(await api.get("/configs", params=filter, returns=ConfigPage))


@tool("GET /configs/{slug}", scope="configs.read")
async def get_config(api: Portkey, slug: ConfigSlug, where: Where) -> Config:
    """Read a config in its current version."""
    return await api.get("/configs/{slug}", slug=slug, params=where, returns=Config)


@tool("POST /configs", scope="configs.create")
async def create_config(api: Portkey, draft: ConfigDraft) -> ConfigRef:
    """Create a gateway config: routing, fallback, retries, cache, guardrails.

    Give the whole `config`, or the short forms for simple ones.
    """
    return await api.post("/configs", json=draft, returns=ConfigRef)


@tool("PUT /configs/{slug}", scope="configs.update", again=False)
async def update_config(api: Portkey, slug: ConfigSlug, patch: ConfigPatch) -> ConfigRef:
    """Change a config; new content replaces all of the old and makes a new version.

    To change a part, read it with `get_config` and send it whole.
    """
    return await api.put("/configs/{slug}", slug=slug, json=patch, returns=ConfigRef)


@tool("DELETE /configs/{slug}", scope="configs.delete")
async def delete_config(api: Portkey, slug: ConfigSlug, where: Where) -> Done:
    """Delete a config with all versions; refused while an API key or workspace uses it."""
    return await api.delete("/configs/{slug}", slug=slug, params=where, returns=Done)


@tool("GET /configs/{slug}/versions", scope="configs.read")
async def list_config_versions(api: Portkey, slug: ConfigSlug, where: Where) -> ConfigPage:
    """List a config's versions with their content, newest first."""
    return await api.get("/configs/{slug}/versions", slug=slug, params=where, returns=ConfigPage)

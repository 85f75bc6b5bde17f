"""Collections: folders of prompts. Their scopes are not documented; prompts' are presumed."""

from ..models.collections import (
    Collection,
    CollectionDraft,
    CollectionFilter,
    CollectionId,
    CollectionPatch,
    CollectionRef,
)
from ..models.core.base import Done
from ..models.core.paging import Page
from ..portkey.api import Portkey
from ..portkey.catalog import Dependants, tool


@tool("GET /collections", scope="prompts.list")
async def list_collections(api: Portkey, filter: CollectionFilter) -> Page[Collection]:
    """List the folders of prompts in a workspace; new prompts need one's id."""
    ...


@tool("POST /collections", scope="prompts.create")
async def create_collection(api: Portkey, draft: CollectionDraft) -> CollectionRef:
    """Create a folder for prompts."""
    ...


@tool("GET /collections/{collection_id}", scope="prompts.read")
async def get_collection(api: Portkey, collection_id: CollectionId) -> Collection:
    """Read a collection with those inside it; for its prompts use `list_prompts`."""
    ...


@tool("PUT /collections/{collection_id}", scope="prompts.update")
async def update_collection(
    api: Portkey, collection_id: CollectionId, patch: CollectionPatch
) -> Done:
    """Rename a collection."""
    ...


@tool(
    "DELETE /collections/{collection_id}",
    scope="prompts.delete",
    dependants=(
        Dependants("prompts", "GET /prompts", query=(("collection_id", "id"),)),
        Dependants("partials", "GET /prompts/partials", query=(("collection_id", "id"),)),
        Dependants("collections inside it", rows_in="child_collections"),
    ),
)
async def delete_collection(api: Portkey, collection_id: CollectionId) -> Done:
    """Delete a collection; cannot be undone. A workspace's default one stays."""
    ...

"""Partials of prompts. Most of their scopes are not documented; prompts' are presumed."""

from ..models.core.base import Done
from ..models.core.paging import Page
from ..models.partials import (
    Partial,
    PartialDraft,
    PartialFilter,
    PartialId,
    PartialPatch,
    PartialRef,
    PartialVersion,
    Publication,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool
from ..portkey.references import PROMPT_VERSIONS

USES = (PROMPT_VERSIONS,)


@tool("POST /prompts/partials", scope="prompts.create")
async def create_prompt_partial(api: Portkey, draft: PartialDraft) -> PartialRef:
    """Create a piece of text that prompts include as `{{>slug}}`."""
    ...


@tool("GET /prompts/partials", scope="prompts.list")
async def list_prompt_partials(api: Portkey, filter: PartialFilter) -> Page[Partial]:
    """List prompt partials, without their text."""
    ...


@tool("GET /prompts/partials/{prompt_partial_id}", scope="prompts.read")
async def get_prompt_partial(api: Portkey, prompt_partial_id: PartialId) -> Partial:
    """Read a partial in its published version."""
    ...


@tool(
    "PUT /prompts/partials/{prompt_partial_id}",
    scope="prompts.update",
    is_listed=False,
    is_repeatable=False,
)
async def update_prompt_partial(
    api: Portkey, prompt_partial_id: PartialId, patch: PartialPatch
) -> PartialRef:
    """Change a partial; new text is a new version that `publish_partial` puts in force."""
    ...


@tool("DELETE /prompts/partials/{prompt_partial_id}", scope="prompts.delete", dependants=USES)
async def delete_prompt_partial(api: Portkey, prompt_partial_id: PartialId) -> Done:
    """Delete a partial with all versions; cannot be undone, and prompts lose its text."""
    ...


@tool("GET /prompts/partials/{prompt_partial_id}/versions", scope="prompts.read")
async def list_partial_versions(api: Portkey, prompt_partial_id: PartialId) -> Page[PartialVersion]:
    """List a partial's versions with their text, newest first."""
    ...


@tool(
    "PUT /prompts/partials/{prompt_partial_id}/makeDefault",
    scope="prompts.publish",
    is_listed=False,
)
async def publish_partial(
    api: Portkey, prompt_partial_id: PartialId, publication: Publication
) -> Done:
    """Put a version of a partial in force, at once in every prompt that includes it."""
    ...

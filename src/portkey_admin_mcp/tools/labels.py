"""Labels of prompt versions. Their scopes are not documented; prompts' are presumed."""

from ..models.core.base import Done
from ..models.core.paging import Page
from ..models.labels import (
    Label,
    LabelDraft,
    LabelFilter,
    LabelId,
    LabelOwner,
    LabelPatch,
    LabelRef,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool
from ..portkey.references import PROMPT_VERSIONS

USES = (PROMPT_VERSIONS.at("data.label_id", kind="prompts with a version under it"),)


@tool("POST /labels", scope="prompts.create")
async def create_prompt_label(api: Portkey, draft: LabelDraft) -> LabelRef:
    """Create a label for prompt versions; put it on one with `update_prompt_version`."""
    ...


@tool("GET /labels", scope="prompts.list")
async def list_prompt_labels(api: Portkey, filter: LabelFilter) -> Page[Label]:
    """List prompt labels: production, staging, development, and a workspace's own."""
    ...


@tool("GET /labels/{label_id}", scope="prompts.read")
async def get_prompt_label(api: Portkey, label_id: LabelId, owner: LabelOwner) -> Label:
    """Read one prompt label."""
    ...


@tool(
    "PUT /labels/{label_id}",
    scope="prompts.update",
    high_risk_if=(("name", "calls by the old name then fail"),),
    dependants=USES,
)
async def update_prompt_label(api: Portkey, label_id: LabelId, patch: LabelPatch) -> Done:
    """Change a label's name, description or color; callers that use the old name then fail."""
    ...


@tool("DELETE /labels/{label_id}", scope="prompts.delete", is_restorable=True, dependants=USES)
async def delete_prompt_label(api: Portkey, label_id: LabelId) -> Done:
    """Delete a label, also from the versions that have it; cannot be undone."""
    ...

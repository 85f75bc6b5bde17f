"""Change a prompt, or say what would change."""

from ..models.prompts import OfVersion, PromptId, PromptPatch, PromptWrite
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.prompts import get_prompt
from ..tools.prompts import update_prompt as update_prompt_request
from .prompt_content import changed_fields

DOMAIN = "prompts"


@workflow(get_prompt, update_prompt_request, effect="overwrite", is_repeatable=False)
async def update_prompt(api: Portkey, prompt_id: PromptId, patch: PromptPatch) -> PromptWrite:
    """Change a prompt: a new version from what is given and the latest version.

    It is not in force until `publish_prompt`. Name or collection alone make no version.
    """
    if not patch.dry_run:
        return await update_prompt_request(api, prompt_id, patch)
    current = (await get_prompt(api, prompt_id, OfVersion())).answer()
    changes = changed_fields(patch.wire(), current)
    return PromptWrite.read(
        {
            "dry_run": True,
            "action": "update" if changes else "none",
            "id": current.get("id"),
            "slug": current.get("slug"),
            "published_version": current.get("prompt_version"),
            "changes": changes,
            "makes_version": bool(set(changes) - {"name", "collection_id"}),
        }
    )

"""Change a prompt, or say what would change."""

from ..models.prompts import OfVersion, PromptId, PromptPatch, PromptWrite
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.prompts import get_prompt, put_prompt
from .prompt_content import differences

DOMAIN = "prompts"


@workflow(get_prompt, put_prompt, effect="overwrite", is_repeatable=False)
async def update_prompt(api: Portkey, prompt_id: PromptId, patch: PromptPatch) -> PromptWrite:
    """Change a prompt: a new version from what is given and the latest version.

    It is not in force until `publish_prompt`. Name or collection alone make no version.
    """
    if not patch.dry_run:
        return await put_prompt(api, prompt_id, patch)
    now = (await get_prompt(api, prompt_id, OfVersion())).answer()
    changed = differences(patch.wire(), now)
    return PromptWrite.read(
        {
            "dry_run": True,
            "action": "update" if changed else "none",
            "id": now.get("id"),
            "slug": now.get("slug"),
            "published_version": now.get("prompt_version"),
            "changes": changed,
            "makes_version": bool(set(changed) - {"name", "collection_id"}),
        }
    )

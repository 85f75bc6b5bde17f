"""Change a prompt, or say what would change."""

from typing import Any

from ..models.prompts import OfVersion, PromptId, PromptPatch, PromptWrite
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.prompts import get_prompt, get_prompt_version, list_prompt_versions
from ..tools.prompts import update_prompt as update_prompt_request
from .prompts.content import changed_fields, latest_version
from .prompts.dry_run import CHECK_TOOLS, check_references
from .prompts.versions import with_prompt_version

DOMAIN = "prompts"
NO_VERSION = {"patch", "name", "collection_id"}
"""The fields of an update's body that make no version."""
SAME_CONTENT = "Nothing differs from the latest version, but the call would make an equal one."


@workflow(
    get_prompt,
    update_prompt_request,
    optional=(list_prompt_versions, get_prompt_version, *CHECK_TOOLS),
    effect="overwrite",
    is_repeatable=False,
)
async def update_prompt(api: Portkey, prompt_id: PromptId, patch: PromptPatch) -> PromptWrite:
    """Change a prompt: a new version from what is given and the latest version.

    It is not in force until `publish_prompt`. Name or collection alone make no version.
    """
    if patch.dry_run:
        return await _dry_run(api, prompt_id, patch)
    written = await update_prompt_request(api, prompt_id, patch)
    return await with_prompt_version(api, prompt_id, written)


async def _dry_run(api: Portkey, prompt_id: str, patch: PromptPatch) -> PromptWrite:
    """What the update would change in the latest version, on which Portkey builds it."""
    published = (await get_prompt(api, prompt_id, OfVersion())).answer()
    latest = await latest_version(api, prompt_id)
    body = patch.wire()
    changes = changed_fields(body, {**published, **latest})
    makes_version = bool(body.keys() - NO_VERSION)
    collection_id = body.get("collection_id") or published.get("collection_id")
    check = await check_references(api, collection_id, body.get("virtual_key"))
    answer: dict[str, Any] = {
        "dry_run": True,
        "action": "update" if changes or makes_version else "none",
        "id": published.get("id"),
        "slug": published.get("slug"),
        "published_version": published.get("prompt_version"),
        "latest_version": latest.get("prompt_version"),
        "changes": changes,
        "makes_version": makes_version,
        "not_checked": [name for name in check.not_checked if name in body],
    }
    if check.problems:
        answer |= {"action": "refused", "problems": check.problems}
    is_same = makes_version and not {*changes} - NO_VERSION
    return PromptWrite.read(answer).with_notes(*([SAME_CONTENT] if is_same else []))

"""Create a prompt, or say whether it can be created."""

from ..models.prompts import PromptCreation, PromptWrite
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.prompts import create_prompt as create_prompt_request
from .prompts.dry_run import CHECK_TOOLS, check_references

DOMAIN = "prompts"


@workflow(create_prompt_request, optional=CHECK_TOOLS, effect="create")
async def create_prompt(api: Portkey, draft: PromptCreation) -> PromptWrite:
    """Create a prompt template; its first version is published at once.

    Give `string` or `messages`, with `{{variables}}`. To write one that may exist already:
    `migrate_prompt`.
    """
    written = await create_prompt_request(api, draft)
    if not draft.dry_run:
        return PromptWrite.read({**written.answer(), "prompt_version": 1})
    check = await check_references(api, draft.collection_id, draft.virtual_key)
    return PromptWrite.read(
        {
            **written.answer(),
            **({"action": "refused", "problems": check.problems} if check.problems else {}),
            "not_checked": check.not_checked,
        }
    )

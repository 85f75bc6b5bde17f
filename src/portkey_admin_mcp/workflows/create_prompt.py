"""Create a prompt, or say what would be created."""

from ..models.prompts import PromptCreation, PromptWrite
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.prompts import post_prompt

DOMAIN = "prompts"


@workflow(post_prompt, effect="create")
async def create_prompt(api: Portkey, draft: PromptCreation) -> PromptWrite:
    """Create a prompt template; its first version is published at once.

    Give `string` or `messages`, with `{{variables}}`. To write one that may exist already:
    `migrate_prompt`.
    """
    if not draft.dry_run:
        return await post_prompt(api, draft)
    body = draft.wire()
    return PromptWrite.read(
        {
            "dry_run": True,
            "action": "create",
            "name": draft.name,
            "model": body["model"],
            "template_length": len(body["string"]),
            "parameter_count": len(draft.parameters),
        }
    )

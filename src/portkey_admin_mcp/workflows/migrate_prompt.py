"""Write a prompt whether it exists or not: create it, make a version of it, or leave it."""

from typing import Annotated

from pydantic import Field

from ..models.core.base import ABSENT, Unsent
from ..models.prompts import DryRun, PromptDraft, PromptOutcome
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from .prompts.content import (
    CONTENT_FIELDS,
    FIND_TOOLS,
    OPTIONAL_TOOLS,
    WRITE_TOOLS,
    TargetPrompt,
    write_prompt,
)
from .shared.timestamps import utc_timestamp

DOMAIN = "prompts"


class PromptMigration(PromptDraft):
    """A prompt as it should be, with the application it comes from."""

    app: Annotated[str, Unsent.FOLDED] = Field(min_length=1, description="Kept in its metadata.")
    env: Annotated[str, Unsent.FOLDED] = Field(min_length=1)
    is_raw_template: Annotated[bool, Unsent.FOLDED] = ABSENT
    dry_run: DryRun = ABSENT


@workflow(*FIND_TOOLS, *WRITE_TOOLS, optional=OPTIONAL_TOOLS, effect="overwrite")
async def migrate_prompt(api: Portkey, prompt: PromptMigration) -> PromptOutcome:
    """Bring a prompt from code into Portkey; safe to repeat.

    By name in the collection: created if missing, a new unpublished version if its content
    differs from the latest, else unchanged. Then `publish_prompt`.
    """
    metadata = {**(prompt.template_metadata or {}), "app": prompt.app, "env": prompt.env}
    target = TargetPrompt(
        name=prompt.name,
        collection_id=prompt.collection_id,
        content=prompt.model_dump(exclude_unset=True, include={*CONTENT_FIELDS, "messages"}),
        description=prompt.model_dump(exclude_unset=True, include={"version_description"}),
        compared_metadata=metadata,
        metadata={**metadata, "migrated_at": utc_timestamp(api.now())},
    )
    return await write_prompt(api, target, [], dry_run=bool(prompt.dry_run))

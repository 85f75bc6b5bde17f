"""Write a prompt whether it exists or not: create it, make a version of it, or leave it."""

from pydantic import Field

from ..models.core.base import ABSENT
from ..models.prompts import DryRun, PromptDraft, PromptOutcome
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from .prompt_content import EXECUTED, FINDING, WRITING, Wanted, utc_timestamp, write_prompt

DOMAIN = "prompts"


class PromptMigration(PromptDraft):
    """A prompt as it should be, with the application it comes from."""

    app: str = Field(min_length=1, description="Kept in its metadata.", exclude=True)
    env: str = Field(min_length=1, exclude=True)
    is_raw_template: bool = Field(ABSENT, exclude=True)
    dry_run: DryRun = Field(ABSENT, exclude=True)


@workflow(*FINDING, *WRITING, effect="overwrite")
async def migrate_prompt(api: Portkey, prompt: PromptMigration) -> PromptOutcome:
    """Bring a prompt from code into Portkey; safe to repeat.

    By name in the collection: created if missing, a new unpublished version if its content
    differs from the latest, else unchanged. Then `publish_prompt`.
    """
    metadata = {**(prompt.template_metadata or {}), "app": prompt.app, "env": prompt.env}
    given = prompt.model_dump(exclude_unset=True, include={*EXECUTED, "messages"})
    if prompt.given("is_raw_template"):
        given["is_raw_template"] = prompt.is_raw_template
    wanted = Wanted(
        name=prompt.name,
        collection_id=prompt.collection_id,
        content=given,
        described=prompt.model_dump(exclude_unset=True, include={"version_description"}),
        compared=metadata,
        stamped={**metadata, "migrated_at": utc_timestamp()},
    )
    return await write_prompt(api, wanted, [], dry_run=bool(prompt.dry_run))

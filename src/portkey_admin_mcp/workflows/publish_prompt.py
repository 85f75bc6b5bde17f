"""Publish a version of a prompt by its number or its id; Portkey takes the number only."""

from ..models.core.base import Done
from ..models.prompts import PromptId, PublishedVersion
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.prompts import LAST_USE, list_prompt_versions
from ..tools.prompts import publish_prompt as publish_prompt_request
from .prompts.versions import prompt_version_number

DOMAIN = "prompts"


@workflow(
    publish_prompt_request,
    optional=(list_prompt_versions,),
    effect="overwrite",
    last_use=LAST_USE,
)
async def publish_prompt(api: Portkey, prompt_id: PromptId, version: PublishedVersion) -> Done:
    """Put a version in force: calls by slug get it at once. Publish an older one to roll back."""
    number = await prompt_version_number(api, prompt_id, version.version)
    return await publish_prompt_request(api, prompt_id, PublishedVersion(version=number))

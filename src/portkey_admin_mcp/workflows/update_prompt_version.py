"""Label a version of a prompt by its id or its number; Portkey takes the id only."""

from ..models.core.base import Done
from ..models.prompts import PromptId, VersionId, VersionLabel
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.prompts import list_prompt_versions
from ..tools.prompts import update_prompt_version as update_prompt_version_request
from .prompts.versions import prompt_version_id

DOMAIN = "prompts"


@workflow(update_prompt_version_request, optional=(list_prompt_versions,), effect="overwrite")
async def update_prompt_version(
    api: Portkey, prompt_id: PromptId, version_id: VersionId, label: VersionLabel
) -> Done:
    """Put a label on a version, so that slug@label calls it; moved from any other version.

    Nothing else of a version can change: `update_prompt` makes a new one.
    """
    id = await prompt_version_id(api, prompt_id, version_id)
    return await update_prompt_version_request(api, prompt_id, id, label)

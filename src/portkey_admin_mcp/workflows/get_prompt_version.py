"""Read a version of a prompt by its id or its number; Portkey takes the id only."""

from ..models.prompts import Prompt, PromptId, VersionId
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.prompts import get_prompt_version as get_prompt_version_request
from ..tools.prompts import list_prompt_versions
from .prompts.versions import prompt_version_id

DOMAIN = "prompts"


@workflow(get_prompt_version_request, optional=(list_prompt_versions,), effect="read")
async def get_prompt_version(api: Portkey, prompt_id: PromptId, version_id: VersionId) -> Prompt:
    """Read one version of a prompt whole, with its model."""
    id = await prompt_version_id(api, prompt_id, version_id)
    return await get_prompt_version_request(api, prompt_id, id)

"""Change a partial, and answer with the number of the version as well as its id."""

from ..models.partials import PartialId, PartialPatch, PartialRef
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.partials import USES, list_partial_versions
from ..tools.partials import update_prompt_partial as update_prompt_partial_request
from .prompts.versions import with_partial_version

DOMAIN = "partials"


@workflow(
    update_prompt_partial_request,
    optional=(list_partial_versions,),
    effect="overwrite",
    is_repeatable=False,
    high_risk_if=(("status=archived", "prompts that include it lose its text"),),
    dependants=USES,
)
async def update_prompt_partial(
    api: Portkey, prompt_partial_id: PartialId, patch: PartialPatch
) -> PartialRef:
    """Change a partial; new text is a new version that `publish_partial` puts in force."""
    written = await update_prompt_partial_request(api, prompt_partial_id, patch)
    return await with_partial_version(api, prompt_partial_id, written)

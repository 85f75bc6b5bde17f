"""Publish a version of a partial by its number or its id; Portkey takes the number only."""

from ..models.core.base import Done
from ..models.partials import PartialId, Publication
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.partials import USES, list_partial_versions
from ..tools.partials import publish_partial as publish_partial_request
from .prompts.versions import partial_version_number

DOMAIN = "partials"


@workflow(
    publish_partial_request,
    optional=(list_partial_versions,),
    effect="overwrite",
    dependants=USES,
)
async def publish_partial(
    api: Portkey, prompt_partial_id: PartialId, publication: Publication
) -> Done:
    """Put a version of a partial in force, at once in every prompt that includes it."""
    number = await partial_version_number(api, prompt_partial_id, publication.version)
    return await publish_partial_request(api, prompt_partial_id, Publication(version=number))

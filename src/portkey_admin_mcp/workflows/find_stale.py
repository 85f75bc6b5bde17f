"""Find what was not used for some days, and scopes that were not needed."""

from typing import Annotated, Literal

from pydantic import Field

from ..models.core.base import ABSENT, Unsent
from ..models.core.findings import Findings
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from .shared.brief import Breadth
from .stale.objects import KINDS, READS, SCOPES, stale_objects

DOMAIN = "api_keys"
DEFAULT_DAYS = 30
StaleKind = Literal["api_keys", "configs", "prompts", "providers", "scopes"]


class Staleness(Breadth):
    """How long something was not used, and what."""

    days: Annotated[int, Unsent.LOCAL] = Field(
        default=ABSENT, ge=1, le=365, description="Default 30."
    )
    kinds: Annotated[list[StaleKind], Unsent.LOCAL] = Field(
        default=ABSENT, min_length=1, description="Only these; providers: virtual keys too."
    )


@workflow(optional=READS, effect="read", reports_progress=True)
async def find_stale(api: Portkey, staleness: Staleness) -> Findings:
    """Find unused API keys, configs, prompts, virtual keys, and scopes that no change needed.

    In all workspaces, by analytics and audit logs: last use, what is unknown, and what could not
    be read. What is younger than the days is not stale.
    """
    kinds: list[str] = [*(staleness.kinds or (*KINDS, SCOPES))]
    return await stale_objects(api, staleness.days or DEFAULT_DAYS, kinds, staleness.limit or None)

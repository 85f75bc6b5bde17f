"""Check request metadata before a billed call, without asking anyone."""

from pydantic import Field

from ..models.core.base import ABSENT, Arguments
from ..models.prompts import BILLED_TO, BillingCheck
from ..portkey.api import Portkey
from ..portkey.catalog import workflow

DOMAIN = "prompts"


class BillingMetadata(Arguments):
    """What a completion's metadata may say for billing."""

    client_id: str = ABSENT
    app: str = Field(ABSENT, min_length=1)
    env: str = Field(ABSENT, min_length=1)
    project_id: str = ABSENT
    feature: str = ABSENT


@workflow(effect="read")
async def validate_completion_metadata(api: Portkey, metadata: BillingMetadata) -> BillingCheck:
    """Check that metadata for `run_prompt_completion` names who is billed; nothing is sent."""
    given = metadata.model_dump(exclude_unset=True)
    errors = [f"Missing required field: {name}" for name in BILLED_TO if not given.get(name)]
    warnings = []
    if not given.get("project_id"):
        warnings.append("Missing recommended field: project_id (helps with billing attribution)")
    return BillingCheck(valid=not errors, errors=errors, warnings=warnings, metadata=given)

"""List changes without knowing the organisation's id, which Portkey insists on."""

from datetime import UTC, datetime, timedelta

from ..errors import ApiError, NotFound
from ..models.api_keys import ApiKeyFilter
from ..models.audit_logs import AuditFilter, AuditPage, AuditQuestion
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.api_keys import list_api_keys
from ..tools.audit_logs import list_audit_records

DOMAIN = "audit_logs"
DAYS = 7
INSTEAD = "The API keys were read for the organisation's id. Give organisation_id instead."


@workflow(list_audit_records, list_api_keys, effect="read")
async def list_audit_logs(api: Portkey, question: AuditQuestion) -> AuditPage:
    """List who changed what and when, newest first: the last week unless told otherwise."""
    now = datetime.now(UTC)
    given = question.model_dump(exclude_unset=True, exclude={"resource_id"})
    times = {"start_time": _text(now - timedelta(days=DAYS)), "end_time": _text(now)}
    if "organisation_id" not in given:
        given["organisation_id"] = await _organisation(api)
    return await list_audit_records(api, AuditFilter(**{**times, **given}))


async def _organisation(api: Portkey) -> str:
    """The organisation that API keys say they belong to."""
    try:
        keys = await list_api_keys(api, ApiKeyFilter(page_size=1))
    except ApiError as error:
        error.add_note(INSTEAD)
        raise
    found = next((key.answer().get("organisation_id") for key in keys.data), None)
    if not found:
        nothing = NotFound("no API key says whose it is", request="GET /api-keys")
        nothing.add_note(INSTEAD)
        raise nothing
    return str(found)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")

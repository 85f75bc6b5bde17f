"""List audit logs without the organisation's id and the period, which Portkey requires."""

from datetime import timedelta

from ..errors import ApiError, NotFound
from ..models.api_keys import ApiKeyFilter
from ..models.audit_logs import AuditFilter, AuditPage, AuditQuery
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.api_keys import list_api_keys
from ..tools.audit_logs import list_audit_logs as list_audit_logs_request
from .timestamps import utc_timestamp

DOMAIN = "audit_logs"
DEFAULT_PERIOD = timedelta(days=7)
HINT = "The API keys were read for the organisation's id. Give organisation_id instead."


@workflow(list_audit_logs_request, list_api_keys, effect="read")
async def list_audit_logs(api: Portkey, query: AuditQuery) -> AuditPage:
    """List who changed what and when, newest first: the last week unless told otherwise."""
    now = api.now()
    filters = {
        "start_time": utc_timestamp(now - DEFAULT_PERIOD, "seconds"),
        "end_time": utc_timestamp(now, "seconds"),
        **query.model_dump(exclude_unset=True, exclude={"resource_id"}),
    }
    if "organisation_id" not in filters:
        filters["organisation_id"] = await _organisation_id(api)
    return await list_audit_logs_request(api, AuditFilter(**filters))


async def _organisation_id(api: Portkey) -> str:
    """The organisation that the first API key belongs to.

    Raises NotFound if there is no key, and the errors of a read; each says what to give instead.
    """
    try:
        keys = await list_api_keys(api, ApiKeyFilter(page_size=1))
    except ApiError as error:
        error.add_note(HINT)
        raise
    organisation_id = next((key.answer().get("organisation_id") for key in keys.data), None)
    if not organisation_id:
        not_found = NotFound("no API key names its organisation", request="GET /api-keys")
        not_found.add_note(HINT)
        raise not_found
    return str(organisation_id)

"""List audit logs without the organisation's id and the period, which Portkey requires."""

from datetime import UTC, timedelta
from typing import Any

from ..errors import ApiError, InputError, NotFound
from ..models.api_keys import ApiKeyFilter
from ..models.audit_logs import AuditFilter, AuditPage, AuditQuery
from ..models.core.vocabulary import instant
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.api_keys import list_api_keys
from ..tools.audit_logs import list_audit_logs as list_audit_logs_request
from .shared.timestamps import utc_timestamp

DOMAIN = "audit_logs"
DEFAULT_PERIOD = timedelta(days=7)
HINT = "The API keys were read for the organisation's id. Give organisation_id instead."


@workflow(list_audit_logs_request, list_api_keys, effect="read")
async def list_audit_logs(api: Portkey, query: AuditQuery) -> AuditPage:
    """List who changed what and when, newest first: the last week unless told otherwise."""
    filters = _period(api, query) | query.model_dump(exclude_unset=True, exclude={"resource_id"})
    if "organisation_id" not in filters:
        filters["organisation_id"] = await _organisation_id(api)
    return await list_audit_logs_request(api, AuditFilter(**filters))


def _period(api: Portkey, query: AuditQuery) -> dict[str, Any]:
    """The period to list: it ends now and begins a week before its end, unless told otherwise.

    Raises InputError if it would begin in the future, or if `end_time` cannot be read.
    """
    try:
        end = instant(query.end_time) if query.given("end_time") else api.now()
        if query.given("start_time") and instant(query.start_time) >= end:
            when = "in the future" if instant(query.start_time) > end else "now"
            raise InputError(f"start_time ({query.start_time}) is {when}; give an end_time")
    except ValueError as error:
        raise InputError(f"start_time and end_time are no times: {error}") from None
    return {
        "start_time": utc_timestamp((end - DEFAULT_PERIOD).astimezone(UTC), "seconds"),
        "end_time": utc_timestamp(end.astimezone(UTC), "seconds"),
    }


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

"""Change some filters of a log export: Portkey replaces all of them."""

from ..models.log_exports import ExportChange, ExportId, ExportPatch, LogExportRef
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.log_exports import get_log_export
from ..tools.log_exports import update_log_export as update_log_export_request

DOMAIN = "log_exports"


@workflow(
    get_log_export,
    update_log_export_request,
    effect="overwrite",
    if_rejected="Only a draft is changed; for one that was started, draft another "
    "(`create_log_export`). If it is a draft, correct the arguments.",
)
async def update_log_export(api: Portkey, export_id: ExportId, patch: ExportPatch) -> LogExportRef:
    """Change a log export that is still a draft: only what you give.

    To drop a filter, draft another export.
    """
    body = patch.wire()
    current_filters = (await get_log_export(api, export_id)).filters or {}
    change = ExportChange(**body | {"filters": current_filters | body["filters"]})
    return await update_log_export_request(api, export_id, change)

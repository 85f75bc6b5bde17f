"""Change some filters of an export: Portkey wants to be told all of them."""

from ..models.log_exports import ExportChange, ExportId, ExportPatch, LogExportRef
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.log_exports import get_log_export, put_log_export

DOMAIN = "log_exports"


@workflow(get_log_export, put_log_export, effect="overwrite")
async def update_log_export(api: Portkey, export_id: ExportId, patch: ExportPatch) -> LogExportRef:
    """Change a log export that is still a draft: only what you give.

    To drop a filter, draft another export.
    """
    given = patch.wire()
    kept = (await get_log_export(api, export_id)).filters or {}
    change = ExportChange(**given | {"filters": kept | given["filters"]})
    return await put_log_export(api, export_id, change)

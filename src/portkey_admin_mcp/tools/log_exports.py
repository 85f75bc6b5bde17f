"""Log exports: requests and answers in bulk, as a file."""

from ..models.core.paging import Page, PagedHere
from ..models.log_exports import (
    ExportChange,
    ExportDraft,
    ExportFile,
    ExportId,
    ExportMessage,
    ExportsIn,
    FieldRestrictions,
    LogExport,
    LogExportRef,
)
from ..portkey.api import Portkey
from ..portkey.catalog import tool


@tool(
    "POST /logs/exports",
    scope="logs.export",
    enterprise=True,
    no_undo="an export cannot be deleted; a draft does nothing by itself",
)
async def create_log_export(api: Portkey, draft: ExportDraft) -> LogExportRef:
    """Draft an export of logged requests; `start_log_export` runs it."""
    ...


@tool("GET /logs/exports", scope="logs.export", enterprise=True)
async def list_log_exports(
    api: Portkey, workspace: ExportsIn, paging: PagedHere
) -> Page[LogExport]:
    """List log exports and where they stand."""
    ...


@tool("GET /logs/exports/{export_id}", scope="logs.export", enterprise=True)
async def get_log_export(api: Portkey, export_id: ExportId) -> LogExport:
    """Read one log export: status, filters, columns."""
    ...


@tool("PUT /logs/exports/{export_id}", scope="logs.export", enterprise=True, is_listed=False)
async def update_log_export(
    api: Portkey, export_id: ExportId, change: ExportChange
) -> LogExportRef:
    """Replace all filters of a log export; the workflow of this name keeps what is left out."""
    ...


@tool(
    "POST /logs/exports/{export_id}/start",
    scope="logs.export",
    enterprise=True,
    is_repeatable=False,
    if_rejected="Only a draft or a failed export starts; if it runs or ran, see `get_log_export`.",
)
async def start_log_export(api: Portkey, export_id: ExportId) -> ExportMessage:
    """Run a drafted or failed log export; `get_log_export` and `wait_for_log_export` follow it."""
    ...


@tool(
    "POST /logs/exports/{export_id}/cancel",
    scope="logs.export",
    enterprise=True,
    no_undo="a stopped export does not start again",
    if_rejected="Only a running export is cancelled; `get_log_export` says where it stands.",
)
async def cancel_log_export(api: Portkey, export_id: ExportId) -> ExportMessage:
    """Stop a log export that is running."""
    ...


@tool(
    "GET /logs/exports/{export_id}/download",
    scope="logs.export",
    enterprise=True,
    is_listed=False,
)
async def download_log_export(api: Portkey, export_id: ExportId) -> ExportFile:
    """Get a link to the file; the workflow of this name can also read its first rows."""
    ...


@tool("GET /logs/exports/field-restrictions", scope="logs.export", enterprise=True)
async def get_log_export_field_restrictions(
    api: Portkey, workspace: ExportsIn
) -> FieldRestrictions:
    """Which columns the organisation does not allow in log exports."""
    ...

"""Wait for a log export to end, and say how far it is while it runs."""

import asyncio
import time

from ..errors import PortkeyAdminError
from ..models.log_exports import ExportId, ExportPatience, ExportWait, LogExport
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..portkey.progress import report_progress
from ..tools.log_exports import get_log_export

DOMAIN = "log_exports"
DEFAULT_WAIT_S = 50
"""Less than the 60 seconds after which many clients give up a call."""
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 15.0
"""Pauses between two reads double up to this. Each read reports progress, after which many clients
wait for a call longer."""
NEXT_STEPS = {
    "draft": "It was not started, so there is nothing to wait for: `start_log_export`.",
    "success": "`download_log_export` gets its file.",
    "failed": "`start_log_export` runs it again.",
    "stopped": "A stopped export does not start again: `create_log_export` makes a new one.",
}
"""What to do next, for each status with which waiting ends."""
STILL_RUNNING = (
    "It is still running, and goes on without a call: `wait_for_log_export` again, or "
    "`cancel_log_export`."
)


@workflow(get_log_export, effect="read", reports_progress=True)
async def wait_for_log_export(
    api: Portkey, export_id: ExportId, patience: ExportPatience
) -> ExportWait:
    """Wait until a started log export ends; says its status and what to do next."""
    started = time.monotonic()
    deadline = started + (patience.max_wait_s or DEFAULT_WAIT_S)
    pause_s, status, reads = FIRST_PAUSE_S, "", 0
    while True:
        export = await _read(api, export_id, status)
        reads += 1
        status = str(export.answer().get("status") or "unknown")
        waited_s = time.monotonic() - started
        await report_progress(waited_s, None, f"The export is {status} after {waited_s:.0f} s")
        time_left_s = deadline - time.monotonic()
        if status in NEXT_STEPS or time_left_s <= 0:
            return _answer(export, status, waited_s, reads)
        await asyncio.sleep(min(pause_s, time_left_s))
        pause_s = min(pause_s * 2, MAX_PAUSE_S)


async def _read(api: Portkey, export_id: str, last_status: str) -> LogExport:
    """The export now; an error after the first read says how it was at the last one."""
    try:
        return await get_log_export(api, export_id)
    except PortkeyAdminError as error:
        if last_status:
            error.add_note(
                f"The export was {last_status} at the last read, and goes on without this call."
            )
        raise


def _answer(export: LogExport, status: str, waited_s: float, reads: int) -> ExportWait:
    answer = export.answer()
    return ExportWait.read(
        {
            "id": answer.get("id"),
            "status": status,
            "waited_s": round(waited_s, 1),
            "next": NEXT_STEPS.get(status, STILL_RUNNING),
            "known_by": f"get_log_export, read {reads} times",
        }
    )

"""Log exports: created, started, finished some seconds later, and downloaded by a signed link."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from .core.answers import Refusal, Reply, forbidden, invalid, list_answer, public
from .core.bodies import Body
from .core.control import control
from .core.routing import Call, route
from .core.rows import Row
from .core.store import moment
from .core.tables import OWNED_BY_WORKSPACE, Table
from .logs import log_answer, metrics
from .shared.limits import Amount
from .shared.security import check_organisation_views_logs, visible_api_keys
from .traffic.requests import Selection, select_requests, shown_time

if TYPE_CHECKING:
    from .core.app import Emulator

DURATION_S = 5
"""How long an export runs in the emulator."""
MAX_ROWS = 50_000
RESTRICTIONS = "_export_restrictions"
Column = Literal[
    "id", "trace_id", "created_at", "request", "response", "is_success", "ai_org", "ai_model",
    "req_units", "res_units", "total_units", "request_url", "cost", "cost_currency",
    "response_time", "response_status_code", "mode", "config", "prompt_slug", "metadata",
]  # fmt: skip

TABLES = (Table("log_exports", (OWNED_BY_WORKSPACE,)), Table(RESTRICTIONS))


class Filters(Body):
    """The requests to export, always of the export's own workspace (an assumption)."""

    time_of_generation_min: str
    time_of_generation_max: str
    total_units_min: int | None = None
    total_units_max: int | None = None
    cost_min: Amount | None = None
    cost_max: Amount | None = None
    ai_model: str | None = None
    prompt_token_min: int | None = None
    prompt_token_max: int | None = None
    completion_token_min: int | None = None
    completion_token_max: int | None = None
    status_code: str | None = None
    metadata: dict[str, Any] | None = None
    ai_org_model: str | None = None
    weighted_feedback_min: Amount | None = None
    weighted_feedback_max: Amount | None = None
    virtual_keys: str | None = None
    trace_id: str | None = None
    configs: str | None = None
    workspace_slug: str | None = None
    prompt_slug: str | None = None
    page_size: int = Field(MAX_ROWS, ge=1, le=MAX_ROWS)
    current_page: int = Field(0, ge=0)


class ExportBody(Body):
    """The body of an export, new or changed."""

    workspace_id: str | None = None
    filters: dict[str, Any]
    requested_data: list[Column] | None = Field(None, min_length=1)


class DeniedFields(Body):
    """Columns that cannot be exported."""

    fields: list[Column]


class Outcome(Body):
    """The status with which an export ends."""

    status: Literal["success", "failed"] = "success"


@route("POST /logs/exports", scope="logs.export", enterprise=True)
def create_log_export(call: Call) -> Row:
    """Create a draft; the answer counts the requests that it would export."""
    workspace, body = call.workspace(), call.read(ExportBody)
    check_organisation_views_logs(call, workspace)
    if not body.requested_data:
        raise invalid("requested_data", "Field required")
    _check_columns(call, body.requested_data)
    now = call.store.stamp()
    row = {
        "id": call.store.uuid(),
        "organisation_id": call.organisation,
        "filters": body.filters,
        "requested_data": body.requested_data,
        "status": "draft",
        "description": "",
        "created_at": now,
        "last_updated_at": now,
        "created_by": call.author,
        "workspace_id": workspace["id"],
        "object": "export",
        "_started": None,
        "_api_keys": visible_api_keys(call),
    }
    total = _total(call, row)
    call.table("log_exports").add(row)
    return {"id": row["id"], "total": total, "object": "export"}


@route("GET /logs/exports", scope="logs.export", enterprise=True)
def list_log_exports(call: Call) -> Row:
    """The exports of a workspace; for a user's key those of that user (changelog)."""
    rows = reversed(call.table("log_exports").where(workspace_id=call.workspace()["id"]))
    return list_answer(
        (row for row in rows if _may_see(call, row)), render=lambda r: _answer(call, r)
    )


@route("GET /logs/exports/field-restrictions", scope="logs.export", enterprise=True)
def get_log_export_field_restrictions(call: Call) -> Row:
    """The columns that cannot be exported. The form of this answer is an assumption."""
    call.workspace()
    return {"denied_fields": _denied(call)}


@route("GET /logs/exports/{export_id}", scope="logs.export", enterprise=True)
def get_log_export(call: Call) -> Row:
    """One export."""
    return _answer(call, _find(call))


@route("PUT /logs/exports/{export_id}", scope="logs.export", enterprise=True)
def update_log_export(call: Call) -> Row:
    """Change a draft, nothing else (an assumption); the filters are replaced as a whole."""
    row, body = _find(call), call.read(ExportBody)
    if _status(call, row) != "draft":
        raise Refusal(400, "Only a draft can be changed")
    changes: dict[str, Any] = {"filters": body.filters, "last_updated_at": call.store.stamp()}
    if body.requested_data:
        _check_columns(call, body.requested_data)
        changes["requested_data"] = body.requested_data
    total = _total(call, {**row, **changes})
    call.table("log_exports").change(row, changes)
    return {"id": row["id"], "total": total, "object": "export"}


@route("POST /logs/exports/{export_id}/start", scope="logs.export", enterprise=True)
def start_log_export(call: Call) -> Row:
    """Start a draft, or an export that failed."""
    row = _find(call)
    if _status(call, row) not in ("draft", "failed"):
        raise Refusal(400, f"Export is {_status(call, row)}")
    _check_columns(call, row["requested_data"])
    now = call.store.stamp()
    changes = {"status": "in_progress", "_started": now, "_signature": call.store.uuid()}
    call.table("log_exports").change(row, {**changes, "last_updated_at": now})
    return {"message": "Export has been queued", "object": "export"}


@route("POST /logs/exports/{export_id}/cancel", scope="logs.export", enterprise=True)
def cancel_log_export(call: Call) -> Row:
    """Stop a running export, nothing else (an assumption)."""
    row = _find(call)
    if _status(call, row) != "in_progress":
        raise Refusal(400, f"Export is {_status(call, row)}")
    changes = {"status": "stopped", "last_updated_at": call.store.stamp()}
    call.table("log_exports").change(row, changes)
    return {"message": "Export has been stopped", "object": "export"}


@route("GET /logs/exports/{export_id}/download", scope="logs.export", enterprise=True)
def download_log_export(call: Call) -> Row:
    """A link to the file, which needs no key."""
    row = _find(call)
    check_organisation_views_logs(call, call.table("workspaces").get(row["workspace_id"]))
    if _status(call, row) != "success":
        raise Refusal(400, f"Export is {_status(call, row)}")
    origin = f"http://{call.host}" if call.host else "https://files.emulator.example"
    link = f"{origin}/emulator/files/{row['id']}.jsonl?signature={row['_signature']}"
    return {"signed_url": link}


@control("GET /emulator/files/{name}")
def _file(emulator: "Emulator", call: Call) -> Reply:
    """The file of an export, for everyone with the link."""
    row = call.table("log_exports").get(call.ids["name"].removesuffix(".jsonl"))
    if row is None or call.query.get("signature") != row.get("_signature", ""):
        raise forbidden()
    lines = [json.dumps(line) for line in _file_lines(call, row)]
    return Reply("".join(f"{line}\n" for line in lines).encode(), "application/jsonl")


@control("POST /emulator/exports/{export_id}/finish")
def _finish(emulator: "Emulator", call: Call) -> None:
    """Finish a running export now, as a success or a failure."""
    row = call.find("log_exports", call.ids["export_id"])
    if _status(call, row) != "in_progress":
        raise Refusal(400, f"Export is {_status(call, row)}")
    status = call.read(Outcome).status
    with emulator.store.transaction():
        call.table("log_exports").change(row, {"status": status})


@control("POST /emulator/denied-fields")
def _set_denied_fields(emulator: "Emulator", call: Call) -> None:
    """Set the columns that cannot be exported, which Portkey offers in a browser only."""
    fields = call.read(DeniedFields).fields
    with emulator.store.transaction():
        table = call.table(RESTRICTIONS)
        if (row := table.get("denied")) is not None:
            table.remove(row)
        table.add({"id": "denied", "fields": fields})


def _find(call: Call) -> Row:
    row = call.find("log_exports", call.ids["export_id"])
    if not _may_see(call, row):
        raise forbidden()
    return row


def _may_see(call: Call, row: Row) -> bool:
    return bool(call.key["type"] != "workspace-user" or row["created_by"] == call.actor)


def _status(call: Call, row: Row) -> str:
    """The status now: a running export succeeds after some time."""
    latest_start = moment(call.store.now() - timedelta(seconds=DURATION_S))
    if row["status"] == "in_progress" and row["_started"] <= latest_start:
        return "success"
    return str(row["status"])


def _answer(call: Call, row: Row) -> dict[str, Any]:
    return {**public(row), "status": _status(call, row)}


def _denied(call: Call) -> list[str]:
    row = call.table(RESTRICTIONS).get("denied")
    return list(row["fields"]) if row is not None else []


def _check_columns(call: Call, columns: list[Any]) -> None:
    """Refuse columns that the organisation does not allow (changelog)."""
    if denied := sorted({*columns} & {*_denied(call)}):
        raise Refusal(400, f"Not allowed in exports: {', '.join(denied)}")


def _selected_requests(call: Call, row: Row) -> Selection:
    workspace = call.table("workspaces")[row["workspace_id"]]
    return select_requests(call, workspace, row["filters"], row.get("_api_keys"))


def _total(call: Call, row: Row) -> int:
    ((total,),) = _selected_requests(call, row).query("count(*)")
    body = _filters(call, row)
    return max(0, min(int(total) - body.current_page * body.page_size, body.page_size))


def _filters(call: Call, row: Row) -> Filters:
    return call.shaped(Filters, row["filters"])


def _file_lines(call: Call, row: Row) -> list[dict[str, Any]]:
    body = _filters(call, row)
    skip = body.current_page * body.page_size
    page = f"order by created_at limit {body.page_size} offset {skip}"
    return [
        _file_line(call, each, row["requested_data"])
        for each in _selected_requests(call, row).rows(page)
    ]


def _file_line(call: Call, request: dict[str, Any], columns: list[str]) -> dict[str, Any]:
    log = log_answer(call, request) if {"request", "response"} & {*columns} else {}
    values = {
        **metrics(request),
        "created_at": shown_time(request["created_at"]),
        "config": request["config"],
        "prompt_slug": request["prompt_slug"],
        "metadata": json.loads(request["metadata"]),
        "request": log.get("request"),
        "response": log.get("response"),
    }
    return {name: values.get(name) for name in columns}

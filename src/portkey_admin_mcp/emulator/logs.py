"""Logs: adding requests that did not pass Portkey, and reading any request with its answer."""

import json
from typing import Any

from pydantic import Field

from .core.answers import Refusal, forbidden, invalid
from .core.bodies import Body
from .core.routing import Call, all_of, route
from .core.rows import Row
from .shared.prices import price
from .shared.security import check_organisation_views_logs, visible_api_keys
from .traffic.requests import (
    CACHE_STATUS,
    database,
    dicts,
    metadata_text,
    record,
    shown_time,
)
from .traffic.units import UNITS_PER_CENT

ANY_LOG_SCOPE = ("logs.read", "completions.write", "logs.write")
TRACE_NAMES = {"traceId": "trace_id", "spanId": "span_id"}
MAX_COUNT = 10**9
"""The maximum of tokens and milliseconds of one request, so that SQL can sum them as integers."""


class LoggedRequest(Body):
    """The request to a model."""

    url: str
    provider: str | None = None
    method: str = "post"
    headers: dict[str, str] = {}
    body: dict[str, Any]


class LoggedResponse(Body):
    """The answer of the model."""

    status: int = Field(200, ge=100, le=599)
    headers: dict[str, str] = {}
    body: dict[str, Any]
    response_time: float = Field(0, ge=0, le=MAX_COUNT)
    """Milliseconds, which may have a fraction."""


class LogBody(Body):
    """A request with its answer."""

    request: LoggedRequest
    response: LoggedResponse
    metadata: dict[str, Any] = {}


@route("POST /logs", scope=all_of("completions.write", "logs.write"), who="workspace")
def insert_log(call: Call) -> Row:
    """Add one request or a list of requests; analytics count them."""
    logs = call.body if isinstance(call.body, list) else [call.body]
    if not logs:
        raise invalid("body", "must not be empty")
    for body in [call.shaped(LogBody, log) for log in logs]:
        _add(call, body)
    return {"status": "success"}


@route("GET /logs/{id}", scope=ANY_LOG_SCOPE)
@route("GET /logs/{log_id}", scope=ANY_LOG_SCOPE)
def get_log(call: Call) -> Row:
    """One request with its answer and figures. The seeded requests have no texts."""
    (log_id,) = call.ids.values()
    cursor = database(call.store).execute("select * from requests where id = ?", (log_id,))
    row = next(iter(dicts(cursor)), None)
    if row is None:
        raise Refusal(404, "Log not found")
    if not call.is_admin and row["workspace_id"] != call.key["workspace_id"]:
        raise forbidden()
    if (visible := visible_api_keys(call)) is not None and row["api_key_id"] not in visible:
        raise forbidden()
    check_organisation_views_logs(call, call.table("workspaces").get(row["workspace_id"]))
    return log_answer(call, row)


def log_answer(call: Call, row: dict[str, Any]) -> Row:
    """The answer for a row of `requests`."""
    request = _request(row)
    response = json.loads(row["response"] or "null") or {"status": row["status"], "body": {}}
    at = shown_time(row["created_at"])
    headers = {"x-portkey-trace-id": row["trace_id"], "x-portkey-metadata": row["metadata"]}
    return {
        "_id": row["id"],
        "request": {**request, "method": request["method"].upper(), "portkeyHeaders": headers},
        "response": {
            **response,
            "responseTime": row["latency"],
            "lastUsedOptionJsonPath": "config",
        },
        "organisation_id": call.organisation,
        "created_at": at,
        "metrics": metrics(row) | {"organisation_id": call.organisation, "created_at": at},
    }


def _request(row: dict[str, Any]) -> dict[str, Any]:
    """The stored request; for a seeded one, a request with its model only."""
    stored: dict[str, Any] | None = json.loads(row["request"] or "null")
    return stored or {
        "url": f"https://api.{row['ai_org']}.example/v1/chat/completions",
        "method": "POST",
        "body": {"model": row["ai_model"]},
    }


def metrics(row: dict[str, Any]) -> dict[str, Any]:
    """The figures of a request, as logs and exports name them; costs in cents."""
    request = _request(row)
    values = {
        "id": row["id"],
        "is_success": row["status"] < 400,
        "ai_org": row["ai_org"],
        "ai_model": row["ai_model"],
        "req_units": row["req_units"],
        "res_units": row["res_units"],
        "total_units": row["total_units"],
        "cost": row["cost"] / UNITS_PER_CENT,
        "cost_currency": "USD",
        "request_url": request["url"],
        "request_method": request["method"].upper(),
        "response_status_code": row["status"],
        "response_time": row["latency"],
        "is_proxy_call": False,
        "cache_status": CACHE_STATUS[row["cache"]],
        "cache_type": row["cache"] if row["cache"] in ("simple", "semantic") else None,
        "retry_success_count": row["retries"],
        "trace_id": row["trace_id"],
        "span_id": row["span_id"],
        "mode": "fallback" if row["fallback"] else "single",
    }
    return {name: value for name, value in values.items() if value is not None}


def _add(call: Call, log: LogBody) -> None:
    metadata = {TRACE_NAMES.get(name, name): value for name, value in log.metadata.items()}
    requested_model = log.request.body.get("model")
    model = requested_model if isinstance(requested_model, str) else ""
    usage = log.response.body.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    tokens_in, tokens_out = (
        _count(counts.get(name)) for name in ("prompt_tokens", "completion_tokens")
    )
    record(
        call,
        workspace_id=call.workspace()["id"],
        user=metadata_text(metadata, "_user"),
        metadata=json.dumps(log.metadata),
        ai_org=log.request.provider,
        ai_model=model or None,
        req_units=tokens_in,
        res_units=tokens_out,
        total_units=tokens_in + tokens_out,
        cost=price(model, tokens_in, tokens_out),
        latency=round(log.response.response_time),
        status=log.response.status,
        trace_id=metadata_text(metadata, "trace_id"),
        span_id=metadata_text(metadata, "span_id"),
        request=log.request.model_dump_json(),
        response=log.response.model_dump_json(),
    )


def _count(value: Any) -> int:
    """A number of tokens; 0 if it is missing or not a valid number."""
    return value if type(value) is int and 0 <= value <= MAX_COUNT else 0

"""Logs: requests made elsewhere are added, and any request is read with its answer."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from .core.routing import Body, Call, Refusal, all_of, forbidden, invalid, route
from .core.rows import Row
from .traffic.month import price
from .traffic.requests import PER_CENT, database, dicts, record, shown_time

ANY_LOG_SCOPE = ("logs.read", "completions.write", "logs.write")
NAMED = {"traceId": "trace_id", "spanId": "span_id"}
MOST = 10**9
"""Tokens and milliseconds of one request, so that sums of them are whole numbers of SQL."""


class LoggedRequest(Body):
    """What was asked."""

    url: str
    provider: str | None = None
    method: str = "post"
    headers: dict[str, str] = {}
    body: dict[str, Any]


class LoggedResponse(Body):
    """What was answered."""

    status: int = Field(200, ge=100, le=599)
    headers: dict[str, str] = {}
    body: dict[str, Any]
    response_time: int = Field(0, ge=0, le=MOST)


class LogBody(Body):
    """A request with its answer."""

    request: LoggedRequest
    response: LoggedResponse
    metadata: dict[str, Any] = {}


@route("POST /logs", scope=all_of("completions.write", "logs.write"), who="workspace")
def insert_log(call: Call) -> Row:
    """One request or a list of them; they count in analytics."""
    given = call.body if isinstance(call.body, list) else [call.body]
    if not given:
        raise invalid("body", "must not be empty")
    for each in [call.shaped(LogBody, one) for one in given]:
        _add(call, each)
    return {"status": "success"}


@route("GET /logs/{id}", scope=ANY_LOG_SCOPE)
@route("GET /logs/{log_id}", scope=ANY_LOG_SCOPE)
def get_log(call: Call) -> Row:
    """A request with its answer, and what it took; of older ones the texts are not kept."""
    (wanted,) = call.ids.values()
    asked = database(call.store).execute("select * from requests where id = ?", (wanted,))
    found = next(iter(dicts(asked)), None)
    if found is None:
        raise Refusal(404, "Log not found")
    if not call.is_admin and found["workspace_id"] != call.key["workspace_id"]:
        raise forbidden()
    return shown(call, found)


def shown(call: Call, row: dict[str, Any]) -> Row:
    """A row of the requests, in the form of a log."""
    asked = _request(row)
    answered = json.loads(row["response"] or "null") or {"status": row["status"], "body": {}}
    at = shown_time(row["created_at"])
    headers = {"x-portkey-trace-id": row["trace_id"], "x-portkey-metadata": row["metadata"]}
    return {
        "_id": row["id"],
        "request": {**asked, "method": asked["method"].upper(), "portkeyHeaders": headers},
        "response": {
            **answered,
            "responseTime": row["latency"],
            "lastUsedOptionJsonPath": "config",
        },
        "organisation_id": call.organisation,
        "created_at": at,
        "metrics": metrics(row) | {"organisation_id": call.organisation, "created_at": at},
    }


def _request(row: dict[str, Any]) -> dict[str, Any]:
    """What was asked: of the seeded month, only the model is known."""
    kept: dict[str, Any] | None = json.loads(row["request"] or "null")
    return kept or {
        "url": f"https://api.{row['ai_org']}.example/v1/chat/completions",
        "method": "POST",
        "body": {"model": row["ai_model"]},
    }


def metrics(row: dict[str, Any]) -> dict[str, Any]:
    """What a request took, as logs and exports call it; costs in cents."""
    asked = _request(row)
    found = {
        "id": row["id"],
        "is_success": row["status"] < 400,
        "ai_org": row["ai_org"],
        "ai_model": row["ai_model"],
        "req_units": row["req_units"],
        "res_units": row["res_units"],
        "total_units": row["total_units"],
        "cost": row["cost"] / PER_CENT,
        "cost_currency": "USD",
        "request_url": asked["url"],
        "request_method": asked["method"].upper(),
        "response_status_code": row["status"],
        "response_time": row["latency"],
        "is_proxy_call": False,
        "cache_status": row["cache"],
        "retry_success_count": row["retries"],
        "trace_id": row["trace_id"],
        "span_id": row["span_id"],
        "mode": "fallback" if row["fallback"] else "single",
    }
    return {name: value for name, value in found.items() if value is not None}


def _add(call: Call, log: LogBody) -> None:
    metadata = {NAMED.get(name, name): value for name, value in log.metadata.items()}
    asked_model = log.request.body.get("model")
    model = asked_model if isinstance(asked_model, str) else ""
    usage = log.response.body.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    tokens_in, tokens_out = (
        _count(counts.get(name)) for name in ("prompt_tokens", "completion_tokens")
    )
    record(
        call,
        workspace_id=call.workspace()["id"],
        user=_text(metadata, "_user"),
        metadata=json.dumps(log.metadata),
        ai_org=log.request.provider,
        ai_model=model or None,
        req_units=tokens_in,
        res_units=tokens_out,
        total_units=tokens_in + tokens_out,
        cost=price(model, tokens_in, tokens_out),
        latency=log.response.response_time,
        status=log.response.status,
        trace_id=_text(metadata, "trace_id"),
        span_id=_text(metadata, "span_id"),
        request=log.request.model_dump_json(),
        response=log.response.model_dump_json(),
    )


def _text(metadata: Mapping[str, Any], name: str) -> str | None:
    value = metadata.get(name)
    if value is None or isinstance(value, str):
        return value
    raise invalid(f"metadata.{name}", "must be a string")


def _count(value: Any) -> int:
    """A number of tokens; what providers do not say, or say wrongly, is none."""
    return value if type(value) is int and 0 <= value <= MOST else 0

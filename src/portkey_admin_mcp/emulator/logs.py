"""Logs: requests made elsewhere are added, and any request is read with its answer."""

import json
from typing import Any

from pydantic import Field

from .kernel import Call, Refusal, all_of, forbidden, invalid, route
from .limits import Body
from .tables import Row
from .traffic import PER_CENT, database, dicts, record, shown_time
from .traffic_month import price

ANY_LOG_SCOPE = ("logs.read", "completions.write", "logs.write")
NAMED = {"traceId": "trace_id", "spanId": "span_id"}


class LoggedRequest(Body):
    """What was asked."""

    url: str
    provider: str | None = None
    method: str = "post"
    headers: dict[str, str] = {}
    body: dict[str, Any]


class LoggedResponse(Body):
    """What was answered."""

    status: int = 200
    headers: dict[str, str] = {}
    body: dict[str, Any]
    response_time: int = Field(0, ge=0)


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
    asked = json.loads(row["request"] or "null") or {
        "url": f"https://api.{row['ai_org']}.example/v1/chat/completions",
        "method": "POST",
        "body": {"model": row["ai_model"]},
    }
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


def metrics(row: dict[str, Any]) -> dict[str, Any]:
    """What a request took, as logs and exports call it; costs in cents."""
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
        "request_url": f"https://api.{row['ai_org']}.example/v1/chat/completions",
        "request_method": "POST",
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
    model = str(log.request.body.get("model") or "")
    usage = log.response.body.get("usage")
    tokens = usage if isinstance(usage, dict) else {}
    asked, said = (_count(tokens.get(n)) for n in ("prompt_tokens", "completion_tokens"))
    record(
        call,
        workspace_id=call.workspace()["id"],
        user=metadata.get("_user"),
        metadata=json.dumps(log.metadata),
        ai_org=log.request.provider,
        ai_model=model or None,
        req_units=asked,
        res_units=said,
        total_units=asked + said,
        cost=price(model, asked, said),
        latency=log.response.response_time,
        status=log.response.status,
        trace_id=metadata.get("trace_id"),
        span_id=metadata.get("span_id"),
        request=log.request.model_dump_json(),
        response=log.response.model_dump_json(),
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0

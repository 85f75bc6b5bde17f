"""Audit logs: one record for each successful write, in the SQL database."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid5

from .core.answers import forbidden, invalid
from .core.routing import VERSION, Call, Route, route
from .core.rows import Row
from .core.store import Store, instant
from .core.tables import Table
from .traffic.requests import dicts, milliseconds, shown_time

COLUMNS = (
    "timestamp",
    "method",
    "uri",
    "request_id",
    "request_body",
    "query_params",
    "request_headers",
    "user_id",
    "user_type",
    "organisation_id",
    "workspace_id",
    "response_status_code",
    "resource_type",
    "action",
    "client_ip",
    "country",
)
FILTERS = (
    "method",
    "uri",
    "request_id",
    "user_id",
    "user_type",
    "workspace_id",
    "response_status_code",
    "resource_type",
    "action",
    "client_ip",
    "country",
)
ACTION_OF_SEGMENT = {"makeDefault": "publish", "rotate": "rotate", "start": "export"}
ACTION_OF_METHOD = {"POST": "create", "PUT": "update", "DELETE": "delete"}
SECRET = ("key", "secret", "token", "password", "auth_config", "configurations", "credentials")
MASK = "***"
HISTORY = "_history"
"""The table with the writes of the seed, each in the form of a record."""
TABLES = (Table(HISTORY),)


@route("GET /audit-logs", scope="audit_logs.list", enterprise=True)
def list_audit_logs(call: Call) -> Row:
    """The writes of a period, newest first; for a workspace's key, those in its workspace."""
    for name in ("start_time", "end_time"):
        if not call.query.get(name):
            raise invalid(name, "Field required")
    # The OpenAPI file requires the organisation; live, it is that of the key if it is left out.
    named = call.query.get("organisation_id") or call.organisation
    if named != call.organisation and not call.is_owner:
        raise forbidden()
    parts = ["timestamp between ? and ?"]
    values: list[Any] = [_milliseconds_of(call, "start_time"), _milliseconds_of(call, "end_time")]
    filters = dict(call.query)
    if not call.is_admin or filters.get("workspace_id"):
        filters["workspace_id"] = call.workspace()["id"]
    for name in FILTERS:
        if filters.get(name):
            parts.append(f"cast({name} as text) = ?")
            values.append(filters[name])
    matching = f"from audit where {' and '.join(parts)}"
    database = _open_database(call.store)
    (total,) = database.execute(f"select count(*) {matching}", values).fetchone()
    skip, count = call.page_range(total)
    page = f"select * {matching} order by timestamp desc, rowid desc limit {count} offset {skip}"
    rows = dicts(database.execute(page, values))
    records = [{**row, "timestamp": shown_time(row["timestamp"])} for row in rows]
    return {"records": records, "total": total, "object": "analytics-graph"}


def record_write(call: Call, endpoint: Route, path: str) -> None:
    """Record a successful write. Requests to the gateway are no changes and are not recorded."""
    if endpoint.who == "workspace":
        return
    _insert(_open_database(call.store), [_record(call, endpoint, path, call.store.uuid())])


def record_seeded(call: Call, endpoint: Route) -> None:
    """Record a write of a seed, in a table that is copied when the first record is read or made."""
    if endpoint.method == "GET" or endpoint.who == "workspace":
        return
    history = call.table(HISTORY)
    path = path_of(call, endpoint)
    number = str(len(history))
    request_id = str(uuid5(UUID(call.organisation), f"seeded request {number}"))
    history.add({"id": number, "record": _record(call, endpoint, path, request_id)})


def path_of(call: Call, endpoint: Route) -> str:
    """The path that a request to an endpoint has."""
    return "/" + "/".join(
        "v1" if segment == VERSION else call.ids.get(segment.strip("{}"), segment)
        for segment in endpoint.segments
    )


def _insert(database: sqlite3.Connection, records: Iterable[Row]) -> None:
    sql = f"insert into audit values ({', '.join('?' * len(COLUMNS))})"  # noqa: S608  # no user input
    database.executemany(sql, [[record[name] for name in COLUMNS] for record in records])


def _record(call: Call, endpoint: Route, path: str, request_id: str) -> Row:
    last = endpoint.segments[-1]
    return {
        "timestamp": milliseconds(call.store.now()),
        "method": endpoint.method,
        "uri": path,
        "request_id": request_id,
        "request_body": json.dumps(_masked(call.body)),
        "query_params": json.dumps(dict(call.query)),
        "request_headers": json.dumps({"x-portkey-api-key": MASK}),
        "user_id": call.author,
        "user_type": "user" if call.actor else "api_key",
        "organisation_id": call.organisation,
        "workspace_id": _workspace(call),
        "response_status_code": 200,
        "resource_type": _resource(endpoint),
        "action": ACTION_OF_SEGMENT.get(last, ACTION_OF_METHOD[endpoint.method]),
        "client_ip": "127.0.0.1",
        "country": "",
    }


def _workspace(call: Call) -> str:
    """The id of the key's workspace, or of the one that the request is about; empty if none.

    The request names it, or an object of it; one that it deleted is not found any more.
    """
    if not call.is_admin:
        return str(call.key["workspace_id"])
    body = call.body if isinstance(call.body, dict) else {}
    named = call.query.get("workspace_id") or body.get("workspace_id")
    if workspace := call.table("workspaces").find(named):
        return str(workspace["id"])
    for name in (*call.ids.values(), body.get("collection_id")):
        for table in call.store.table_names():
            row = call.table(table).find(name)
            if row is not None:
                return str((row["id"] if table == "workspaces" else row.get("workspace_id")) or "")
    return ""


def _open_database(store: Store) -> sqlite3.Connection:
    """The database with the table of records; on first use, with the history of the seed."""
    database = store.database
    if not database.execute("pragma table_info(audit)").fetchone():
        database.execute(f"create table audit ({', '.join(COLUMNS)})")
        database.execute("create index audit_by_time on audit (timestamp)")
        _insert(database, (row["record"] for row in store.table(HISTORY).rows()))
        if not store.in_transaction:
            database.commit()
    return database


def _resource(endpoint: Route) -> str:
    """The type of object in a path: its last segment that is neither an id nor an action."""
    nouns = [
        s for s in endpoint.segments[1:] if not s.startswith("{") and s not in ACTION_OF_SEGMENT
    ]
    return nouns[-1].removesuffix("s").replace("-", "_") if nouns else ""


def _masked(value: Any) -> Any:
    """The value with everything masked, at any depth, that may be a secret."""
    if isinstance(value, Mapping):
        return {
            name: MASK if any(word in name.lower() for word in SECRET) else _masked(inner)
            for name, inner in value.items()
        }
    return [_masked(inner) for inner in value] if isinstance(value, list) else value


def _milliseconds_of(call: Call, name: str) -> int:
    try:
        return milliseconds(instant(call.query[name]))
    except (ValueError, OverflowError):
        raise invalid(name, "must be a time in ISO 8601") from None

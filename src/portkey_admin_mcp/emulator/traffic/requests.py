"""Requests to models: stored in SQL, and selected by the filters of analytics.

A seeded organisation has a month of them (`month.py`), generated when it is first needed.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from ..core.answers import forbidden, invalid
from ..core.routing import Call
from ..core.rows import Row
from ..core.store import Store, instant
from ..shared.security import visible_api_keys
from .month import (
    POSITIONS,
    PROGRESS,
    RECIPES,
    TABLES,
    Progress,
    make_indexes,
    make_tables,
)
from .month_database import COPY, MonthDatabase, is_shared, month_database
from .units import UNITS_PER_CENT

COST = f"sum(cost) * 1.0 / {UNITS_PER_CENT}"
"""SQL for the cost of requests, in cents."""
WEIGHTED = "sum(weighted_feedback * feedbacks) / nullif(sum(feedbacks), 0)"
"""SQL for the average of weighted scores: of all scores, not of the averages of requests."""
HITS = "cache in ('simple', 'semantic')"
"""SQL for whether a request was answered from the cache."""
RANGE_FILTERS = {
    "total_units": "total_units",
    "cost": "cost",
    "prompt_token": "req_units",
    "completion_token": "res_units",
    "weighted_feedback": "weighted_feedback",
}
CACHE_STATUS = {
    "simple": "HIT",
    "semantic": "SEMANTIC HIT",
    "miss": "MISS",
    "disabled": "DISABLED",
}
"""The words of answers and filters (the OpenAPI file) for the stored states of the cache."""
LIST_FILTERS = {
    "status_code": "status",
    "virtual_keys": "virtual_key",
    "configs": "config",
    "api_key_ids": "api_key_id",
    "ai_org_model": "ai_org || '__' || ai_model",
    "ai_model": "ai_model",
    "trace_id": "trace_id",
    "span_id": "span_id",
    "prompt_slug": "prompt_slug",
}


@dataclass(frozen=True)
class Selection:
    """Some requests: a condition in SQL with its values, and its period (Unix time in ms)."""

    database: sqlite3.Connection
    where: str
    values: tuple[Any, ...]
    start: int
    end: int

    def query(self, what: str, after: str = "") -> list[tuple[Any, ...]]:
        """Select columns of the requests; `after` is SQL that follows the condition."""
        return self._execute(what, after).fetchall()

    def rows(self, after: str = "") -> list[dict[str, Any]]:
        """The requests themselves, with every column."""
        return dicts(self._execute("*", after))

    def _execute(self, what: str, after: str) -> sqlite3.Cursor:
        sql = f"select {what} from requests where {self.where} {after}"  # noqa: S608  # no user input
        return self.database.execute(sql, self.values)


def dicts(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    """The rows of a cursor, by the names of its columns."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def database(store: Store) -> sqlite3.Connection:
    """The database with the requests, to read; on first use, with the month of the seed.

    To write requests or feedback, use `writable_database`.
    """
    connection = store.database
    if not store.has_requests:
        if not connection.execute("pragma table_info(requests)").fetchone():
            _create_tables(store, connection)
        store.has_requests = True
    return connection


def writable_database(store: Store) -> sqlite3.Connection:
    """The database with the requests, to read and to write: with a month of its own, if any."""
    connection = database(store)
    if is_shared(connection) and (month := _month_of(store)) is not None:
        month.attach_copy(connection)
    return connection


def prepare(store: Store, progress: Progress) -> None:
    """Generate the month of the seed, if it is not there yet, and report the progress."""
    token = PROGRESS.set(progress)
    try:
        database(store)
    finally:
        PROGRESS.reset(token)


def _month_of(store: Store) -> MonthDatabase | None:
    """The month of the seed; None if it has none."""
    recipe = store.table(RECIPES).get("month")
    return None if recipe is None else month_database(json.dumps(recipe, sort_keys=True))


def _create_tables(store: Store, connection: sqlite3.Connection) -> None:
    month = _month_of(store)
    if month is None:
        make_tables(connection)
        make_indexes(connection)
        return
    connection.commit()  # a transaction must end before a database can be attached; it is empty
    if store.has_file:
        _copy_month(month, connection)
    else:
        month.attach(connection)


def _copy_month(month: MonthDatabase, connection: sqlite3.Connection) -> None:
    """Copy the rows of a month into a state file, all or none."""
    month.attach_copy(connection)
    try:
        with connection:
            connection.execute("begin")
            make_tables(connection)
            for table in TABLES:
                connection.execute(f"insert into main.{table} select * from {COPY}.{table}")  # noqa: S608  # no user input
            make_indexes(connection)
    finally:
        connection.execute(f"detach {COPY}")


def record(call: Call, **values: Any) -> None:
    """Add a request; columns that are not given have a default."""
    row = {
        "id": call.store.uuid(),
        "created_at": milliseconds(call.store.now()),
        "api_key_id": call.key["id"],
        "metadata": "{}",
        "req_units": 0,
        "res_units": 0,
        "total_units": 0,
        "cost": 0,
        "saved": 0,
        "latency": 0,
        "status": 200,
        "cache": "disabled",
        "retries": 0,
        "fallback": 0,
        "feedbacks": 0,
        **values,
    }
    sql = f"insert into requests values ({', '.join('?' * len(POSITIONS))})"  # noqa: S608  # no user input
    writable_database(call.store).execute(sql, [row.get(name) for name in POSITIONS])


def select_requests(
    call: Call,
    workspace: Row | None,
    query: Mapping[str, Any],
    api_keys: Sequence[str] | None,
) -> Selection:
    """The requests of a workspace (None: of all) that match every filter of a query.

    `api_keys` are the ids of the keys whose requests may be seen; None for all.
    """
    start, end = (_time_filter(query, f"time_of_generation_{side}") for side in ("min", "max"))
    # The end is excluded, so that adjacent ranges share no request (an assumption).
    parts: list[tuple[str, Iterable[Any]]] = [("created_at >= ? and created_at < ?", (start, end))]
    if workspace is not None:
        parts.append(("workspace_id = ?", (workspace["id"],)))
    if api_keys is not None:
        parts.append((f"api_key_id in ({', '.join('?' * len(api_keys))})", api_keys))
    parts += _ranges(query)
    for name, column in LIST_FILTERS.items():
        if text := query.get(name):
            values = [each.strip() for each in str(text).split(",")]
            marks = ", ".join("?" * len(values))
            parts.append((f"cast({column} as text) in ({marks})", values))
    if text := query.get("cache_status"):
        statuses = {each.strip().upper() for each in str(text).split(",")}
        caches = [cache for cache, status in CACHE_STATUS.items() if status in statuses]
        parts.append((f"cache in ({', '.join('?' * len(caches))})", caches))
    for name, value in _metadata_filter(query.get("metadata")).items():
        parts.append(("json_extract(metadata, ?) = ?", (f'$."{name}"', value)))
    where = " and ".join(f"({sql})" for sql, _values in parts)
    all_values = tuple(value for _sql, values in parts for value in values)
    return Selection(database(call.store), where, all_values, start, end)


def selected_requests(call: Call) -> Selection:
    """The requests that a request to analytics selects."""
    return select_requests(call, queried_workspace(call), call.query, visible_api_keys(call))


def selected_by_workspace(call: Call) -> Selection:
    """The requests of the key's workspace; for the organisation's keys, of all or the named one."""
    workspace = named_by_slug(call) if call.is_admin else call.workspace()
    return select_requests(call, workspace, call.query, visible_api_keys(call))


def percentile(times: list[int], share: int) -> int:
    """A percentile (`share`) of sorted times, by the nearest rank."""
    return times[-(-len(times) * share // 100) - 1]


def queried_workspace(call: Call) -> Row:
    """The key's workspace; for keys of the organisation the named or the default one (OpenAPI)."""
    if not call.is_admin:
        return call.workspace()
    return named_by_slug(call) or call.default_workspace()


def named_by_slug(call: Call) -> Row | None:
    """The workspace that the query names (`workspace_slug`); None if it names none."""
    slug = call.query.get("workspace_slug")
    workspace = call.table("workspaces").find(slug) if slug else None
    if slug and workspace is None:
        raise forbidden()
    return workspace


def milliseconds(at: datetime) -> int:
    """A time as the requests store it: Unix time in ms."""
    return int(at.timestamp() * 1000)


def shown_time(at: int) -> str:
    """A stored time in ISO 8601, as answers show it."""
    when = datetime.fromtimestamp(at / 1000, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ranges(query: Mapping[str, Any]) -> Iterator[tuple[str, Iterable[Any]]]:
    for name, column in RANGE_FILTERS.items():
        for side, sign in (("min", ">="), ("max", "<=")):
            value = _number_filter(query, f"{name}_{side}")
            if value is not None:
                # Rounded, because 0.0003 * 10,000 is a little less than 3.
                exact = round(value * UNITS_PER_CENT, 3) if name == "cost" else value
                yield f"{column} {sign} ?", (exact,)


def _time_filter(query: Mapping[str, Any], name: str) -> int:
    if not query.get(name):
        raise invalid(name, "Field required")
    value = str(query[name])
    try:
        # A space after `T` is the plus of an offset that the caller did not quote.
        return milliseconds(instant(value.replace(" ", "+") if "T" in value else value))
    except (ValueError, OverflowError):
        raise invalid(name, "must be a time in ISO 8601") from None


def _number_filter(query: Mapping[str, Any], name: str) -> float | None:
    if query.get(name) in (None, ""):
        return None
    try:
        value = float(query[name])
    except (TypeError, ValueError):
        raise invalid(name, "must be a number") from None
    if not isfinite(value):
        raise invalid(name, "must be a number")
    return value


def _metadata_filter(value: Any) -> dict[str, Any]:
    if value in (None, ""):
        return {}
    try:
        pairs = value if isinstance(value, dict) else json.loads(value)
    except (ValueError, RecursionError):
        pairs = None
    if not isinstance(pairs, dict) or not all(map(is_metadata_key, pairs)):
        raise invalid("metadata", "must be a JSON object")
    if not all(map(_is_plain, pairs.values())):
        raise invalid("metadata", "values must be text, numbers or booleans")
    return pairs


def metadata_text(metadata: Mapping[str, Any], name: str) -> str | None:
    """A text in the metadata of a request; None if it is missing, refused if it is no text."""
    value = metadata.get(name)
    if value is None or isinstance(value, str):
        return value
    raise invalid(f"metadata.{name}", "must be a string")


def is_metadata_key(name: str) -> bool:
    """Whether SQL can look up metadata by this name."""
    return not {'"', "\0"} & {*name}


def _is_plain(value: Any) -> bool:
    """Whether SQL can compare with this value: text, null, or a number of 64 bits."""
    if isinstance(value, int | float):
        return abs(value) < 2**63
    return value is None or isinstance(value, str)

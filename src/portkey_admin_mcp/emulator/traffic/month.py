"""A month of generated requests, the same every time.

It contains, for users to find:

- a day on which one user's long prompts cost several times as much as on other days
- two hours in which a provider fails
- a key that was last used three weeks ago
- a key with every scope that only calls models
- a model that becomes slower every day
"""

import json
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from ..core.rows import Row
from ..core.store import instant

REQUESTS = 50_000
DAYS = 30
RECIPES = "_traffic"
"""The table with the recipe of the month: the sources of requests, and the time of its end."""
COLUMNS = (
    "id text",
    "created_at integer",
    "workspace_id text",
    "api_key_id text",
    "user text",
    "metadata text",
    "ai_org text",
    "ai_model text",
    "virtual_key text",
    "config text",
    "prompt_slug text",
    "req_units integer",
    "res_units integer",
    "total_units integer",
    "cost integer",
    "saved integer",
    "latency integer",
    "status integer",
    "cache text",
    "retries integer",
    "fallback integer",
    "trace_id text",
    "span_id text",
    "feedbacks integer",
    "weighted_feedback real",
    "request text",
    "response text",
)
FEEDBACK_COLUMNS = (
    "id text primary key",
    "request_id text",
    "workspace_id text",
    "trace_id text",
    "created_at integer",
    "value integer",
    "weight real",
    "metadata text",
)
TABLES = {"requests": COLUMNS, "feedback": FEEDBACK_COLUMNS}
CENTS_PER_MILLION = {
    "gpt-5": (125, 1_000),
    "gpt-5-mini": (25, 200),
    "claude-sonnet-5": (300, 1_500),
    "gemini-3-flash": (30, 250),
}
"""The prices of a million input and output tokens: the emulator's own, close to real ones."""
SPIKE_DAY, BURST_DAY, STALE_DAY = 24, 18, 9
"""Days of the month, from 0, of the cost spike, the failing provider, the stale key's last use."""
BURST_HOURS = range(14, 16)
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
Draw = Callable[[], float]
"""Returns a random number from 0 to less than 1."""
BY_HOUR = (1, 1, 1, 1, 1, 2, 4, 8, 12, 14, 14, 13, 12, 13, 14, 14, 13, 10, 7, 5, 4, 3, 2, 1)


def price(model: str, tokens_in: int, tokens_out: int) -> int:
    """The cost of a request in ten-thousandths of a cent; 0 for a model without a price."""
    price_in, price_out = CENTS_PER_MILLION.get(model, (0, 0))
    return (tokens_in * price_in + tokens_out * price_out) // 100


def make_tables(database: sqlite3.Connection) -> None:
    """Create the empty tables of requests and feedback."""
    for table, columns in TABLES.items():
        database.execute(f"create table {table} ({', '.join(columns)})")


def make_indexes(database: sqlite3.Connection) -> None:
    """Create the indexes. It takes a quarter of the time if the requests are there already."""
    database.execute("create unique index by_id on requests (id)")
    database.execute("create index by_time on requests (created_at)")
    database.execute("create index by_trace on requests (trace_id)")
    database.execute("create index by_request on feedback (request_id)")


@lru_cache(maxsize=2)
def month_database(recipe: str) -> bytes:
    """A serialized SQLite database with the requests and feedback of a recipe, given as JSON."""
    database = sqlite3.connect(":memory:")
    make_tables(database)
    rows = [*_requests(json.loads(recipe))]
    # Sorted by time, so that a period can be read twice as fast.
    rows.sort(key=lambda row: row[0][1])
    scores = [score for _row, score in rows if score]
    for table, values in (("requests", [row for row, _score in rows]), ("feedback", scores)):
        marks = ", ".join("?" * len(values[0]))
        database.executemany(f"insert into {table} values ({marks})", values)  # noqa: S608  # no user input
    make_indexes(database)
    database.commit()
    content = database.serialize()
    database.close()
    return content


def _requests(recipe: Row) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...] | None]]:
    """The requests in no order. Times are integers (ms), because dates take five times as long."""
    generator = random.Random("a month of requests")  # noqa: S311  # repeatable on purpose
    until = instant(recipe["until"])
    midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight - timedelta(days=DAYS - 1)
    start, end = (int(at.timestamp() * 1000) for at in (first, until))
    by_day = [0.4 if (first + timedelta(days=d)).weekday() > 4 else 1.0 for d in range(DAYS)]
    shares = [source["weight"] for source in recipe["sources"]]
    requests = zip(
        generator.choices(range(DAYS), by_day, k=REQUESTS),
        generator.choices(range(24), BY_HOUR, k=REQUESTS),
        generator.choices(recipe["sources"], shares, k=REQUESTS),
        strict=True,
    )
    for number, (day, hour, source) in enumerate(requests):
        if source.get("is_stale"):
            day = day * (STALE_DAY + 1) // DAYS  # noqa: PLW2901
        at = start + day * DAY_MS + hour * HOUR_MS + int(generator.random() * HOUR_MS)
        if at >= end:
            at -= DAY_MS
            day -= 1  # noqa: PLW2901
        yield _request(generator, number, source, (day, hour, at))


def _request(
    generator: random.Random, number: int, source: Row, when: tuple[int, int, int]
) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
    """One request in the order of the columns, and its feedback, if any."""
    draw = generator.random
    day, hour, at = when
    model, user = _one_of(draw, source["models"]), _one_of(draw, source["users"])
    config = _one_of(draw, source["configs"])
    tokens_in, tokens_out = int(60 + draw() * 2_340), int(20 + draw() * 680)
    latency = int(300 + draw() * 600) + tokens_out
    if day == SPIKE_DAY and user == source.get("spender"):
        tokens_in *= 40
    if model == "claude-sonnet-5":
        latency += 100 * day
    fails = source["ai_org"] == "anthropic" and day == BURST_DAY and hour in BURST_HOURS
    status, retries, fallback = _outcome(draw, fails)
    if status != 200:
        tokens_out = 0
    full = price(model, tokens_in, tokens_out)
    cost, saved, cache = (full if status == 200 else 0), 0, "disabled"
    if config is not None and config == source.get("cached") and status == 200:
        cache = _from_cache(draw)
        if cache != "miss":
            cost, saved, latency, retries, fallback = 0, full, int(12 + draw() * 48), 0, 0
    request_id = _uuid(generator)
    trace = f"trace-{number // 2}"
    score = None
    if status == 200 and draw() < 0.04:
        value, weight = _one_of(draw, (-10, -5, 5, 5, 10)), _one_of(draw, (1.0, 1.0, 0.5))
        workspace_id = source["workspace_id"]
        score = (
            _uuid(generator),
            request_id,
            workspace_id,
            trace,
            at + 60_000,
            value,
            weight,
            "{}",
        )
    row = (
        request_id,
        at,
        source["workspace_id"],
        source["api_key_id"],
        user,
        _metadata(user, source["team"], number % 7 == 0),
        source["ai_org"],
        model,
        source["virtual_key"],
        config,
        _one_of(draw, source["prompts"]),
        tokens_in,
        tokens_out,
        tokens_in + tokens_out,
        cost,
        saved,
        latency,
        status,
        cache,
        retries,
        fallback,
        trace,
        f"span-{number}",
        1 if score else 0,
        score[5] * score[6] if score else None,
        None,
        None,
    )
    return row, score


def _one_of(draw: Draw, values: Sequence[Any]) -> Any:
    return values[int(draw() * len(values))]


@lru_cache
def _metadata(user: str, team: str, is_staging: bool) -> str:
    """The metadata of a request, as JSON."""
    environment = "staging" if is_staging else "production"
    return json.dumps({"_user": user, "team": team, "environment": environment})


def _outcome(draw: Draw, fails: bool) -> tuple[int, int, int]:
    """The status of a request, the number of its retries, and whether a fallback answered (1)."""
    number = draw()
    if fails:
        return (503 if number < 0.8 else 200), 0, 0
    if number < 0.02:
        return _one_of(draw, (429, 429, 429, 500, 500, 400)), 0, 0
    if number < 0.05:
        return 200, _one_of(draw, (1, 1, 2)), 0
    return 200, 0, int(number < 0.06)


def _from_cache(draw: Draw) -> str:
    number = draw()
    return "simple" if number < 0.25 else "semantic" if number < 0.3 else "miss"


def _uuid(generator: random.Random) -> str:
    text = f"{generator.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}"

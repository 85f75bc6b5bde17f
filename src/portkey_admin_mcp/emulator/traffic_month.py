"""A month of requests, the same every time, with things in it that are worth finding.

Planted: a day on which one person's long prompts cost several times the usual; two hours in which
a provider fails; a key that was last used three weeks ago; a key with every scope that only ever
calls models; a model that grows slower every day.
"""

import json
import random
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Any

from .store import instant
from .tables import Row

REQUESTS = 50_000
DAYS = 30
RECIPES = "_traffic"
"""The table with what a seed wants: who made requests, and until when."""
COLUMNS = (
    "id text primary key",
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
CENTS_PER_MILLION = {
    "gpt-5": (125, 1_000),
    "gpt-5-mini": (25, 200),
    "claude-sonnet-5": (300, 1_500),
    "gemini-3-flash": (30, 250),
}
"""Of tokens in and out: the emulator's own prices, near real ones."""
SPIKE_DAY, BURST_DAY, STALE_DAY = 24, 18, 9
"""Days of the month, from 0, of the cost spike, the failing provider, the stale key's last use."""
BURST_HOURS = range(14, 16)
BY_HOUR = (1, 1, 1, 1, 1, 2, 4, 8, 12, 14, 14, 13, 12, 13, 14, 14, 13, 10, 7, 5, 4, 3, 2, 1)


def price(model: str, tokens_in: int, tokens_out: int) -> int:
    """What a request costs, in ten-thousandths of a cent; nothing for a model without price."""
    asked, said = CENTS_PER_MILLION.get(model, (0, 0))
    return (tokens_in * asked + tokens_out * said) // 100


@lru_cache(maxsize=2)
def month(recipe: str) -> bytes:
    """A database with the requests of a recipe, given as JSON, and the feedback to them."""
    made = sqlite3.connect(":memory:")
    for table, columns in (("requests", COLUMNS), ("feedback", FEEDBACK_COLUMNS)):
        made.execute(f"create table {table} ({', '.join(columns)})")
    rows = [*_requests(json.loads(recipe))]
    scores = [score for _row, score in rows if score]
    for table, values in (("requests", [row for row, _score in rows]), ("feedback", scores)):
        marks = ", ".join("?" * len(values[0]))
        made.executemany(f"insert into {table} values ({marks})", values)  # noqa: S608  # own words
    made.commit()
    content = made.serialize()
    made.close()
    return content


def _requests(recipe: Row) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...] | None]]:
    chance = random.Random("a month of requests")  # noqa: S311  # repeatable on purpose
    until = instant(recipe["until"])
    midnight = (until - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight + timedelta(days=1)
    days = list(accumulate(0.4 if _day(first, d).weekday() > 4 else 1.0 for d in range(DAYS)))
    hours = list(accumulate(BY_HOUR))
    sources = recipe["sources"]
    weights = list(accumulate(source["weight"] for source in sources))
    for number in range(REQUESTS):
        (day,) = chance.choices(range(DAYS), cum_weights=days)
        (hour,) = chance.choices(range(24), cum_weights=hours)
        (source,) = chance.choices(sources, cum_weights=weights)
        if source.get("is_stale"):
            day = day * (STALE_DAY + 1) // DAYS
        at = _day(first, day) + timedelta(hours=hour, milliseconds=chance.randrange(3_600_000))
        if at >= until:
            at -= timedelta(days=1)
            day -= 1
        yield _request(chance, number, source, day, at)


def _day(first: datetime, day: int) -> datetime:
    return first + timedelta(days=day)


def _request(
    chance: random.Random, number: int, source: Row, day: int, at: datetime
) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
    """One request, in the order of the columns, and the score it was given, if any."""
    model, user = chance.choice(source["models"]), chance.choice(source["users"])
    config = chance.choice(source["configs"])
    tokens_in, tokens_out = chance.randrange(60, 2_400), chance.randrange(20, 700)
    latency = chance.randrange(300, 900) + tokens_out
    if day == SPIKE_DAY and user == source.get("spender"):
        tokens_in *= 40
    if model == "claude-sonnet-5":
        latency += 100 * day
    fails = source["ai_org"] == "anthropic" and day == BURST_DAY and at.hour in BURST_HOURS
    status, retries, fallback = _fate(chance, fails)
    if status != 200:
        tokens_out = 0
    full = price(model, tokens_in, tokens_out)
    cost, saved, cache = (full if status == 200 else 0), 0, "disabled"
    if config is not None and config == source.get("cached") and status == 200:
        cache = _from_cache(chance)
        if cache != "miss":
            cost, saved, latency, retries, fallback = 0, full, chance.randrange(12, 60), 0, 0
    request_id = _uuid(chance)
    trace = f"trace-{number // 2}"
    at_ms = int(at.timestamp() * 1000)
    score = None
    if status == 200 and chance.random() < 0.04:
        value, weight = chance.choice((-10, -5, 5, 5, 10)), chance.choice((1.0, 1.0, 0.5))
        home = source["workspace_id"]
        score = (_uuid(chance), request_id, home, trace, at_ms + 60_000, value, weight, "{}")
    metadata = {
        "_user": user,
        "team": source["team"],
        "environment": "staging" if number % 7 == 0 else "production",
    }
    row = (
        request_id,
        at_ms,
        source["workspace_id"],
        source["api_key_id"],
        user,
        json.dumps(metadata),
        source["ai_org"],
        model,
        source["virtual_key"],
        config,
        chance.choice(source["prompts"]),
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


def _fate(chance: random.Random, fails: bool) -> tuple[int, int, int]:
    """The status a request ended with, after how many retries, and whether by a fallback."""
    if fails:
        return (503 if chance.random() < 0.8 else 200), 0, 0
    luck = chance.random()
    if luck < 0.02:
        return chance.choice((429, 429, 429, 500, 500, 400)), 0, 0
    if luck < 0.05:
        return 200, chance.choice((1, 1, 2)), 0
    return 200, 0, int(luck < 0.06)


def _from_cache(chance: random.Random) -> str:
    luck = chance.random()
    return "simple" if luck < 0.25 else "semantic" if luck < 0.3 else "miss"


def _uuid(chance: random.Random) -> str:
    text = f"{chance.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}"

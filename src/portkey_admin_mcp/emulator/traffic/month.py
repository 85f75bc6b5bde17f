"""A month of generated requests, the same every time.

It contains, for users to find:

- a day on which one user's long prompts cost several times as much as on other days
- two hours in which a provider fails
- a key that was last used three weeks ago
- a key with every scope that only calls models
- a model that becomes slower every day
- a person whose budget that day used up, and whose requests are refused since then

`plan.py` says on which days.
"""

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

from ..core.rows import Row
from ..core.store import instant
from ..shared.prices import price
from .plan import BURST_HOURS, DAYS, HOUR_MS, Plan, plan_until

REQUESTS = 50_000
LONG_PROMPT = 150
"""How many times as long as usual the spender's prompts are on the day of the spike."""
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
TAKEN_OVER = 128
"""Of so many requests beyond a budget, one is tried and refused; the others somebody else makes."""
Entry = tuple[tuple[Any, ...], tuple[Any, ...] | None]
"""A request in the order of the columns, and its feedback, if any."""
Progress = Callable[[int], None]
"""Called with how many more requests have been generated."""
PROGRESS: ContextVar[Progress | None] = ContextVar("progress", default=None)
PROGRESS_STEP = 1_000
"""How many requests are generated between two calls of `PROGRESS`."""
Draw = Callable[[], float]
"""Returns a random number from 0 to less than 1."""
POSITIONS = {column.split()[0]: index for index, column in enumerate(COLUMNS)}
"""The position of each column in a row."""
AT, WORKSPACE, USER, COST = (
    POSITIONS[name] for name in ("created_at", "workspace_id", "user", "cost")
)


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


def month_rows(recipe: Row, count: int = REQUESTS) -> list[Entry]:
    """The requests of a recipe, each with its feedback or None, by time.

    Sorted, so that a period can be read twice as fast, and budgets are spent in order.
    """
    rows = sorted(_requests(recipe, count), key=lambda row: row[0][1])
    return [*_within_budgets(rows, recipe["budgets"], count)]


def _requests(recipe: Row, count: int) -> Iterator[Entry]:
    """The requests in no order. Times are integers (ms), because dates take five times as long."""
    generator = random.Random("a month of requests")  # noqa: S311  # repeatable on purpose
    plan = plan_until(instant(recipe["until"]))
    shares = [source["weight"] for source in recipe["sources"]]
    makers = [_request_maker(generator, source, plan) for source in recipe["sources"]]
    requests = zip(
        generator.choices(range(DAYS * 24), cum_weights=plan.cumulative_weights, k=count),
        generator.choices(makers, shares, k=count),
        strict=True,
    )
    progress = PROGRESS.get()
    for number, (planned_hour, make_request) in enumerate(requests):
        if progress is not None and number % PROGRESS_STEP == 0:
            progress(PROGRESS_STEP)
        yield make_request(number, planned_hour)


def _within_budgets(rows: list[Entry], budgets: list[Row], count: int) -> Iterator[Entry]:
    """The requests, without those of a user whose budget is used up by then.

    Of these, one of `TAKEN_OVER` is refused with 412, and somebody else makes the others. A month
    of fewer requests than usual has smaller budgets.
    """
    limits = [each["limit"] * count // REQUESTS for each in budgets]
    spent_of: list[Counter[str]] = [Counter() for _budget in budgets]
    refusals_of: list[Counter[str]] = [Counter() for _budget in budgets]
    accounts = [*zip(budgets, limits, spent_of, refusals_of, strict=True)]
    for entry in rows:
        row, score = entry
        for budget, limit, spent, refusals in accounts:
            if row[WORKSPACE] != budget["workspace_id"] or row[AT] < budget["since"]:
                continue
            user = row[USER]
            if spent[user] >= limit:
                is_refused = refusals[user] % TAKEN_OVER == 0
                refusals[user] += 1
                row, score = (
                    (_refused(row), None) if is_refused else (_taken_over(row, budget), score)
                )
            spent[row[USER]] += row[COST]
        yield row, score


def _taken_over(row: tuple[Any, ...], budget: Row) -> tuple[Any, ...]:
    """The same request, made by the stand-in of a budget."""
    user, model = budget["stand_in"]["user"], budget["stand_in"]["model"]
    cost = price(model, row[POSITIONS["req_units"]], row[POSITIONS["res_units"]])
    return _changed(
        row,
        user=user,
        metadata=row[POSITIONS["metadata"]].replace(row[USER], user),
        ai_model=model,
        cost=cost if row[COST] else 0,
        saved=cost if row[POSITIONS["saved"]] else 0,
    )


def _refused(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same request, refused before it reached a provider."""
    zero = ("req_units", "res_units", "total_units", "cost", "saved", "retries", "fallback")
    return _changed(
        row,
        **dict.fromkeys((*zero, "feedbacks"), 0),
        latency=5,
        status=412,
        cache="disabled",
        weighted_feedback=None,
    )


def _changed(row: tuple[Any, ...], **columns: Any) -> tuple[Any, ...]:
    values = [*row]
    for name, value in columns.items():
        values[POSITIONS[name]] = value
    return tuple(values)


def _hours(source: Row, plan: Plan) -> Callable[[int], tuple[int, int, int, bool]]:
    """A function that gives for a planned hour the hour of a request of the source.

    The source's last day may be before that of the month. The hour is its start (Unix time in ms),
    its length in ms, its day, and whether the provider fails in it.
    """

    @cache
    def hour_of(planned_hour: int) -> tuple[int, int, int, bool]:
        planned_day, time_of_day = divmod(planned_hour, 24)
        day = planned_day * (source["last_day"] + 1) // DAYS
        hour = day * 24 + time_of_day
        in_burst = day == plan.burst_day and time_of_day in BURST_HOURS
        fails = in_burst and source["ai_org"] == "anthropic"
        return plan.start + hour * HOUR_MS, plan.hour_length(hour), day, fails

    return hour_of


def _request_maker(
    generator: random.Random, source: Row, plan: Plan
) -> Callable[[int, int], Entry]:
    """A function that makes a request of a source from its number and its planned hour.

    It is called 50,000 times: what is the same for all requests of a source is looked up before.
    """
    draw = generator.random
    hour_of, length, spike_day = _hours(source, plan), source["length"], plan.spike_day
    models, users, configs, prompts = (
        source[name] for name in ("models", "users", "configs", "prompts")
    )
    spender, cached, team = source.get("spender", ""), source.get("cached", ""), source["team"]
    workspace_id, api_key_id, ai_org, virtual_key = (
        source[name] for name in ("workspace_id", "api_key_id", "ai_org", "virtual_key")
    )

    def make_request(number: int, planned_hour: int) -> Entry:
        start, hour_length, day, fails = hour_of(planned_hour)
        at = start + int(draw() * hour_length)
        model, user = models[int(draw() * len(models))], users[int(draw() * len(users))]
        config = configs[int(draw() * len(configs))]
        tokens_in = int((60 + draw() * 2_340) * length)
        tokens_out = int((20 + draw() * 680) * length)
        latency = int(300 + draw() * 600) + tokens_out
        if day == spike_day and user == spender:
            tokens_in *= LONG_PROMPT
        if model == "claude-sonnet-5":
            latency += 100 * day
        status, retries, fallback = _outcome(draw, fails)
        cost, saved, cache_status = 0, 0, "disabled"
        if status != 200:
            tokens_out = 0
        else:
            cost = price(model, tokens_in, tokens_out)
            if config == cached:
                cache_status = _from_cache(draw)
                if cache_status != "miss":
                    cost, saved, latency, retries, fallback = 0, cost, int(12 + draw() * 48), 0, 0
        request_id, trace = _uuid(generator), f"trace-{number // 2}"
        has_score = status == 200 and draw() < 0.04
        score = _score(generator, request_id, workspace_id, trace, at) if has_score else None
        row = (
            request_id,
            at,
            workspace_id,
            api_key_id,
            user,
            _metadata(user, team, number % 7 == 0),
            ai_org,
            model,
            virtual_key,
            config,
            prompts[int(draw() * len(prompts))],
            tokens_in,
            tokens_out,
            tokens_in + tokens_out,
            cost,
            saved,
            latency,
            status,
            cache_status,
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

    return make_request


def _score(
    generator: random.Random, request_id: str, workspace_id: str, trace: str, at: int
) -> tuple[Any, ...]:
    """The feedback for a request, a minute after it, in the order of its columns."""
    draw = generator.random
    value, weight = _one_of(draw, (-10, -5, 5, 5, 10)), _one_of(draw, (1.0, 1.0, 0.5))
    score_id = _uuid(generator)
    return score_id, request_id, workspace_id, trace, at + 60_000, value, weight, "{}"


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
        return (503 if number < 0.95 else 200), 0, 0
    if number < 0.015:
        return _one_of(draw, (429, 429, 429, 500, 500, 400)), 0, 0
    if number < 0.05:
        return 200, _one_of(draw, (1, 1, 2)), 0
    return 200, 0, int(number < 0.06)


def _from_cache(draw: Draw) -> str:
    number = draw()
    return "simple" if number < 0.25 else "semantic" if number < 0.3 else "miss"


def _uuid(generator: random.Random) -> str:
    text = generator.getrandbits(128).to_bytes(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}"

"""What is planted in the month of requests is found at any time at which the month ends."""

import random
import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from each import for_each
from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.seed import seeded_state
from portkey_admin_mcp.emulator.core.store import moment
from portkey_admin_mcp.emulator.traffic.month import (
    POSITIONS,
    RECIPES,
    REQUESTS,
    make_tables,
    month_rows,
)
from portkey_admin_mcp.emulator.traffic.plan import BURST_HOURS, DAY_MS, DAYS, plan_until
from portkey_admin_mcp.emulator.traffic.requests import database
from portkey_admin_mcp.emulator.traffic.units import UNITS_PER_DOLLAR

SAMPLE = 1_000
"""The requests of a small month, in which single days can still be told apart."""
AT, USER, COST, WORKSPACE = (
    POSITIONS[name] for name in ("created_at", "user", "cost", "workspace_id")
)
NOTABLE = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        "2026-11-01T00:00:00",  # the first moment of a month, a Sunday
        "2026-11-02T00:00:01",
        "2026-11-07T03:00:00",  # a Saturday
        "2026-12-31T23:59:59",
        "2028-02-29T05:00:00",
        "2026-03-29T01:30:00",  # when clocks change in Europe
    )
)


def drawn_starts(count):
    """Times across hours, weekdays, months and years."""
    generator = random.Random("starts")
    first = datetime(2025, 1, 1, tzinfo=UTC)
    minutes = 4 * 366 * 24 * 60
    return [first + timedelta(minutes=generator.randrange(minutes)) for _number in range(count)]


def day_name(plan, day):
    return datetime.fromtimestamp((plan.start + day * DAY_MS) / 1000, UTC).weekday()


def seed():
    """The tables of the seed, at the first of the notable times; built once."""
    return seeded_state("acme", NOTABLE[0])["tables"]


def support_workspace():
    """The id of the workspace Support."""
    return next(row["id"] for row in seed()["workspaces"].values() if row["name"] == "Support")


def recipe(end):
    """The recipe of the seeded month, moved to another end."""
    moved = int((end - NOTABLE[0]).total_seconds() * 1000)
    row = seed()[RECIPES]["month"]
    budgets = [{**each, "since": each["since"] + moved} for each in row["budgets"]]
    return {**row, "until": moment(end), "budgets": budgets}


@for_each([*NOTABLE, *drawn_starts(194)], datetime.isoformat)
def test_the_day_and_the_person_of_the_highest_cost_are_the_planted_ones(end):
    plan, support_id = plan_until(end), support_workspace()
    cost_of_day, cost_of_user = Counter(), Counter()
    rows = [row for row, _score in month_rows(recipe(end), SAMPLE)]
    for row in rows:
        day = (row[AT] - plan.start) // DAY_MS
        if row[WORKSPACE] == support_id:
            cost_of_day[day] += row[COST]
            if day == plan.spike_day:
                cost_of_user[row[USER]] += row[COST]

    (peak, dear), (_other, second) = cost_of_day.most_common(2)
    assert (peak, dear > 3 * second) == (plan.spike_day, True)
    (person, most), (_next, less) = cost_of_user.most_common(2)
    assert (person, most > 2 * less) == ("diego@acme.example", True)
    assert {day_name(plan, day) for day in (plan.spike_day, plan.burst_day)} <= {*range(5)}
    assert all(plan.start <= row[AT] < plan.end for row in rows)
    assert 5 <= DAYS - 1 - plan.spike_day <= 7
    # No day has the requests of another day too.
    days = Counter((row[AT] - plan.start) // DAY_MS for row in rows)
    assert max(days.values()) < 2 * SAMPLE / 22


@pytest.mark.parametrize("end", [NOTABLE[2], drawn_starts(1)[0]], ids=datetime.isoformat)
def test_everything_planted_is_in_the_whole_month(end):
    emulator = Emulator("acme", lambda: end)

    assert emulator.store.table(RECIPES)["month"] == recipe(end)
    check_month(database(emulator.store), end, REQUESTS)


@pytest.mark.parametrize("end", [*NOTABLE, *drawn_starts(4)], ids=datetime.isoformat)
def test_everything_planted_is_in_a_quarter_of_the_requests(end):
    count = REQUESTS // 4
    month = sqlite3.connect(":memory:")
    make_tables(month)
    rows = [row for row, _score in month_rows(recipe(end), count)]
    month.executemany(f"insert into requests values ({', '.join('?' * len(POSITIONS))})", rows)

    check_month(month, end, count)


def check_month(month, end, count):
    """Check that each planted event is in a database with so many requests."""
    query = month.execute
    plan, support = plan_until(end), support_workspace()
    names = {row["id"]: row["name"] for row in seed()["api_keys"].values()}
    day = f"(created_at - {plan.start}) / {DAY_MS}"

    sql = (
        f"select {day}, count(*) from requests where status >= 400 and workspace_id = ? group by 1"
    )
    errors = Counter(dict(query(sql, (support,)).fetchall()))
    (worst, most), (_other, less) = errors.most_common(2)
    assert (worst, most > 1.2 * less) == (plan.burst_day, True), errors
    burst = query(f"select distinct {day}, (created_at / 3600000) % 24 from requests"
                  " where status = 503 order by 2").fetchall()  # fmt: skip
    assert burst == [(plan.burst_day, hour) for hour in BURST_HOURS]

    last_use = dict(query(f"select api_key_id, max({day}) from requests group by 1").fetchall())
    stale = next(each for each in last_use if names.get(each) == "Nightly batch")
    assert last_use[stale] == 9
    assert {*last_use} - {*names}, "a deleted key has requests"
    latencies = query(
        f"select {day}, avg(latency) from requests where ai_model = 'claude-sonnet-5'"
        f" and status = 200 and {day} < {DAYS - 1} group by 1 order by 1"
    ).fetchall()
    assert latencies[-1][1] > 3 * latencies[0][1]
    refused = query(f"select user, min({day}) from requests where status = 412 group by 1")
    assert refused.fetchall() == [("diego@acme.example", plan.spike_day)]
    # The budgets of the user's key and of the workspace last for any month.
    for limit, column, name in ((50, "api_key_id", "Workspace user"), (500, "workspace_id", None)):
        row_id = support if name is None else next(k for k, n in names.items() if n == name)
        ((spent,),) = query(f"select sum(cost) from requests where {column} = ?", (row_id,))
        assert 0 < spent < limit * UNITS_PER_DOLLAR * count // REQUESTS

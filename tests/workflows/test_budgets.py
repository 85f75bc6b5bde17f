"""When a limit runs out: against a simulation of its use in small steps, apart from the formula."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portkey_admin_mcp.workflows.budgets.budget import (
    EXHAUSTED,
    NEVER,
    UNKNOWN,
    Budget,
    Schedule,
    schedule_of,
)

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
STEP = timedelta(hours=1)


def budget(used, pace, limit=100.0, **schedule):
    return Budget(
        kind="api_key", id="k", name="", workspace="w", limit=limit, type="cost",
        schedule=Schedule(**schedule), used=used, pace=pace,
    )  # fmt: skip


def simulated(limit):
    """When the use reaches the limit, hour by hour for 14 months; None if it does not."""
    used, at, reset = limit.used, NOW, limit.schedule.next
    while at < NOW + timedelta(days=420):
        if used >= limit.limit:
            return at
        at += STEP
        used += limit.pace / 24
        if reset is not None and at >= reset:
            if used >= limit.limit:
                return at
            used = limit.pace / 24 * (at - reset) / STEP
            reset = limit.schedule.after(reset)
    return None


periods = st.one_of(
    st.just({}),
    st.builds(
        lambda days, hours: {"days": days, "next": NOW + timedelta(hours=hours % (days * 24) + 1)},
        st.integers(1, 60),
        st.integers(0, 10_000),
    ),
    st.just({"period": "weekly", "next": datetime(2026, 11, 9, tzinfo=UTC)}),
    st.just({"period": "monthly", "next": datetime(2026, 12, 1, tzinfo=UTC)}),
    st.just({"next": datetime(2026, 11, 20, tzinfo=UTC)}),
)


def is_close_to_a_reset(used, pace, schedule):
    """Whether it runs out so near to the end of a period that the hours of a simulation matter."""
    lengths = {"weekly": (7,), "monthly": (28, 29, 30, 31)}.get(
        schedule.get("period"), (schedule["days"],) if "days" in schedule else ()
    )
    first = (schedule["next"] - NOW) / timedelta(days=1) if schedule else 0
    return any(abs(pace * days - 100) < pace / 6 for days in lengths) or (
        abs(used + pace * first - 100) < pace / 6
    )


@given(st.floats(0, 99), st.floats(0.5, 300), periods)
def test_it_runs_out_when_its_use_reaches_it_also_after_resets(used, pace, schedule):
    assume(not is_close_to_a_reset(used, pace, schedule))
    limit = budget(used, pace, **schedule)
    out, expected = limit.runs_out(NOW), simulated(limit)

    assert (out == NEVER) == (expected is None)
    assert expected is None or abs(out - expected) <= 2 * STEP


@pytest.mark.parametrize(
    ("limit", "out"),
    [
        (budget(100, 1), EXHAUSTED),
        (budget(101, 0), EXHAUSTED),
        (budget(5, 0), NEVER),
        (budget(5, 1e-9), NEVER),
        (budget(None, 3), UNKNOWN),
        (budget(3, None), UNKNOWN),
        (budget(50, 10), NOW + timedelta(days=5)),
        (budget(0, 3, period="weekly", next=datetime(2026, 11, 9, tzinfo=UTC)), NEVER),
        (
            budget(0, 20, period="weekly", next=datetime(2026, 11, 3, tzinfo=UTC)),
            datetime(2026, 11, 8, tzinfo=UTC),
        ),
        # February is too short for it, the other months are not.
        (
            budget(0, 3.3, period="monthly", next=datetime(2027, 2, 1, tzinfo=UTC)),
            datetime(2027, 3, 31, 7, tzinfo=UTC),
        ),
    ],
)
def test_what_is_used_the_pace_and_the_resets_decide_when(limit, out):
    now = datetime(2027, 1, 20, tzinfo=UTC) if limit.pace == 3.3 else NOW
    actual = limit.runs_out(now)

    assert (actual.replace(minute=0, second=0, microsecond=0)
            if isinstance(actual, datetime) else actual) == out  # fmt: skip


def test_portkeys_own_word_that_it_is_exhausted_wins():
    assert Budget("api_key", "k", "", "w", 10, "cost", Schedule(), is_exhausted=True, used=1,
                  pace=0).runs_out(NOW) == EXHAUSTED  # fmt: skip


def test_exhausted_ones_come_first_then_by_date_then_unknown_and_never():
    limits = [
        budget(5, 0),
        budget(None, None),
        budget(50, 1),
        budget(50, 10),
        budget(100, 0),
        budget(9, 0),
    ]
    limits.sort(key=lambda limit: limit.order(NOW))

    assert [(limit.used, limit.pace) for limit in limits] == [
        (100, 0),
        (50, 10),
        (50, 1),
        (None, None),
        (9, 0),
        (5, 0),
    ]


@pytest.mark.parametrize(
    ("limits", "row", "last", "following"),
    [
        ({"periodic_reset": "weekly"}, {}, None, "2026-11-09T00:00:00Z"),
        ({"periodic_reset": "monthly"}, {}, None, "2026-12-01T00:00:00Z"),
        ({"periodic_reset_days": 10}, {"last_reset_at": "2026-10-30T00:00:00Z"},
         "2026-10-30T00:00:00Z", "2026-11-09T00:00:00Z"),
        ({"periodic_reset_days": 10}, {}, None, None),
        # It has passed since it was stored: moved on, and a reset in between is known.
        ({"periodic_reset_days": 10}, {"next_usage_reset_at": "2026-10-20T00:00:00Z"},
         "2026-10-30T00:00:00Z", "2026-11-09T00:00:00Z"),
        ({"next_usage_reset_at": "2026-10-20T00:00:00Z"}, {}, "2026-10-20T00:00:00Z", None),
        ({"next_usage_reset_at": "no time"}, {"last_reset_at": 5}, None, None),
        ({}, {}, None, None),
    ],
)  # fmt: skip
def test_resets_are_taken_from_the_answer_or_follow_from_the_period(limits, row, last, following):
    schedule = schedule_of(limits, row, NOW)
    expected = [text and datetime.fromisoformat(text) for text in (last, following)]

    assert [schedule.last, schedule.next] == expected


@pytest.mark.parametrize(
    ("schedule", "created", "start"),
    [
        (Schedule(), "2026-10-05", "2026-10-05"),
        (Schedule(last=datetime(2026, 10, 9, tzinfo=UTC)), "2026-10-05", "2026-10-09"),
        (Schedule(next=datetime(2026, 12, 1, tzinfo=UTC), period="monthly"),
         "2026-10-05", "2026-11-01"),
        (Schedule(next=datetime(2026, 12, 1, tzinfo=UTC), period="monthly"),
         "2026-11-02", "2026-11-02"),
        (Schedule(next=datetime(2026, 11, 9, tzinfo=UTC), period="weekly"), None, "2026-11-02"),
        (Schedule(next=datetime(2026, 11, 9, tzinfo=UTC), days=30), None, "2026-10-10"),
    ],
)  # fmt: skip
def test_use_counts_from_the_last_reset_or_the_creation(schedule, created, start):
    moment = datetime.fromisoformat(f"{created}T00:00:00Z") if created else None
    limit = Budget("api_key", "k", "", "w", 10, "cost", schedule, created=moment)

    assert limit.counts_from == datetime.fromisoformat(f"{start}T00:00:00Z")

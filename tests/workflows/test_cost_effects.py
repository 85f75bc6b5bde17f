"""The effects on a cost, and rounding: exact for any numbers, and apart from one another."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from portkey_admin_mcp.workflows.costs.effects import (
    EFFECTS,
    NOTHING,
    Use,
    effects_of,
    in_usd,
    rounded,
)
from portkey_admin_mcp.workflows.shared.rows import exact

NAMES = ("a", "b", "c", "d")
amounts = st.decimals(-1_000, 1_000_000, places=4).map(Fraction)
uses = st.builds(
    Use,
    st.integers(0, 100_000).map(Fraction),
    st.one_of(st.none(), st.integers(0, 10**9).map(Fraction)),
    amounts,
)
periods = st.dictionaries(st.sampled_from(NAMES), uses)


def cost_of(period):
    return sum((use.cost for use in period.values()), Fraction(0))


@given(periods, periods)
def test_the_effects_on_a_group_add_up_to_the_change_of_its_cost_exactly(before, after):
    effects = effects_of(before, after)

    assert effects.keys() == before.keys() | after.keys()
    for name, parts in effects.items():
        change = after.get(name, NOTHING).cost - before.get(name, NOTHING).cost
        assert tuple(parts) == EFFECTS
        assert sum(parts.values()) == change


@given(periods, periods)
def test_rounded_effects_add_up_to_the_rounded_difference(before, after):
    difference = round(cost_of(after)) - round(cost_of(before))
    by_group = effects_of(before, after).values()
    sums = {name: sum((each[name] for each in by_group), Fraction(0)) for name in EFFECTS}

    assert sum(rounded(sums, difference).values()) == difference


@given(st.dictionaries(st.integers(), amounts, min_size=1))
def test_rounding_keeps_the_sum_and_moves_no_part_by_a_cent_or_more(parts):
    cents = rounded(parts)

    assert sum(cents.values()) == round(sum(parts.values()))
    assert all(abs(cents[name] - value) < 1 for name, value in parts.items())


@given(st.dictionaries(st.integers(), amounts, min_size=1), st.integers(-(10**9), 10**9))
def test_rounding_reaches_any_total(parts, total):
    assert sum(rounded(parts, total).values()) == total


@given(st.integers(-(10**11), 10**11))
def test_dollars_are_written_with_the_cents_that_they_have(cents):
    assert Decimal(str(in_usd(cents))) == Decimal(cents) / 100


@given(st.lists(st.integers(-(10**9), 10**9)))
def test_shown_dollars_add_up_to_the_cent(amounts_in_cents):
    shown = [Decimal(str(in_usd(cents))) for cents in amounts_in_cents]

    assert sum(shown) * 100 == sum(amounts_in_cents)


def use(requests, cost):
    return Use(Fraction(requests), None, Fraction(cost))


def test_twice_the_requests_at_the_same_shares_and_prices_is_all_in_requests():
    before = {"a": use(10, 100), "b": use(30, 60)}
    after = {"a": use(20, 200), "b": use(60, 120)}
    effects = effects_of(before, after)

    assert effects["a"] == {"requests": 100, "mix": 0, "price_per_request": 0}
    assert effects["b"] == {"requests": 60, "mix": 0, "price_per_request": 0}


def test_other_shares_at_the_same_number_and_prices_is_all_in_mix():
    before = {"a": use(10, 100), "b": use(30, 60)}
    after = {"a": use(30, 300), "b": use(10, 20)}

    assert effects_of(before, after) == {
        "a": {"requests": 0, "mix": 200, "price_per_request": 0},
        "b": {"requests": 0, "mix": -40, "price_per_request": 0},
    }


def test_another_price_of_the_same_requests_is_all_in_price():
    before, after = {"a": use(10, 100)}, {"a": use(10, 70)}

    assert effects_of(before, after)["a"] == {
        "requests": 0,
        "mix": 0,
        "price_per_request": -30,
    }


def test_a_new_and_a_vanished_group_are_in_mix_and_the_first_cost_of_all_in_requests():
    effects = effects_of({"old": use(10, 100)}, {"new": use(10, 500)})

    assert effects["new"] == {"requests": 0, "mix": 500, "price_per_request": 0}
    assert effects["old"] == {"requests": 0, "mix": -100, "price_per_request": 0}
    assert effects_of({}, {"new": use(1, 7)})["new"]["requests"] == 7


def test_numbers_are_read_as_they_are_written():
    assert exact(0.1) + exact(0.2) == Fraction(3, 10)
    assert exact("12.5") == Fraction(25, 2)
    assert [exact(each) for each in (None, True, "x", float("nan"), float("inf"), [])] == [0] * 6

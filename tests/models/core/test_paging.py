"""Pages of lists: cut, counted, and told apart."""

import pytest

from portkey_admin_mcp.models.core.mcp_capabilities import PagedFromOne
from portkey_admin_mcp.models.core.paging import (
    DEFAULT_PAGE_SIZE,
    Page,
    Paged,
    PagedByPage,
    PagedHere,
)

ROWS = [{"n": n} for n in range(5)]


@pytest.mark.parametrize(
    ("paging", "rows", "place"),
    [
        (Paged(page_size=2), ROWS[:2], {"has_more": True, "next_page": 1}),
        (Paged(page_size=2, current_page=2), ROWS[4:], {"has_more": False}),
        (Paged(), ROWS, {"has_more": False}),
        (Paged(), ROWS[:3], {"has_more": True, "next_page": 1}),
        (PagedByPage(page_size=3, page=0), ROWS[:3], {"has_more": True, "next_page": 1}),
        (Paged(page_size=2, current_page=9), [], {"has_more": False}),
        (Paged(page_size=5), ROWS, {"has_more": False}),
        (Paged(page_size=4, current_page=1), ROWS[4:], {"has_more": False}),
        (Paged(page_size=2, current_page=1), ROWS[2:4], {"has_more": True, "next_page": 2}),
        (PagedByPage(page_size=2, page=1), ROWS[2:4], {"has_more": True, "next_page": 2}),
        (PagedFromOne(page_size=2, page=2), ROWS[2:4], {"has_more": True, "next_page": 3}),
        (PagedFromOne(page_size=2, current_page=1), ROWS[2:4], {"has_more": True, "next_page": 3}),
        (PagedFromOne(page_size=5, page=1), ROWS, {"has_more": False}),
    ],
)
def test_a_page_says_whether_another_follows(paging, rows, place):
    page = Page[dict].read({"total": 5, "data": rows}).at(paging)

    assert page.answer() == {**place, "total": 5, "data": rows}


@pytest.mark.parametrize(
    ("paging", "rows", "more"),
    [
        (PagedHere(), ROWS, False),
        (PagedHere(page_size=2), ROWS[:2], True),
        (PagedHere(page_size=2, current_page=2), ROWS[4:], False),
        (PagedHere(current_page=0), ROWS, False),
    ],
)
def test_a_list_that_comes_whole_is_cut_here(paging, rows, more):
    page = Page[dict].read({"data": ROWS}).at(paging)

    answer = page.answer()
    assert (answer["data"], answer["total"], answer["has_more"]) == (rows, 5, more)


def test_a_list_that_comes_whole_stays_whole_unless_a_page_is_named():
    rows = [{"n": n} for n in range(DEFAULT_PAGE_SIZE + 1)]

    def size(**page):
        return len(Page[dict].read({"data": rows}).at(PagedHere(**page)).answer()["data"])

    assert size() == DEFAULT_PAGE_SIZE + 1
    assert size(current_page=0) == DEFAULT_PAGE_SIZE


@pytest.mark.parametrize(
    ("page", "rows", "place"),
    [
        # With Portkey's default page size at 4, the fifth row is the last.
        (1, ROWS[4:], {}),
        # With a default of 2, another row follows the fourth.
        (1, ROWS[2:4], {}),
        # Two pages of at least 3 rows reach the end.
        (1, ROWS[:3], {"has_more": False}),
        (9, [], {"has_more": False}),
    ],
)
def test_without_a_page_size_a_later_page_claims_only_what_is_certain(page, rows, place):
    answer = Page[dict].read({"total": 5, "data": rows}).at(Paged(current_page=page)).answer()

    assert answer == {**place, "total": 5, "data": rows}


def test_a_first_page_without_rows_is_the_end_only_if_the_total_is_zero():
    def answer(total):
        return Page[dict].read({"total": total, "data": []}).at(Paged(page_size=2)).answer()

    assert answer(0) == {"has_more": False, "total": 0, "data": []}
    assert answer(5) == {"total": 5, "data": []}


@pytest.mark.parametrize(
    "paging", [PagedHere(page_size=2, current_page=3), PagedHere(current_page=1)]
)
def test_a_page_past_the_end_of_a_whole_list_is_empty_and_the_last(paging):
    page = Page[dict].read({"data": ROWS}).at(paging)

    assert page.answer() == {"has_more": False, "total": 5, "data": []}
    assert (page.data, page.total, page.has_more, page.next_page) == ([], 5, False, None)


def test_a_whole_list_without_more_has_more_once_it_is_cut():
    page = Page[dict].read({"data": ROWS, "has_more": False}).at(PagedHere(page_size=2))

    assert page.answer() == {"has_more": True, "next_page": 1, "total": 5, "data": ROWS[:2]}
    assert page.has_more is True


def test_the_fields_of_a_page_say_the_same_as_its_answer():
    page = Page[dict].read({"data": ROWS}).at(PagedHere(page_size=2, current_page=1))

    assert (page.data, page.total, page.has_more, page.next_page) == (ROWS[2:4], 5, True, 2)


@pytest.mark.parametrize(
    ("has_more", "place"),
    [(False, {"has_more": False}), (True, {"has_more": True, "next_page": 2})],
)
@pytest.mark.parametrize("total", [{}, {"total": 9}, {"total": 1}])
def test_has_more_of_portkeys_own_wins_over_what_its_total_suggests(has_more, place, total):
    raw = {**total, "data": ROWS, "has_more": has_more}

    answer = Page[dict].read(raw).at(Paged(current_page=1, page_size=5)).answer()

    assert answer == {**raw, **place}


@pytest.mark.parametrize("raw", [{"data": None}, {"total": "many", "data": ROWS}, {}])
def test_an_answer_that_is_no_page_is_left_as_it_came(raw):
    assert Page[dict].read(raw).at(Paged(page_size=2)).answer() == raw


def test_a_list_without_an_envelope_is_counted():
    assert Page[dict].read(ROWS).answer() == {"total": 5, "data": ROWS}
    assert Page[dict].read([]).answer() == {"total": 0, "data": []}

"""Pages of lists: cut, counted, and told apart."""

import pytest

from portkey_admin_mcp.models.core.paging import Page, Paged, PagedByPage, PagedHere

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

    told = page.answer()
    assert (told["data"], told["total"], told["has_more"]) == (rows, 5, more)


def test_what_portkey_says_of_its_pages_stands():
    told = {"total": 9, "data": ROWS, "has_more": False}

    assert Page[dict].read(told).at(Paged()).answer()["has_more"] is False


@pytest.mark.parametrize("raw", [{"data": None}, {"total": "many", "data": ROWS}, {}])
def test_an_answer_that_is_no_page_is_left_as_it_came(raw):
    assert Page[dict].read(raw).at(Paged(page_size=2)).answer() == raw


def test_a_list_without_an_envelope_is_counted():
    assert Page[dict].read(ROWS).answer() == {"total": 5, "data": ROWS}

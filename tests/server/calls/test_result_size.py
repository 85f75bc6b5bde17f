"""Results over the size limit are cut between records, and a note says so."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_admin_mcp.server.calls.result_size import compact, fitted, with_short_texts

ROWS = [{"id": number, "text": "x" * 50} for number in range(100)]
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=2000),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=40,
)


def test_what_fits_is_left_alone():
    answer = {"total": 100, "data": ROWS}

    assert fitted(answer, 100_000) == (answer, "")


def test_a_long_list_is_cut_between_records_and_the_note_says_how_to_go_on():
    cut, note = fitted({"total": 100, "data": ROWS}, 2_000)

    count = len(cut["data"])
    assert cut == {"total": 100, "data": ROWS[:count], "has_more": True}
    assert 0 < count < 100
    assert len(compact(cut)) <= 2_000 < len(compact({**cut, "data": ROWS[: count + 1]}))
    assert note.startswith(f"Cut after {count} of the 100 records in `data`")
    assert "page_size" in note


def test_one_long_record_loses_the_ends_of_its_texts():
    cut, note = fitted({"name": "Main", "config": "x" * 9_000}, 2_000)

    assert cut["name"] == "Main"
    assert cut["config"].startswith("xxxx")
    assert cut["config"].endswith(" characters more)")
    assert note


@given(st.dictionaries(st.text(max_size=9), VALUES, min_size=1))
def test_whatever_the_answer_is_it_fits_and_is_an_object(answer):
    cut, note = fitted(answer, 1_000)

    assert isinstance(cut, dict)
    assert len(compact(cut)) <= 1_000
    assert bool(note) == (len(compact(answer)) > 1_000)
    assert json.loads(compact(cut)) == cut


async def test_a_tool_cuts_its_result_and_says_so(api):
    from mcp import Client

    from servers import build_server

    async with Client(build_server(lambda: api, max_result_chars=4_000)) as client:
        result = await client.call_tool("list_workspaces", {"fields": "*"})

    text, note = (part.text for part in result.content)
    assert json.loads(text)["total"] == 3
    assert len(json.loads(text)["data"]) < 3
    assert note.startswith("Cut after")


@pytest.mark.parametrize(("spare", "is_cut"), [(0, False), (1, False), (-1, True)])
@pytest.mark.parametrize("answer", [{"total": 100, "data": ROWS}, {"config": "x" * 9_000}])
def test_what_fits_exactly_is_not_cut(answer, spare, is_cut):
    limit = len(compact(answer)) + spare

    cut, note = fitted(answer, limit)

    assert bool(note) == is_cut
    assert (cut != answer) == is_cut
    assert len(compact(cut)) <= limit


def test_as_many_rows_are_kept_as_fit_exactly():
    exactly = {"total": 100, "data": ROWS[:37], "has_more": True}

    assert fitted({"total": 100, "data": ROWS}, len(compact(exactly)))[0] == exactly


@pytest.mark.parametrize("names", [("long", "short"), ("short", "long")])
def test_the_longest_of_two_lists_is_cut(names):
    lists = {"long": [{"text": "x" * 300}] * 5, "short": [{"n": n} for n in range(20)]}
    answer = {name: lists[name] for name in names}

    cut, note = fitted(answer, 1_000)

    assert cut["short"] == lists["short"]
    assert 0 < len(cut["long"]) < 5
    assert note.startswith(f"Cut after {len(cut['long'])} of the 5 records in `long`")


def test_more_rows_are_promised_only_if_the_answer_has_a_total():
    assert "has_more" not in fitted({"data": ROWS}, 2_000)[0]
    assert fitted({"total": 100, "has_more": False, "data": ROWS}, 2_000)[0]["has_more"] is True


def test_texts_are_shortened_if_not_even_one_row_fits():
    cut, note = fitted({"data": [{"text": "x" * 9_000}]}, 2_000)

    assert cut["data"][0]["text"].startswith("xxx")
    assert note.startswith("Long texts in this result are shortened")


@pytest.mark.parametrize(("more", "length"), [(0, 500), (1, 400)])
def test_texts_are_shortened_no_further_than_needed(more, length):
    limit = 2_000
    answer = {**dict.fromkeys("abc", "x" * 9_000), "d": ""}
    answer["d"] = "y" * (limit - len(compact(with_short_texts(answer, 500))) + more)

    assert fitted(answer, limit)[0] == with_short_texts(answer, length)


@pytest.mark.parametrize(
    ("length", "short"),
    [(9, "x" * 9), (10, "x" * 10), (11, "x" * 10 + "… (1 characters more)")],
)
def test_a_text_keeps_as_many_characters_as_it_may_have(length, short):
    nested = {"a": [{"b": "x" * length}]}

    assert with_short_texts(nested, 10) == {"a": [{"b": short}]}

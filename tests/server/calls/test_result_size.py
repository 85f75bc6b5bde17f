"""Results over the size limit are cut between records, and a note says so."""

import json
from functools import cache
from uuid import UUID

import pytest
import quicktok
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from portkey_admin_mcp.models.core.base import Record
from portkey_admin_mcp.models.core.paging import Page
from portkey_admin_mcp.server.calls.executor import MAX_RESULT_CHARS
from portkey_admin_mcp.server.calls.presentation import present, presentation_arguments
from portkey_admin_mcp.server.calls.result_size import (
    Limit,
    compact,
    cut_to_fit,
    size,
    with_short_texts,
)
from texts import any_text

ROWS = [{"id": number, "text": "x" * 50} for number in range(100)]
VALUES = st.recursive(
    st.none() | st.integers() | any_text(max_size=2000),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(any_text(max_size=9), inner),
    max_leaves=40,
)


def fitted(answer, max_chars, **facts):
    """The answer within a limit, and the note of what was cut."""
    limit = Limit(max_chars, **facts)
    return (answer, "") if limit.allows(compact(answer)) else cut_to_fit(answer, limit)


def size_of(answer):
    return size(compact(answer))


def test_what_fits_is_left_alone():
    answer = {"total": 100, "data": ROWS}

    assert fitted(answer, 100_000) == (answer, "")


def test_a_long_list_is_cut_between_records_and_the_note_says_how_to_go_on():
    cut, note = fitted({"total": 100, "data": ROWS}, 2_000)

    count = len(cut["data"])
    assert cut == {"total": 100, "data": ROWS[:count], "has_more": True}
    assert 0 < count < 100
    assert size_of(cut) <= 2_000 < size_of({**cut, "data": ROWS[: count + 1]})
    assert note.startswith(f"Cut after {count} of the 100 records in `data`")
    assert f"Read it in pages, from the first one, with `page_size` {count}" in note


def test_a_list_without_pages_is_not_said_to_have_any():
    _cut, note = fitted({"total": 100, "data": ROWS}, 2_000, is_paged=False)

    assert "page_size" not in note
    assert "Ask for less (a filter" in note


def test_a_cut_page_does_not_point_to_the_next_one_which_would_skip_records():
    cut, _note = fitted({"total": 300, "has_more": True, "next_page": 1, "data": ROWS}, 2_000)

    assert "next_page" not in cut
    assert cut["has_more"] is True


def test_a_page_that_is_asked_for_is_never_larger_than_portkey_allows():
    rows = [{"id": number} for number in range(900)]

    assert "with `page_size` 100;" in fitted({"total": 900, "data": rows}, 5_000)[1]


def test_one_long_record_loses_the_ends_of_its_texts():
    cut, note = fitted({"name": "Main", "config": "x" * 9_000}, 2_000)

    assert cut["name"] == "Main"
    assert cut["config"].startswith("xxxx")
    assert cut["config"].endswith(" characters more)")
    assert note


@given(st.dictionaries(any_text(max_size=9), VALUES, min_size=1))
def test_whatever_the_answer_is_it_fits_and_is_an_object(answer):
    cut, note = fitted(answer, 1_000)

    assert isinstance(cut, dict)
    assert size_of(cut) <= 1_000
    assert bool(note) == (size_of(answer) > 1_000)
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
    limit = size_of(answer) + spare

    cut, note = fitted(answer, limit)

    assert bool(note) == is_cut
    assert (cut != answer) == is_cut
    assert size_of(cut) <= limit


def test_as_many_rows_are_kept_as_fit_exactly():
    exactly = {"total": 100, "data": ROWS[:37], "has_more": True}

    assert fitted({"total": 100, "data": ROWS}, size_of(exactly))[0] == exactly


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
    assert fitted({"has_more": False, "data": ROWS}, 2_000)[0]["has_more"] is True


def test_texts_are_shortened_if_not_even_one_row_fits():
    cut, note = fitted({"data": [{"text": "x" * 9_000}]}, 2_000)

    assert cut["data"][0]["text"].startswith("xxx")
    assert note.startswith("Long texts in this result are shortened")


@pytest.mark.parametrize(("more", "length"), [(0, 500), (1, 400)])
def test_texts_are_shortened_no_further_than_needed(more, length):
    limit = 2_000
    answer = {**dict.fromkeys("abc", "x" * 9_000), "d": ""}
    answer["d"] = "y" * (limit - size_of(with_short_texts(answer, 500)) + more)

    assert fitted(answer, limit)[0] == with_short_texts(answer, length)


@pytest.mark.parametrize(
    ("length", "short"),
    [(9, "x" * 9), (10, "x" * 10), (11, "x" * 10 + "… (1 characters more)")],
)
def test_a_text_keeps_as_many_characters_as_it_may_have(length, short):
    nested = {"a": [{"b": "x" * length}]}

    assert with_short_texts(nested, 10) == {"a": [{"b": short}]}


@cache
def o200k():
    """The encoding that counts tokens; loading it takes a while."""
    return quicktok.get_encoding("o200k_base")


def an_id(number):
    return str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))


LISTS = {
    "ids": [{"id": an_id(n)} for n in range(2_000)],
    "keys": [
        {"id": an_id(n), "name": f"Key {n}", "workspace_id": an_id(n + 9_000), "type": "user",
         "status": "active", "created_at": "2026-11-02T09:00:00Z", "usage_limits": {"spent": 12.5}}
        for n in range(1_000)
    ],
    "figures": [{"timestamp": "2026-11-02 09:00:00", "total": n * 7919} for n in range(3_000)],
    "english": [{"text": "Answer the user politely, and in one sentence. " * 3}] * 1_500,
    "german": [{"text": "Der Schlüssel für die Übersetzung ist größer. " * 3}] * 1_500,
    "chinese": [{"text": "请把用户的问题翻译成英文，然后给出简短的回答。" * 3}] * 1_500,
    "emoji": [{"text": "👨‍👩‍👧🚀✨🔬" * 3}] * 1_500,
}  # fmt: skip


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("format", [{}, {"format": "csv"}])
def test_a_long_answer_has_at_most_25000_tokens_by_default(kind, format):
    """Claude Code takes no more. Other tokenizers than o200k need a third more for some lists."""
    rows = LISTS[kind]
    page = Page[Record].read({"total": len(rows), "data": rows})
    arguments = create_model("arguments", **presentation_arguments(Page[Record]))(**format)

    result = present(page, arguments, MAX_RESULT_CHARS)
    shown = [result.text, compact(result.answer)]

    assert result.note
    for text in shown:
        count = len(o200k().encode(text))
        margin = 1.1 if kind == "emoji" else 1.25
        assert count * margin <= 25_000, (kind, count)
    assert ("csv" in result.answer) == bool(format)


def test_a_higher_limit_shows_more():
    page = Page[Record].read({"total": 1_000, "data": LISTS["keys"]})
    arguments = create_model("arguments", **presentation_arguments(Page[Record]))()
    counts = [len(present(page, arguments, n).answer["data"]) for n in (40_000, 80_000, 160_000)]

    assert counts == sorted({*counts})
    assert counts[2] > 1.9 * counts[1]


def test_what_code_reads_is_limited_by_its_length_alone():
    text = compact({"data": LISTS["ids"]})

    assert Limit(len(text), is_for_code=True).allows(text)
    assert not Limit(len(text) - 1, is_for_code=True).allows(text)
    assert not Limit(len(text)).allows(text)
    page = Page[Record].read({"data": LISTS["ids"]})
    arguments = create_model("arguments", **presentation_arguments(Page[Record]))()
    assert present(page, arguments, len(text), is_for_code=True).note == ""
    assert present(page, arguments, len(text)).note != ""


@given(any_text(max_size=300), st.integers(1, 2_000))
def test_the_quick_way_to_see_that_a_text_fits_is_right(text, max_chars):
    assert Limit(max_chars).allows(text) == (size(text) <= max_chars)
    assert size(text) >= len(text)

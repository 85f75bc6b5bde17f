"""Results that a model can carry: a long one is cut between records, and says so."""

import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

Answer = dict[str, Any]
SHORTENED_TO = 400
"""Characters kept of a long text where there is no list to cut."""

most_chars_inside: ContextVar[int | None] = ContextVar("most_chars_inside", default=None)
"""Set where code reads a result and not a client: then this is what it may have."""


def compact(answer: Any) -> str:
    """JSON with nothing in it that only a person needs."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def fitted(
    answer: Answer, most_chars: int, written: Callable[[Answer], str] = compact
) -> tuple[Answer, str]:
    """The answer in at most `most_chars` characters as `written`, and a note of what was cut.

    The longest list at the top loses records at its end; where that is not enough, long texts
    lose theirs. The note is empty if everything fits.
    """
    if len(written(answer)) <= most_chars:
        return answer, ""
    name = _longest_list(answer)
    if name is not None:
        kept = _cut_list(answer, name, most_chars, written)
        shown = len(kept[name])
        if shown:
            return kept, (
                f"Cut after {shown} of the {len(answer[name])} records in `{name}`, for the result "
                "would be too long. Ask for fewer at a time (`page_size`, a filter), or for one "
                "record by its id."
            )
    kept = _shorten_texts(answer, most_chars)
    return kept, "Long texts in this result are shortened; they end in “…” and what is missing."


def _longest_list(answer: Answer) -> str | None:
    sizes = {name: len(compact(v)) for name, v in answer.items() if isinstance(v, list) and v}
    return max(sizes, key=lambda name: sizes[name]) if sizes else None


def _cut_list(
    answer: Answer, name: str, most_chars: int, written: Callable[[Answer], str]
) -> Answer:
    rows = answer[name]

    def with_rows(count: int) -> Answer:
        cut = {**answer, name: rows[:count]}
        return {**cut, "has_more": True} if "total" in answer else cut

    count = _most(len(rows), lambda count: len(written(with_rows(count))) <= most_chars)
    return with_rows(count)


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest count up to `limit` that fits, by bisection; 0 if none does."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _shorten_texts(answer: Answer, most_chars: int) -> Answer:
    for kept in (most_chars // 4, SHORTENED_TO * 4, SHORTENED_TO, SHORTENED_TO // 8):
        shortened: Answer = with_short_texts(answer, kept)
        if len(compact(shortened)) <= most_chars:
            return shortened
    return {"text": compact(answer)[: most_chars // 2] + "…"}


def with_short_texts(value: Any, kept: int) -> Any:
    """The value with the beginning of each text in it that is longer, and how much is missing."""
    if isinstance(value, str) and len(value) > kept:
        return f"{value[:kept]}… ({len(value) - kept} characters more)"
    if isinstance(value, dict):
        return {name: with_short_texts(item, kept) for name, item in value.items()}
    if isinstance(value, list):
        return [with_short_texts(item, kept) for item in value]
    return value

"""Limit the length of results: a long one is cut between records, with a note."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from pydantic_core import to_json

Answer = dict[str, Any]
SHORT_TEXT_LENGTH = 400
"""Maximum length of a text in characters, if there is no list to cut."""

max_chars_for_code: ContextVar[int | None] = ContextVar("max_chars_for_code", default=None)
"""Set while code mode runs code: the maximum length of a result, in characters of JSON."""


def compact(answer: Any) -> str:
    """JSON without spaces."""
    return to_json(answer).decode()


def one_line(text: str, max_length: int) -> str:
    """A text on one line, without control characters, cut after so many characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= max_length else f"{line[:max_length]}…"


def fitted(
    answer: Answer, max_chars: int, to_text: Callable[[Answer], str] = compact
) -> tuple[Answer, str]:
    """The answer in at most `max_chars` characters of text, and a note of what was cut.

    The note is empty if everything fits.
    """
    if len(to_text(answer)) <= max_chars:
        return answer, ""
    return cut_to_fit(answer, max_chars, to_text)


def cut_to_fit(
    answer: Answer, max_chars: int, to_text: Callable[[Answer], str] = compact
) -> tuple[Answer, str]:
    """As `fitted`, for an answer that is known to be too long.

    The longest top-level list loses records at its end; if that is not enough, long texts are
    shortened.
    """
    name = _longest_list(answer)
    if name is not None:
        cut = _cut_list(answer, name, max_chars, to_text)
        count = len(cut[name])
        if count:
            return cut, (
                f"Cut after {count} of the {len(answer[name])} records in `{name}`, because the "
                "result would be too long. Ask for fewer at a time (`page_size`, a filter), or for "
                "one record by its id."
            )
    shortened = _shorten_texts(answer, max_chars)
    return shortened, "Long texts in this result are shortened: they end in “…” and their length."


def _longest_list(answer: Answer) -> str | None:
    names = [name for name, value in answer.items() if isinstance(value, list) and value]
    if len(names) > 1:
        return max(names, key=lambda name: len(compact(answer[name])))
    return names[0] if names else None


def _cut_list(
    answer: Answer, name: str, max_chars: int, to_text: Callable[[Answer], str]
) -> Answer:
    rows = answer[name]

    def with_rows(count: int) -> Answer:
        cut = {**answer, name: rows[:count]}
        return {**cut, "has_more": True} if "total" in answer else cut

    count = _largest_count(len(rows), lambda count: len(to_text(with_rows(count))) <= max_chars)
    return with_rows(count)


def _largest_count(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest count below `limit` that fits; 0 if none does.

    Counts are tried in ascending order before they are bisected: large ones take long to write.
    """
    low, high = 0, 1
    while high < limit and fits(high):
        low, high = high, high * 2
    high = min(high, limit)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _shorten_texts(answer: Answer, max_chars: int) -> Answer:
    lengths = (max_chars // 4, SHORT_TEXT_LENGTH * 4, SHORT_TEXT_LENGTH, SHORT_TEXT_LENGTH // 8)
    for max_length in lengths:
        shortened: Answer = with_short_texts(answer, max_length)
        if len(compact(shortened)) <= max_chars:
            return shortened
    return {"text": compact(answer)[: max_chars // 2] + "…"}


def with_short_texts(value: Any, max_length: int) -> Any:
    """The value with every longer text shortened; the number of missing characters is appended."""
    if isinstance(value, str) and len(value) > max_length:
        return f"{value[:max_length]}… ({len(value) - max_length} characters more)"
    if isinstance(value, dict):
        return {name: with_short_texts(item, max_length) for name, item in value.items()}
    if isinstance(value, list):
        return [with_short_texts(item, max_length) for item in value]
    return value

"""Limit the length of results: a long one is cut between records, with a note."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from pydantic_core import to_json

from ...portkey.text_size import size
from .visible_text import visible

Answer = dict[str, Any]
MAX_PAGE_SIZE = 100
"""The largest page that the tools of most lists take."""
SHORT_TEXT_LENGTH = 400
"""Maximum length of a text in characters, if there is no list to cut."""
MAX_ASCII_WEIGHT, MAX_WEIGHT = 38, 100
"""The largest weight of a character of ASCII, and of any: four bytes of UTF-8."""

max_chars_for_code: ContextVar[int | None] = ContextVar("max_chars_for_code", default=None)
"""Set while code mode runs code: the maximum length of a result, in characters of JSON."""


def compact(answer: Any) -> str:
    """JSON without spaces, and without hidden characters."""
    return visible(to_json(answer).decode())


def one_line(text: str, max_length: int) -> str:
    """A text on one line, with hidden characters as escapes, cut after so many characters."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= max_length else f"{line[:max_length]}…"


def cut_text(text: str, max_chars: int) -> str:
    """The beginning of a text whose size is within a limit; all of it if it is short enough."""
    while (actual := size(text)) > max_chars:
        # One character less than the share, so that each round is shorter.
        text = text[: max(0, len(text) * max_chars // actual - 1)]
    return text


class Limit(NamedTuple):
    """The maximum size of a result.

    With `is_for_code`, characters count as they are, because no model reads them. `is_paged` says
    whether the call can ask for a page by `page_size`.
    """

    max_chars: int
    is_for_code: bool = False
    is_paged: bool = True

    def allows(self, text: str) -> bool:
        """Whether a text is short enough; quick for short texts."""
        weight = MAX_ASCII_WEIGHT if text.isascii() else MAX_WEIGHT
        if len(text) * weight <= self.max_chars * 10:
            return True
        return (len(text) if self.is_for_code else size(text)) <= self.max_chars


def cut_to_fit(
    answer: Answer, limit: Limit, form: Callable[[Answer], Answer] = dict
) -> tuple[Answer, str]:
    """An answer that is too long, cut to a limit as compact JSON, and a note of what was cut.

    The longest top-level list loses records at its end; if that is not enough, long texts are
    shortened. `form` makes of an answer the object whose JSON must be within the limit.
    """

    def is_short(cut: Answer) -> bool:
        return limit.allows(compact(form(cut)))

    name = _longest_list(answer)
    if name is not None:
        cut = _cut_list(answer, name, is_short)
        if count := len(cut[name]):
            return cut, (
                f"Cut after {count} of the {len(answer[name])} records in `{name}`, because the "
                f"result would be too long. {_how_to_read_on(count, limit)}"
            )
    shortened = _shorten_texts(answer, limit.max_chars, is_short)
    return shortened, "Long texts in this result are shortened: they end in “…” and their length."


def _how_to_read_on(count: int, limit: Limit) -> str:
    if not limit.is_paged:
        return "Ask for less (a filter, a shorter period, fewer `fields`), or for one by its id."
    return (
        f"Read it in pages, from the first one, with `page_size` {min(count, MAX_PAGE_SIZE)}; or "
        "ask for one record by its id."
    )


def _longest_list(answer: Answer) -> str | None:
    names = [name for name, value in answer.items() if isinstance(value, list) and value]
    if len(names) > 1:
        return max(names, key=lambda name: len(compact(answer[name])))
    return names[0] if names else None


def _cut_list(answer: Answer, name: str, is_short: Callable[[Answer], bool]) -> Answer:
    """The answer with as many rows as fit, and without `next_page`, which would skip the others."""
    rows = answer[name]
    envelope = {key: value for key, value in answer.items() if key != "next_page"}
    is_counted = "total" in answer or "has_more" in answer

    def with_rows(count: int) -> Answer:
        cut = {**envelope, name: rows[:count]}
        return {**cut, "has_more": True} if is_counted else cut

    count = _largest_count(len(rows), lambda count: is_short(with_rows(count)))
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


def _shorten_texts(answer: Answer, max_chars: int, is_short: Callable[[Answer], bool]) -> Answer:
    lengths = (max_chars // 4, SHORT_TEXT_LENGTH * 4, SHORT_TEXT_LENGTH, SHORT_TEXT_LENGTH // 8)
    for max_length in lengths:
        shortened: Answer = with_short_texts(answer, max_length)
        if is_short(shortened):
            return shortened
    text, length = compact(answer), max_chars // 2
    while length and not is_short({"text": f"{text[:length]}…"}):
        length //= 2
    return {"text": f"{text[:length]}…"}


def with_short_texts(value: Any, max_length: int) -> Any:
    """The value with every longer text shortened; the number of missing characters is appended."""
    if isinstance(value, str) and len(value) > max_length:
        return f"{value[:max_length]}… ({len(value) - max_length} characters more)"
    if isinstance(value, dict):
        return {name: with_short_texts(item, max_length) for name, item in value.items()}
    if isinstance(value, list):
        return [with_short_texts(item, max_length) for item in value]
    return value

"""Answers of few tokens: the most important rows of each list."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field
from pydantic_core import to_json

from ...models.core.base import ABSENT, Arguments, Unsent
from ...models.core.findings import Findings
from ...portkey.text_size import CHARS_PER_TOKEN, size

MAX_TOKENS = 1_850
"""Size of an answer by default, in tokens as `text_size` estimates them: at most 1,500, since names
of fields and ids take fewer than estimated."""
MAX_NAME_LENGTH = 60
"""Characters that are shown of a name, which anyone may have written."""


class Breadth(Arguments):
    """How much to show."""

    limit: Annotated[int, Unsent.LOCAL] = Field(
        default=ABSENT, ge=1, le=500, description="Rows per list; default: 1,500 tokens' worth."
    )


def fitted(
    head: Mapping[str, Any],
    lists: Mapping[str, Sequence[Any]],
    tail: Mapping[str, Any],
    narrow: str,
    limit: int | None = None,
) -> Findings:
    """The answer with as many rows as fit, in turn from each list; empty lists are left out.

    With a limit, each list has at most so many rows, whatever they take. `more` counts the rows
    that are not shown, and says with `narrow` how to see them.
    """
    counts = dict.fromkeys(lists, 0)
    budget = MAX_TOKENS * CHARS_PER_TOKEN - _size({**head, **tail, "more": f"{narrow} " * 2})
    budget -= sum(_size({name: []}) for name, rows in lists.items() if rows)
    open_lists = [name for name, rows in lists.items() if rows]
    while open_lists:
        for name in [*open_lists]:
            cost = _size(lists[name][counts[name]]) + 2
            fits = cost <= budget if limit is None else counts[name] < limit
            if fits:
                budget -= cost
                counts[name] += 1
            if not fits or counts[name] == len(lists[name]):
                open_lists.remove(name)
    shown = {name: [*rows[: counts[name]]] for name, rows in lists.items() if rows}
    rest = {name: len(rows) - counts[name] for name, rows in lists.items()}
    more = ", ".join(f"{count} more {name}" for name, count in rest.items() if count)
    return Findings.read(
        {**head, **shown, **({"more": f"{more}: {narrow}"} if more else {}), **tail}
    )


def short(name: Any) -> str | None:
    """A name on one line, cut if it is long; None if there is none."""
    if name is None:
        return None
    line = " ".join(str(name).split())
    return line if len(line) <= MAX_NAME_LENGTH else f"{line[:MAX_NAME_LENGTH]}…"


def row(**fields: Any) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def day(moment: Any) -> str | None:
    """A time without its fraction of a second; None if there is none."""
    text = str(moment or "")
    return f"{text[:16]}Z" if len(text) > 16 and text[10] == "T" else text or None


def fits(answer: Any) -> bool:
    """Whether an answer has at most MAX_TOKENS."""
    return tokens_of(answer) <= MAX_TOKENS


def tokens_of(answer: Any) -> float:
    """How many tokens an answer has as JSON, as estimated."""
    return _size(answer) / CHARS_PER_TOKEN


def _size(value: Any) -> int:
    return size(to_json(value).decode(errors="replace"))

"""Read all pages of a list, within a bound."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from .progress import Progress
from .tool_results import Result

MAX_PAGES = 100
"""Pages that `--all` reads if nothing else is said."""
PAGE_SIZE = 100
"""Rows that are asked for in a page, if the call names no number."""
NUMBERS = ("current_page", "page")
"""The arguments that name a page by its number."""


class AllRows(NamedTuple):
    """The answer with the rows of all pages that were read, and what the reader must know."""

    answer: dict[str, Any]
    notes: list[str]


class Paging(NamedTuple):
    """The argument of a tool that names a page, and the one with the number of its rows."""

    argument: str
    size_argument: str
    size: int


def paging_of(properties: Mapping[str, Mapping[str, Any]]) -> Paging | None:
    """How a tool with these arguments is read in pages; None if it has none."""
    argument = next((name for name in (*NUMBERS, "cursor") if name in properties), "")
    size = "limit" if argument == "cursor" else "page_size"
    if not argument or size not in properties:
        return None
    return Paging(argument, size, min(PAGE_SIZE, properties[size].get("maximum", PAGE_SIZE)))


async def read_all(
    call: Callable[[dict[str, Any]], Awaitable[Result]],
    arguments: dict[str, Any],
    paging: Paging,
    rows_in: str,
    progress: Progress,
    max_pages: int = MAX_PAGES,
) -> AllRows:
    """Read the pages of a list from the first, or from the one that `arguments` name."""
    arguments = {paging.size_argument: paging.size, **arguments}
    is_from_start = paging.argument not in arguments
    rows: list[Any] = []
    notes: list[str] = []
    totals: list[int] = []
    answer: dict[str, Any] = {}
    following: Any = None
    for _page in range(max_pages):
        result = await call(arguments)
        answer = result.answer
        page = answer.get(rows_in)
        rows += page if isinstance(page, list) else []
        notes += [note for note in result.notes if note not in notes]
        if isinstance(total := answer.get("total"), int):
            totals.append(total)
        progress(len(rows), totals[-1] if totals else None)
        following = _following(answer, arguments, paging, len(page or ()))
        if following is None:
            break
        arguments = {**arguments, paging.argument: following}
    if following is not None:
        notes.append(
            f"Stopped after {max_pages} pages with {len(rows)} rows; more follow. "
            f"--max-pages reads more, or begin with {paging.argument}={following}."
        )
    elif is_from_start and totals and {*totals} != {len(rows)}:
        notes.append(
            f"{len(rows)} rows were read, and Portkey counted {totals[0]} at first and "
            f"{totals[-1]} at last: the list changed, so some may be missing, or here twice."
        )
    return AllRows({**answer, rows_in: rows}, notes)


def _following(
    answer: dict[str, Any], arguments: dict[str, Any], paging: Paging, row_count: int
) -> Any:
    """What names the next page; None if this was the last."""
    if paging.argument == "cursor":
        metadata = answer.get("metadata")
        return (metadata.get("nextCursor") or None) if isinstance(metadata, dict) else None
    has_more = answer.get("has_more")
    if has_more is False or not row_count:
        return None
    if has_more and "next_page" in answer:
        return answer["next_page"]
    # It is not said whether more follows: a page that is not full is the last.
    is_full = row_count >= arguments[paging.size_argument]
    return arguments.get(paging.argument, 0) + 1 if is_full else None

"""Read all pages of a list, within a bound."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from .output import Failed
from .progress import Progress
from .tool_results import Result

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


Call = Callable[[dict[str, Any]], Awaitable[Result]]
"""Calls the tool with arguments. Raises Failed."""


async def read_all(
    call: Call,
    arguments: dict[str, Any],
    paging: Paging,
    rows_in: str,
    progress: Progress,
    max_pages: int,
) -> AllRows:
    """Read the pages of a list from the first, or from the one that `arguments` name.

    Raises Failed if a page cannot be read, with the place at which to go on.
    """
    arguments = _with_numbers({paging.size_argument: paging.size, **arguments}, paging)
    is_from_start = paging.argument not in arguments
    rows: list[Any] = []
    notes: list[str] = []
    totals: list[int] = []
    answer: dict[str, Any] = {}
    following: Any = None
    for _page in range(max_pages):
        answer, page_notes = await _read_page(call, arguments, paging, len(rows))
        page = answer.get(rows_in) or []
        rows += page
        notes += [note for note in page_notes if note not in notes]
        if isinstance(total := answer.get("total"), int):
            totals.append(total)
        progress(len(rows), totals[-1] if totals else None)
        following = _following(answer, arguments, paging, len(page))
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


def _with_numbers(arguments: dict[str, Any], paging: Paging) -> dict[str, Any]:
    """The arguments with the numbers of paging as numbers; the tool itself takes texts too."""
    names = (paging.argument, paging.size_argument)
    texts = {name: arguments[name] for name in names if isinstance(arguments.get(name), str)}
    return {**arguments, **{name: int(text) for name, text in texts.items() if text.isdecimal()}}


async def _read_page(
    call: Call, arguments: dict[str, Any], paging: Paging, row_count: int
) -> Result:
    try:
        return await call(arguments)
    except Failed as error:
        if not row_count:
            raise
        place = f"{paging.argument}={arguments[paging.argument]}"
        message = f"{error.message}\n{row_count} rows were read before that; go on with {place}."
        raise Failed(error.kind, message, error.cure, **error.details) from None


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

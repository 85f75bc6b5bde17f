"""Print rows as a table for people, or as CSV.

On a terminal, columns for which there is no room are left out, the least important first; in a
pipe, no column and no value is shortened.
"""

import sys
from typing import Any

import click

from ..safety.objects import label_in
from ..server.calls.presentation import FORMULA_NOTE, columns_of, csv_text, flat_row
from ..server.calls.visible_text import visible

MAX_CELL_CHARS = 60
"""Characters of a cell of a table on a terminal; the rest is replaced by `…`."""
GAP = 3
"""Characters between two columns on a terminal."""
EDGES = 2
"""Characters beside the first and the last column on a terminal."""
MIN_COLUMNS = 2
MIN_WIDTH = 8
"""Characters that a column gets if there is no room for the columns that are always shown."""
PIPE_GAP = 2
MAX_ID_CHARS = 13
"""Characters of an id if the table has no room for all columns: enough to tell rows apart."""
MAX_NAMES = 3
"""Names of the items of a list that a cell shows."""
IMPORTANT = (
    *("name", "object", "email", "title", "tool", "state", "status"),
    *("limit", "used", "runs_out", "unit", "at"),
)
"""Columns that one needs to understand a row; they get room first, in this order."""
IDS = ("id", "slug", "change")
"""Columns that hold an id; so do those whose name ends with `_id` or `_slug`."""


def rows_of(value: Any, rows_in: str) -> list[dict[str, Any]] | None:
    """The rows of a result: the list itself, or the one in the field `rows_in`; None without any.

    Without a name, an object's only list of objects is meant. A row that is no object is shown in
    the column `value`.
    """
    if isinstance(value, dict) and not rows_in:
        lists = [name for name, item in value.items() if _is_rows(item)]
        rows_in = lists[0] if len(lists) == 1 else ""
    rows = value.get(rows_in) if isinstance(value, dict) else value
    if not isinstance(rows, list):
        return None
    return [row if isinstance(row, dict) else {"value": row} for row in rows]


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def print_csv(value: Any, rows_in: str) -> None:
    """Print the rows as CSV with a header; a result without rows as one row."""
    rows = rows_of(value, rows_in)
    text, has_marks = csv_text([value] if rows is None else rows)
    click.echo(visible(text), nl=False)
    if has_marks:
        click.echo(f"Note: {FORMULA_NOTE}", err=True)


def print_table(value: Any, rows_in: str) -> None:
    """Print the rows as a table; a result without rows as a table of its fields."""
    rows = rows_of(value, rows_in)
    if rows is None:
        _print_fields(value if isinstance(value, dict) else {"value": value})
    elif not rows:
        click.echo("No rows.", err=True)
    else:
        short = _for_this_output(rows)
        flat = [flat_row(row) for row in short]
        columns = columns_of(flat)
        lines = [[row.get(name) for name in columns] for row in flat]
        _print(columns, lines, is_short=short != rows)


def _print_fields(value: dict[str, Any]) -> None:
    short = _for_this_output(value)
    lines = [[name, item] for name, item in flat_row(short).items()]
    _print(["field", "value"], lines, is_short=short != value)


def _for_this_output(value: Any) -> Any:
    """A value, on a terminal with a text in the place of each list of objects inside a row."""
    if not sys.stdout.isatty():
        return value
    if isinstance(value, list):
        return [_with_short_lists(row) for row in value]
    return _with_short_lists(value)


def _with_short_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_short_lists(item) for name, item in value.items()}
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return _in_short(value)
    return value


def _in_short(items: list[Any]) -> str:
    """How many items a list has, with the first names: `5: Support, Science, Growth, …`."""
    names = [label_in(item) if isinstance(item, dict) else "" for item in items[:MAX_NAMES]]
    if not all(names):
        return f"{len(items)} item{'' if len(items) == 1 else 's'}"
    return f"{len(items)}: {', '.join([*names, *(['…'] if len(items) > MAX_NAMES else [])])}"


def _print(columns: list[str], lines: list[list[Any]], *, is_short: bool) -> None:
    """Print a table. `is_short` says whether some cells stand for a longer value."""
    header = [visible(name) for name in columns]
    cells = [[_text(cell) for cell in line] for line in lines]
    if sys.stdout.isatty():
        _print_on_terminal(header, cells, is_short=is_short)
    else:
        _print_in_pipe([header, *cells])


def _print_in_pipe(cells: list[list[str]]) -> None:
    """Print a table with a line for each row, however long it is."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        padded = [
            cell + " " * (width - cell_len(cell) + PIPE_GAP)
            for cell, width in zip(line, widths, strict=True)
        ]
        click.echo("".join(padded).rstrip())


def _print_on_terminal(header: list[str], lines: list[list[str]], *, is_short: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    cut = [[_cut(cell, MAX_CELL_CHARS) for cell in line] for line in lines]
    shown = fitting_columns([header, *cut], console.width - EDGES)
    columns = [column for column, _width in shown]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(Text(header[column]), no_wrap=True)
    rows = [[_cut(line[column], width) for column, width in shown] for line in cut]
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
    is_cut = is_short or rows != [[line[column] for column in columns] for line in lines]
    if note := _note_of([name for at, name in enumerate(header) if at not in columns], is_cut):
        click.echo(f"Note: {note}", err=True)


def _note_of(left_out: list[str], is_cut: bool) -> str:
    """What a table does not show, and how to see it; empty if it shows all."""
    parts = [f"No room for {', '.join(left_out)}."] if left_out else []
    if is_cut:
        parts.append("Some values are shortened.")
    if not parts:
        return ""
    wider = "A wider terminal or " if left_out else ""
    return f"{' '.join(parts)} {wider}-o yaml shows all."


def fitting_columns(cells: list[list[str]], width: int) -> list[tuple[int, int]]:
    """The columns that fit into a width, from left to right, each with the width it gets.

    `cells` begins with the header. If there is no room for all, the important columns come first,
    then the first id, then the others; ids are cut as far as needed. Two are always there.
    """
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    if sum(widths) + GAP * (len(widths) - 1) <= width:
        return list(enumerate(widths))
    names = cells[0]
    first_id = next((at for at, name in enumerate(names) if _is_id(name)), -1)
    least = [
        min(each, MAX_ID_CHARS) if _is_id(names[at]) else each for at, each in enumerate(widths)
    ]
    room = width + GAP
    shown: dict[int, int] = {}
    for at in sorted(range(len(names)), key=lambda at: _rank(names[at], at, first_id)):
        if least[at] + GAP <= room:
            shown[at] = least[at]
        elif len(shown) < MIN_COLUMNS:
            shown[at] = min(least[at], max(MIN_WIDTH, room - GAP))
        else:
            continue
        room -= shown[at] + GAP
    for at in shown:
        more = max(0, min(widths[at] - shown[at], room))
        shown[at] += more
        room -= more
    return sorted(shown.items())


def _rank(name: str, position: int, first_id: int) -> tuple[int, int]:
    """The importance of a column: the lowest is shown first."""
    if name in IMPORTANT:
        return 0, IMPORTANT.index(name)
    if position == first_id:
        return 1, position
    return (3 if _is_id(name) else 2), position


def _is_id(name: str) -> bool:
    return name in IDS or name.endswith(("_id", "_slug", ".id", ".slug"))


def _text(value: Any) -> str:
    """A value on one line, with hidden characters as escapes."""
    return "" if value is None else visible(" ".join(str(value).split()))


def _cut(text: str, width: int) -> str:
    """A text in at most so many columns of a terminal."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"

"""Print rows as a table for people, or as CSV."""

import sys
from typing import Any

import click

from ..server.calls.presentation import FORMULA_NOTE, csv_text, flat_row
from ..server.calls.visible_text import visible

MAX_CELL_CHARS = 60
"""Characters of a cell of a table on a terminal; the rest is replaced by `…`."""
GAP = 3
"""Characters between two columns on a terminal."""
MIN_COLUMNS = 2
PIPE_WIDTH = 100_000
"""The width of a table that is not printed on a terminal: no cell is broken into lines."""


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
        fields = flat_row(value) if isinstance(value, dict) else {"value": value}
        _print(("field", "value"), [[name, item] for name, item in fields.items()])
    elif not rows:
        click.echo("No rows.", err=True)
    else:
        flat = [flat_row(row) for row in rows]
        columns = tuple(dict.fromkeys(name for row in flat for name in row))
        _print(columns, [[row.get(name) for name in columns] for row in flat])


def _print(columns: tuple[str, ...], lines: list[list[Any]]) -> None:
    """Print a table; on a terminal without the last columns, if it is too narrow for them."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    is_terminal = sys.stdout.isatty()
    console = Console(highlight=False, width=None if is_terminal else PIPE_WIDTH)
    cells = [[visible(name) for name in columns]]
    cells += [[_cell(cell, is_terminal=is_terminal) for cell in line] for line in lines]
    count = columns_that_fit(cells, console.width)
    table = Table(box=SIMPLE_HEAD if is_terminal else None, pad_edge=False)
    for name in cells[0][:count]:
        table.add_column(Text(name), no_wrap=True)
    for line in cells[1:]:
        table.add_row(*map(Text, line[:count]))
    console.print(table)
    if count < len(columns):
        click.echo(
            f"Note: no room for {', '.join(cells[0][count:])}: make the terminal wider, choose "
            "with fields=NAME,… or use -o json.",
            err=True,
        )


def columns_that_fit(cells: list[list[str]], width: int) -> int:
    """How many columns fit into a width, from the left; at least two, which may then be cut."""
    from rich.cells import cell_len

    used = 0
    for number, column in enumerate(zip(*cells, strict=True)):
        used += max(map(cell_len, column)) + GAP
        if used > width + GAP:
            return max(number, MIN_COLUMNS)
    return len(cells[0])


def _cell(value: Any, *, is_terminal: bool) -> str:
    """A value on one line, with hidden characters as escapes."""
    text = "" if value is None else visible(" ".join(str(value).split()))
    is_long = is_terminal and len(text) > MAX_CELL_CHARS
    return f"{text[: MAX_CELL_CHARS - 1]}…" if is_long else text

"""The table of a comparison: figures in pairs, their ratios, and the goals for them."""

import statistics
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

Figures = dict[str, float]
"""One measurement of each figure, by name."""


class Measured:
    """All figures of a run: for each server and name, one number of each pair, in order."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, server: str, figures: Mapping[str, float]) -> None:
        """Add measurements of a server."""
        for name, number in figures.items():
            self._numbers[server, name].append(number)

    def of(self, server: str, name: str) -> list[float]:
        """The measurements of one figure, in order."""
        return self._numbers[server, name]


class Row(NamedTuple):
    """A row of the table: a figure of ours, one of theirs, and the goal of their ratio.

    `goal` is a ratio, ours to theirs, or with `is_absolute` a figure of ours; None if no goal is
    set. Calls a second (`is_rate`) should be above it, times and sizes below. `theirs` is empty if
    only this server has such a figure.
    """

    title: str
    unit: str
    ours: str
    theirs: str
    goal: float | None = None
    is_rate: bool = False
    is_absolute: bool = False

    def is_in(self, measured: Measured, server: str = "ours") -> bool:
        """Whether the figures of this row were measured."""
        has_theirs = not self.theirs or bool(measured.of("theirs", self.theirs))
        return bool(measured.of(server, self.ours)) and has_theirs

    def ratios(self, measured: Measured, server: str = "ours") -> list[float]:
        """Ours to theirs, pair by pair; empty if there is none of theirs."""
        if not self.theirs:
            return []
        pairs = zip(measured.of(server, self.ours), measured.of("theirs", self.theirs), strict=True)
        return [ours / theirs for ours, theirs in pairs]

    def is_met(self, value: float) -> bool:
        """Whether a ratio, or with `is_absolute` a figure, is as good as the goal."""
        assert self.goal is not None
        return value >= self.goal if self.is_rate else value <= self.goal


HEAD = ("", "unit", "ours", "theirs", "ours / theirs", "lowest–highest", "goal", "met")


def cells(row: Row, measured: Measured, server: str = "ours") -> tuple[str, ...]:
    """The cells of a row as text; figures are medians. `server` is ours, or a variant of it."""
    figure = statistics.median(measured.of(server, row.ours))
    ratios = row.ratios(measured, server)
    theirs, ratio, span = "", "", ""
    if ratios:
        theirs = number(statistics.median(measured.of("theirs", row.theirs)))
        ratio = number(statistics.median(ratios))
        span = f"{number(min(ratios))}–{number(max(ratios))}"
    goal, met = "", ""
    if row.goal is not None:
        unit = f" {row.unit}" if row.is_absolute else ""
        goal = f"{'≥' if row.is_rate else '≤'} {row.goal:g}{unit}"
        met = (
            "yes" if row.is_met(figure if row.is_absolute else statistics.median(ratios)) else "no"
        )
    return (row.title, row.unit, number(figure), theirs, ratio, span, goal, met)


def number(value: float) -> str:
    """A number with about three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def markdown(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table: the first column is aligned left, the others right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    is_left = [column < 1 for column in range(len(head))]

    def line(row: tuple[str, ...]) -> str:
        padded = (
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(row, widths, is_left, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    rule = "|".join(
        "-" * (width + 2) if left else "-" * (width + 1) + ":"
        for width, left in zip(widths, is_left, strict=True)
    )
    return "\n".join([line(head), f"|{rule}|", *map(line, rows)])

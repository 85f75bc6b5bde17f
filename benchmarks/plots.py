"""Plots of figures, as PNG files."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from table import Figures

COLUMNS = 3
PANEL_INCHES = (4.2, 3.2)
COLOURS = {"ours": "tab:blue", "theirs": "tab:orange"}
STYLES = {"stateless": "--", "2026-07-28": ":", "cut at 80,000": ":"}


class Point(NamedTuple):
    """The figures of one line of a plot at `x`; `line` names the server and its variant."""

    line: str
    x: float
    figures: Figures


class Panel(NamedTuple):
    """One figure in a plot; times and rates on a logarithmic axis, memory from zero."""

    figure: str
    title: str
    unit: str

    @property
    def is_logarithmic(self) -> bool:
        """Whether the axis of the figure is logarithmic."""
        return self.unit != "MB"


def draw(path: Path, axis: str, panels: Sequence[Panel], points: Sequence[Point]) -> None:
    """Draw a panel for each figure, with a line for each server."""
    rows = -(-len(panels) // COLUMNS)
    figure = Figure(figsize=(PANEL_INCHES[0] * COLUMNS, PANEL_INCHES[1] * rows), layout="tight")
    fields = figure.subplots(rows, COLUMNS, squeeze=False)
    for field, panel in zip(fields.flat, panels, strict=False):
        _draw_panel(field, panel, points)
        field.set_xlabel(axis)
    for field in fields.flat[len(panels) :]:
        field.remove()
    fields[0, 0].legend(fontsize="small")
    figure.savefig(path, dpi=110)


def _draw_panel(field: Axes, panel: Panel, points: Sequence[Point]) -> None:
    for line in dict.fromkeys(point.line for point in points):
        on_line = [point for point in points if point.line == line]
        server, _, variant = line.partition(", ")
        field.plot(
            [point.x for point in on_line],
            [point.figures[panel.figure] for point in on_line],
            marker="o",
            label=line,
            color=COLOURS[server],
            linestyle=STYLES.get(variant, "-"),
        )
    field.set(xscale="log", title=panel.title, ylabel=panel.unit)
    places = sorted({point.x for point in points if point.line.startswith("ours")})
    field.set_xticks(places, [f"{place:,.0f}" for place in places])
    field.xaxis.set_minor_locator(NullLocator())
    if panel.is_logarithmic:
        field.set_yscale("log")
        field.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        field.yaxis.set_minor_locator(NullLocator())
    else:
        field.set_ylim(bottom=0)
    field.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    field.grid(alpha=0.25)

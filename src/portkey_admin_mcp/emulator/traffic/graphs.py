"""Requests over time, for the graphs of analytics."""

from typing import Any

from .requests import Selection, percentile, shown_time

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
PERCENTILES = (("p50", 50), ("p90", 90), ("p99", 99))
Points = list[dict[str, Any]]


def point_width(selection: Selection) -> int:
    """The milliseconds that a point covers: a minute, an hour, a day or a week, by the range."""
    span = selection.end - selection.start
    return next(
        width
        for max_span, width in (
            (2 * HOUR, MINUTE),
            (2 * DAY, HOUR),
            (92 * DAY, DAY),
            (span, 7 * DAY),
        )
        if span <= max_span
    )


def points_of(selection: Selection, *, having: str = "", **columns: str) -> Points:
    """A point for each interval that has requests, with the columns given as SQL."""
    width = point_width(selection)
    groups = (narrowed(selection, having) if having else selection).query(
        ", ".join([f"created_at / {width} * {width}", *columns.values()]), "group by 1 order by 1"
    )
    return [
        {"timestamp": shown_time(at), **dict(zip(columns, map(plain_number, values), strict=True))}
        for at, *values in groups
    ]


def narrowed(selection: Selection, condition: str) -> Selection:
    """The requests of a selection that also match a condition in SQL."""
    where = f"({selection.where}) and ({condition})"
    return Selection(selection.database, where, selection.values, selection.start, selection.end)


def one_row(selection: Selection, *columns: str) -> tuple[Any, ...]:
    """Aggregates over all requests of a selection, given in SQL; 0 for those without a value."""
    (row,) = selection.query(", ".join(columns))
    return tuple(plain_number(value or 0) for value in row)


def plain_number(value: Any) -> Any:
    """A number rounded to four digits, as an int if it is whole."""
    if not isinstance(value, float):
        return value
    rounded = round(value, 4)
    return int(rounded) if rounded.is_integer() else rounded


def sum_of(points: Points) -> Any:
    """The sum of the totals of points."""
    return sum(point["total"] for point in points)


def ratio(part: float, total: float) -> Any:
    """A part of a total; 0 if the total is 0."""
    return plain_number(part / total) if total else 0


def time_spread(times: list[int]) -> dict[str, Any]:
    """The average and the percentiles of sorted times."""
    if not times:
        return {"avg": 0, "p50": 0, "p90": 0, "p99": 0}
    ranks = {name: percentile(times, at) for name, at in PERCENTILES}
    return {"avg": round(sum(times) / len(times)), **ranks}

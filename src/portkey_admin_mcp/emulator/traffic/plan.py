"""When the planted events of a month happen, for any time at which the month ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate

DAYS = 30
"""The days of a month of requests; the last one is the day on which it ends, up to that time."""
SPIKE_DAY, BURST_DAY, STALE_DAY = 24, 18, 9
"""Days of the month, from 0: the latest day on which the cost may rise, and on which a provider
may fail (both move to the Friday before if they are on a weekend), and the stale key's last day."""
DELETED_DAY = DAYS - 4
"""The last day of a key that was deleted two days before the end."""
BURST_HOURS = range(14, 16)
WEEKEND_SHARE = 0.4
"""The requests of a day of the weekend, as a part of those of another day."""
BY_HOUR = (1, 1, 1, 1, 1, 2, 4, 8, 12, 14, 14, 13, 12, 13, 14, 14, 13, 10, 7, 5, 4, 3, 2, 1)
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@dataclass(frozen=True)
class Plan:
    """The hours of a month that ends at `end`, and the days of its planted events.

    Times are Unix times in ms. An hour is numbered from the start of the first day. Only time that
    has passed has requests: no hour after the end, and of the last hour only its beginning.
    """

    start: int
    end: int
    spike_day: int
    burst_day: int
    cumulative_weights: Sequence[float]
    """For each hour, the weight of all hours up to it, for `random.choices`."""

    def hour_length(self, hour: int) -> int:
        """The milliseconds of an hour that have passed by the end."""
        return max(0, min(HOUR_MS, self.end - self.start - hour * HOUR_MS))


@lru_cache(maxsize=16)
def plan_until(until: datetime) -> Plan:
    """The plan of the month that ends at a time."""
    midnight = until.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight - timedelta(days=DAYS - 1)
    start, end = (int(at.timestamp() * 1000) for at in (first, until))
    day_weights = [WEEKEND_SHARE if _is_weekend(first, day) else 1.0 for day in range(DAYS)]
    weights = [day_weight * by_hour for day_weight in day_weights for by_hour in BY_HOUR]
    passed = (min(1.0, max(0.0, (end - start) / HOUR_MS - hour)) for hour in range(len(weights)))
    return Plan(
        start,
        end,
        _working_day(first, SPIKE_DAY),
        _working_day(first, BURST_DAY),
        [*accumulate(weight * part for weight, part in zip(weights, passed, strict=True))],
    )


def _is_weekend(first: datetime, day: int) -> bool:
    return (first + timedelta(days=day)).weekday() > 4  # Saturday and Sunday


def _working_day(first: datetime, day: int) -> int:
    """The day itself, or the Friday before if it is on a weekend."""
    while _is_weekend(first, day):
        day -= 1
    return day

"""One limit: what is used of it, when it is reset, and when it runs out at a pace. No requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ...models.core.vocabulary import instant
from ..shared.timestamps import utc_timestamp

PACE_DAYS = 7
"""The days whose mean is the pace."""
MAX_PERIODS = 13
"""The periods that are looked at for one in which a limit runs out: all months of a year differ."""
HOUR = timedelta(hours=1)
EXHAUSTED, NEVER = "exhausted", "never at this pace"
UNKNOWN = "unknown"
UNITS = {"cost": "USD", "tokens": "tokens", "requests": "requests"}
"""The unit of a limit, by its type."""


@dataclass(frozen=True)
class Schedule:
    """When the use of a limit is set to zero."""

    last: datetime | None = None
    """The last reset that is known."""
    next: datetime | None = None
    period: str | None = None
    days: int | None = None

    def after(self, reset: datetime) -> datetime | None:
        """The reset after another one; None if there is none."""
        if self.days:
            return reset + timedelta(days=self.days)
        if self.period == "weekly":
            return reset + timedelta(days=7)
        if self.period == "monthly":
            return first_of_next_month(reset)
        return None

    def before(self, reset: datetime) -> datetime | None:
        """The reset before another one; None if there was none."""
        if self.days:
            return reset - timedelta(days=self.days)
        if self.period == "weekly":
            return reset - timedelta(days=7)
        if self.period == "monthly":
            return (reset - timedelta(days=1)).replace(day=1)
        return None


@dataclass(frozen=True)
class Budget:
    """A limit of one object, or of one group of a policy."""

    kind: str
    id: str
    name: str
    workspace: str
    """The slug of its workspace; empty for the organisation's own keys."""
    limit: float
    type: str
    schedule: Schedule
    created: datetime | None = None
    alert: float | None = None
    is_exhausted: bool = False
    """Whether Portkey says so."""
    group: str = ""
    """The group of a policy: `metadata._user:diego@acme.example`."""
    members: tuple[str, ...] = ()
    """The providers that an integration's limit is about."""
    used: float | None = None
    pace: float | None = None
    """What is used in a day."""
    unknown_because: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The policy of a group, for what its pace is read by."""

    def with_use(self, used: float | None, pace: float | None) -> "Budget":
        """The same limit with what is used, and the pace."""
        return replace(self, used=used, pace=pace)

    @property
    def counts_from(self) -> datetime | None:
        """When the current period began: the last reset, or at the earliest the creation."""
        start = self.schedule.before(self.schedule.next) if self.schedule.next else None
        times = [each for each in (self.schedule.last, start, self.created) if each is not None]
        return max(times, default=None)

    def runs_out(self, now: datetime) -> datetime | str:
        """When it is used up at its pace, through its resets; `exhausted`, `never…`, `unknown`."""
        if self.is_exhausted or (self.used is not None and self.used >= self.limit):
            return EXHAUSTED
        if self.used is None or self.pace is None:
            return UNKNOWN
        if self.pace <= 0:
            return NEVER
        start, end, remaining = now, self.schedule.next, self.limit - self.used
        for _period in range(MAX_PERIODS):
            try:
                moment = start + timedelta(days=remaining / self.pace)
            except OverflowError:
                moment = None
            if end is None:
                return NEVER if moment is None else moment
            if moment is not None and moment <= end:
                return moment
            start, end, remaining = end, self.schedule.after(end), self.limit
        return NEVER

    def order(self, now: datetime) -> tuple[int, float, float]:
        """The place in a list: exhausted ones first, then by when they run out, unknown, never."""
        out = self.runs_out(now)
        part = (self.used or 0) / self.limit if self.limit else 1.0
        if isinstance(out, datetime):
            return 1, out.timestamp(), -part
        return {EXHAUSTED: 0, UNKNOWN: 2, NEVER: 3}[out], 0.0, -part

    def row(self, now: datetime) -> dict[str, Any]:
        """The limit as an answer shows it; amounts in its unit, times to the hour in UTC."""
        out = self.runs_out(now)
        row: dict[str, Any] = {
            "kind": self.kind,
            "id": self.id,
            "name": short(self.name),
            "group": short(self.group),
            "workspace": self.workspace,
            "limit": plain(self.limit),
            "unit": UNITS.get(self.type, self.type),
            "used": None if self.used is None else plain(self.used),
            "used_percent": self._percent(),
            "past_alert": bool(self.alert and (self.used or 0) >= self.alert) or None,
            "resets": _shown(self.schedule.next),
            "runs_out": _shown(out) if isinstance(out, datetime) else self._in_words(out),
            "pace_per_day": None if self.pace is None else plain(self.pace),
        }
        return {name: value for name, value in row.items() if value not in (None, "")}

    def _percent(self) -> float | None:
        return None if self.used is None or not self.limit else round(self.used * 100 / self.limit)

    def _in_words(self, out: str) -> str:
        because = self.unknown_because or "its use was not read"
        return f"{UNKNOWN}: {because}" if out == UNKNOWN else out


def schedule_of(limits: Mapping[str, Any], row: Mapping[str, Any], now: datetime) -> Schedule:
    """The resets of a limit, from its own fields and those of the object that it limits.

    A next reset that has passed is moved on by its period. Without one, Portkey resets weekly
    limits on Mondays and monthly ones on the first, at 00:00 UTC.
    """
    period, days = limits.get("periodic_reset"), limits.get("periodic_reset_days")
    last = moment_of(row.get("last_reset_at") or limits.get("last_reset_at"))
    following = moment_of(row.get("next_usage_reset_at") or limits.get("next_usage_reset_at"))
    schedule = Schedule(
        last, None, period if isinstance(period, str) else None, days if type(days) is int else None
    )
    if following is None:
        following = _usual_reset(schedule, now)
    while following is not None and following <= now:
        last, following = following, schedule.after(following)
    return replace(schedule, last=last, next=following)


def _usual_reset(schedule: Schedule, now: datetime) -> datetime | None:
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if schedule.days:
        return schedule.after(schedule.last) if schedule.last else None
    if schedule.period == "weekly":
        return today + timedelta(days=7 - today.weekday())
    return first_of_next_month(today) if schedule.period == "monthly" else None


def first_of_next_month(day: datetime) -> datetime:
    """The first day of the month after that of a day, at the same time."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def moment_of(text: Any) -> datetime | None:
    """A moment that an answer names, in UTC; None if it names none that can be read."""
    try:
        return instant(text).astimezone(UTC) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def plain(number: float) -> float:
    """A number with at most two digits after the point, as an int if it is whole."""
    rounded = round(number, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def short(text: str) -> str:
    """The first characters of a name."""
    return text if len(text) <= 60 else f"{text[:59]}…"


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else utc_timestamp(moment.replace(minute=0), "minutes")

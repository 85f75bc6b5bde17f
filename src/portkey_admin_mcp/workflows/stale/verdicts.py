"""Whether an object is stale, by what is known of its use."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from ...models.core.vocabulary import instant
from ..shared.brief import day
from ..shared.rows import Row
from ..shared.traffic import Use

Answer = Literal["stale", "used", "younger", "unknown"]
MAX_NAMES = 5
"""Names that are shown for each reason why something is not known."""


@dataclass(frozen=True)
class Period:
    """From when a use counts (`cutoff`), and from when the last use is looked for (`start`)."""

    start: datetime
    cutoff: datetime
    end: datetime

    @property
    def not_used(self) -> str:
        """The last use of what was not used in the period, in words."""
        return f"not in {(self.end - self.start).days} days"


class Verdict(NamedTuple):
    """Whether an object is stale; `detail` is its last use, or why it is not known."""

    answer: Answer
    detail: str = ""


def verdict(created_at: Any, use: Use | None, why_unsure: str, period: Period) -> Verdict:
    """Judge an object by its use, or by its age if it was never used.

    With `why_unsure`, that no use was found does not mean that there was none.
    """
    if use is not None:
        last = _moment(use.last_seen)
        if last is None:
            return Verdict("unknown", "it was used, at a time that analytics do not show")
        if last >= period.cutoff:
            return Verdict("used")
        return (
            Verdict("unknown", why_unsure)
            if why_unsure
            else Verdict("stale", str(day(use.last_seen)))
        )
    created = _moment(created_at)
    if created is not None and created > period.cutoff:
        return Verdict("younger")
    if why_unsure:
        return Verdict("unknown", why_unsure)
    if created is None:
        return Verdict("unknown", "not used, and the time of its creation is not shown")
    return Verdict("stale", period.not_used)


@dataclass
class Verdicts:
    """How many objects of each kind are stale, used, younger or unknown, and which are stale."""

    stale: dict[str, list[Row]] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    _unknown: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, name: str, verdict: Verdict, shown: Row) -> None:
        """Count an object; `shown` is its row if it is stale."""
        self.counts.setdefault(kind, Counter())[verdict.answer] += 1
        if verdict.answer == "stale":
            self.stale.setdefault(kind, []).append({**shown, "last_used": verdict.detail})
        if verdict.answer == "unknown":
            self._unknown.setdefault(f"{kind}, {verdict.detail}", []).append(name)

    @property
    def unknown(self) -> list[str]:
        """The objects of which it is not known, a sentence for each reason."""
        return [
            f"{why}: {', '.join(names[:MAX_NAMES])}"
            + (f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else "")
            for why, names in self._unknown.items()
        ]


def _moment(value: Any) -> datetime | None:
    """A time in ISO 8601; None if it is none."""
    try:
        return instant(value) if isinstance(value, str) else None
    except ValueError:
        return None

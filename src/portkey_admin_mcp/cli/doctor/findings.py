"""What a check of `doctor` found."""

from dataclasses import asdict, dataclass
from typing import Any

from ..check_states import CheckState


@dataclass(frozen=True)
class Finding:
    """What one check found. `cure` says what to do, unless it is fine or was skipped.

    A check that was skipped says in `detail` why: it found nothing out.
    """

    area: str
    name: str
    state: CheckState
    detail: str
    cure: str = ""

    def shown(self) -> dict[str, Any]:
        """The finding as JSON."""
        return {name: value for name, value in asdict(self).items() if value}


class Area:
    """Makes the findings of one area."""

    def __init__(self, name: str) -> None:
        self._name = name

    def ok(self, name: str, detail: str) -> Finding:
        """It works."""
        return Finding(self._name, name, "ok", detail)

    def warning(self, name: str, detail: str, cure: str) -> Finding:
        """It works, but needs attention."""
        return Finding(self._name, name, "warning", detail, cure)

    def failed(self, name: str, detail: str, cure: str) -> Finding:
        """It does not work."""
        return Finding(self._name, name, "failed", detail, cure)

    def skipped(self, name: str, why: str) -> Finding:
        """It was not looked at."""
        return Finding(self._name, name, "skipped", why)

"""How a check ends, and the mark that a person sees for it; `check-http` and `doctor` use it."""

from typing import Literal

CheckState = Literal["ok", "warning", "failed", "skipped"]
STATE_MARKS: dict[CheckState, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "failed": ("✗", "red"),
    "skipped": ("–", "dim"),
}
"""The mark of a state and its style."""

"""A preview as an object for a model, and as a question for a person."""

from typing import Any

from .asking import Question
from .masking import masked
from .preview import Preview

MAX_LINES = 12
"""Lines of differences in a question; a person reads no more."""
MAX_VALUE_CHARS = 80


def shown(seen: Preview) -> dict[str, Any]:
    """What a call would do: `{tool, requests, needs, object, changes, risk, because}`."""
    tool, change, now = seen.tool, seen.change, seen.now
    request: dict[str, Any] = {"request": f"{change.method} {_filled(seen)}"}
    if change.query:
        request["query"] = masked(dict(change.query))
    if change.body:
        request["body"] = masked(dict(change.body))
    answer: dict[str, Any] = {
        "changes_nothing": True,
        "tool": tool.name,
        "requests": [request],
        "needs": tool.scopes_in_words or "any key",
        "object": {"name": seen.label, "verified": now.fields is not None},
        "risk": seen.rating.risk,
    }
    if tool.enterprise:
        answer["needs"] += ", on an Enterprise plan"
    if now.why:
        answer["object"]["why"] = now.why
    if differences := seen.differences():
        answer["changes"] = differences
    if seen.rating.reasons:
        answer["because"] = list(seen.rating.reasons)
    return answer


def question_of(seen: Preview) -> Question:
    """What a person is asked before a call: what it does, why it is asked, and what to type."""
    lines = [f"{seen.tool.title}: {seen.label!r}"]
    if seen.rating.reasons:
        lines.append(f"Asked because {'; '.join(seen.rating.reasons)}.")
    differences = seen.differences()
    lines += [f"- {name}: {_change(change)}" for name, change in differences.items()][:MAX_LINES]
    if len(differences) > MAX_LINES:
        lines.append(f"- and {len(differences) - MAX_LINES} more fields")
    if seen.now.fields is None:
        lines.append(f"What it is now is not known: {seen.now.why}.")
    lines.append(f"To confirm, type its name: {seen.label}")
    return Question("\n".join(lines), seen.label, seen.now.hash)


def _change(change: dict[str, Any]) -> str:
    to = _short(change["to"])
    return f"{_short(change['from'])} → {to}" if "from" in change else to


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= MAX_VALUE_CHARS else f"{text[: MAX_VALUE_CHARS - 1]}…"


def _filled(seen: Preview) -> str:
    return seen.change.path.format_map(dict(seen.change.ids))

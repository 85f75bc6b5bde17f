"""A preview as lines of text for a person: the only place that says in words what a call would do.

The question at a client or a terminal, `call --dry-run`, `approvals` and `approve` all print these.
Each text from Portkey or from the call is quoted and on one line, so that it cannot look like a
line of its own.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..portkey.catalog import title_of
from .dependants import USE_DAYS
from .objects import is_hidden

MAX_CHANGES = 12
"""Changed fields that are shown; a person reads no more."""
MAX_VALUE_CHARS = 80
MAX_NAME_CHARS = 60
REST = "…"
"""The field of a shortened object that says how many more fields it has."""

Facts = Mapping[str, Any]


def is_preview(answer: Facts) -> bool:
    """Whether an answer is a preview, as `preview_text.shown` returns it."""
    return answer.get("changes_nothing") is True and "requests" in answer


def lines_of(preview: Facts) -> list[str]:
    """What a call would do: the object, risk, changes, what depends on it, and whether it undoes.

    `preview` is what `preview_text.shown` returns; a part that it does not have gives no line.
    """
    return [*_lines(preview)]


def _lines(preview: Facts) -> Iterator[str]:
    now = preview.get("object", {})
    yield f"{title_of(preview.get('tool', 'change'))}: {_object(preview)}"
    if risk := preview.get("risk"):
        yield f"{visible(': '.join([f'Risk: {risk}', *_reasons(preview)]))}."
    yield from _changes(preview)
    if why := now.get("why"):
        yield f"What it is now is not known: {visible(why)}."
    yield from _dependants(preview.get("depends_on_it", {}))
    if (use := preview.get("last_use")) is not None:
        yield _use(use)
    if then := preview.get("then", {}).get("possibly"):
        yield f"It may go on with: {visible(', '.join(then))}."
    if undo := preview.get("undo"):
        can = "Can be undone" if undo.get("possible") else "Cannot be undone"
        why = f" (not certain: {undo['why']})" if undo.get("why") else ""
        yield visible(f"{can}: {undo.get('how', '')}{why}.")


def visible(text: str) -> str:
    """A text on one line in which each hidden character is written as its code."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"\\u{ord(each):04x}" if is_hidden(each) else each
        for each in text.replace("\n", " ⏎ ").replace("\t", " ")
    )


def quoted(text: str, max_chars: int = MAX_NAME_CHARS) -> str:
    """A text in quotation marks, on one line, cut; it cannot end the quotation by itself."""
    line = visible(text).replace('"', "'")
    return f'"{line if len(line) <= max_chars else line[: max_chars - 1] + "…"}"'


def _reasons(preview: Facts) -> list[str]:
    reasons = "; ".join(preview.get("because", ()))
    return [reasons] if reasons else []


def _object(preview: Facts) -> str:
    """The object for a person: `"Support" (id "3ec9…", in workspace "Growth")`."""
    facts, now = preview.get("object", {}), preview.get("now", {})
    name = str(facts.get("name", ""))
    id = now.get("id") or now.get("slug") or facts.get("id")
    details = [f"id {quoted(str(id))}"] if id and id != name and not facts.get("is_new") else []
    if workspace := facts.get("workspace"):
        details.append(f"in workspace {quoted(str(workspace))}")
    return f"{quoted(name)} ({', '.join(details)})" if details else quoted(name)


def _changes(preview: Facts) -> list[str]:
    """A line for each field that changes, or that a new object gets."""
    changes = dict(preview["changes"] if "changes" in preview else _sent(preview))
    rest = changes.pop(REST, "")
    lines = [f"- {visible(name)}: {_change(each)}" for name, each in changes.items()]
    if len(lines) > MAX_CHANGES:
        lines[MAX_CHANGES:] = [f"- and {len(lines) - MAX_CHANGES} more fields"]
    return [*lines, *([f"- and {rest}"] if rest else [])]


def _sent(preview: Facts) -> Facts:
    """Each field that is sent, as a change to it; none for a deletion."""
    request: Facts = next(iter(preview.get("requests", ())), {})
    if request.get("request", "").startswith("DELETE "):
        return {}
    fields = {**request.get("query", {}), **request.get("body", {})}
    return {name: {"to": value} for name, value in fields.items()}


def _change(change: Facts) -> str:
    if "to" not in change:
        return ", ".join(
            f"{change.get(f'{name}_in_all', len(change[name]))} {name}: {_short(change[name])}"
            for name in ("added", "removed")
            if name in change
        )
    to = _short(change["to"])
    return f"{_short(change['from'])} → {to}" if "from" in change else to


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    if not isinstance(value, str):
        # Without quotation marks, which would stand inside those of `quoted`.
        value = json.dumps(value, ensure_ascii=False, default=str).replace('"', "")
    return quoted(value, MAX_VALUE_CHARS)


def _dependants(counts: Mapping[str, Facts]) -> Iterator[str]:
    """A line for each kind of which something depends, and one for all others."""
    none = []
    for kind, count in counts.items():
        if count.get("why") or count.get("total") or count.get("at_least"):
            yield _dependants_of_kind(kind, count)
        else:
            none.append(visible(kind))
    if none:
        *others, last = none
        yield f"No {' or '.join(filter(None, [', '.join(others), last]))} depend on it."


def _dependants_of_kind(kind: str, count: Facts) -> str:
    """How many of a kind depend on the object, with the first names."""
    total = count.get("total", count.get("at_least", 0))
    names = count.get("names", ())
    more = f" and {total - len(names)} more" if total > len(names) else ""
    line = f"Depends on it: {visible(kind)} ({'at least ' if 'at_least' in count else ''}{total})"
    line += f": {', '.join(map(quoted, names))}{more}" if names else ""
    return (
        f"{line}; not all looked at: {visible(count['why'])}." if count.get("why") else f"{line}."
    )


def _use(use: Facts) -> str:
    if use.get("why"):
        return f"Its last use is not known: {visible(use['why'])}."
    requests = use.get(f"requests_in_{USE_DAYS}_days")
    if not requests:
        return f"No request used it in the last {USE_DAYS} days."
    last = visible(str(use.get("last_seen")))
    return f"{requests} requests used it in the last {USE_DAYS} days, last at {last}."

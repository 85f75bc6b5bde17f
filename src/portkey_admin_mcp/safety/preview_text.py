"""A preview as an object for a model, and as a question for a person."""

import json
from typing import Any

from ..portkey.masking import masked
from .asking import Question
from .dependants import MAX_NAMES, USE_DAYS, DependantCount, Use
from .differences import Difference
from .objects import id_of, is_hidden, label_in
from .preview import Preview

MAX_LINES = 12
"""Lines of differences in a question; a person reads no more."""
MAX_VALUE_CHARS = 80
MAX_NAME_CHARS = 60
MAX_TOKENS = 1_250
"""Tokens of a preview as `_tokens` estimates them: fewer than 1,500 in fact."""
TOKENS_PER_LETTER = 0.35
TOKENS_PER_SIGN = 0.75
TOKENS_PER_OTHER = 1.5
LEVELS = ((600, 20), (200, 10), (80, 5), (40, 3), (20, 2))
"""How long texts, and how many items and fields, are shown: the first that fits is used."""
TOP_LEVELS = 1
"""Levels of a preview whose texts are this server's own, and never cut."""
MAX_PATH_CHARS = 120
"""Characters of the dotted path of a field."""
MAX_NOW_FIELDS = 8
OF_NOW = (
    "id",
    "slug",
    "workspace_id",
    "prompt_owning_workspace_id",
    "type",
    "role",
    "status",
    "org_role",
    "created_at",
    "last_updated_at",
    "description",
)
"""Fields of the object that a preview shows, also if the call does not change them."""


def shown(seen: Preview) -> dict[str, Any]:
    """What a call would do, in at most MAX_TOKENS.

    `{tool, risk, because, requests, then, needs, object, now, changes, depends_on_it, last_use,
    undo}`; what was looked up says whether it is `verified`, and else `why` it is not.
    """
    tool, now = seen.tool, seen.now
    answer: dict[str, Any] = {"changes_nothing": True, "tool": tool.name, "risk": seen.rating.risk}
    if seen.rating.reasons:
        answer["because"] = list(seen.rating.reasons)
    answer["requests"] = [_request(seen)]
    if then := seen.other_requests:
        answer["then"] = {"possibly": then, "why": "which of them follow depends on the answers"}
    answer["needs"] = _needs(seen)
    answer["object"] = {"name": seen.name, "verified": now.fields is not None or seen.is_new}
    if seen.is_new:
        answer["object"]["is_new"] = True
    elif now.why:
        answer["object"]["why"] = now.why
    if fields := _of_now(seen):
        answer["now"] = fields
    if seen.overwrites and (differences := seen.differences()):
        answer["changes"] = differences
    answer |= _surroundings(seen)
    undo = seen.undo()
    answer["undo"] = {"possible": undo.is_possible, "how": undo.how, **_verified(undo.why)}
    return _bounded(answer)


def question_of(seen: Preview) -> Question:
    """What a person is asked before a call: what it does, why it is asked, and what to type.

    Each text from Portkey or from the call is quoted and on one line, so that it cannot look like
    a line of the question.
    """
    kind = "name" if seen.label == seen.name else "id"
    lines = [f"{seen.tool.title}: {_object(seen)}"]
    if seen.rating.reasons:
        lines.append(f"Why you are asked: {visible('; '.join(seen.rating.reasons))}.")
    differences = seen.differences()
    lines += [f"- {visible(name)}: {_change(each)}" for name, each in differences.items()][
        :MAX_LINES
    ]
    if len(differences) > MAX_LINES:
        lines.append(f"- and {len(differences) - MAX_LINES} more fields")
    if seen.now.fields is None and not seen.is_new:
        lines.append(f"What it is now is not known: {seen.now.why}.")
    if seen.surroundings is not None:
        lines += _count_lines(seen.surroundings.counts)
        if seen.surroundings.use is not None:
            lines.append(_use_line(seen.surroundings.use))
    undo = seen.undo()
    can = "Can be undone" if undo.is_possible else "Cannot be undone"
    lines.append(f"{can}: {undo.how}{f' (not certain: {undo.why})' if undo.why else ''}.")
    if kind == "id":
        lines.append("Its name is too long to type, or has hidden characters, so type its id.")
    lines.append(f"To confirm, type its {kind}: {seen.label}")
    return Question("\n".join(lines), seen.label, seen.now.hash)


def visible(text: str) -> str:
    """A text on one line in which each hidden character is written as its code."""
    return "".join(
        f"\\u{ord(each):04x}" if is_hidden(each) else each
        for each in text.replace("\n", " ⏎ ").replace("\t", " ")
    )


def quoted(text: str, max_chars: int = MAX_NAME_CHARS) -> str:
    """A text in quotation marks, on one line, cut; it cannot end the quotation by itself."""
    line = visible(text).replace('"', "'")
    return f'"{line if len(line) <= max_chars else line[: max_chars - 1] + "…"}"'


def _request(seen: Preview) -> dict[str, Any]:
    request: dict[str, Any] = {"request": seen.request}
    if seen.change.query:
        request["query"] = masked(dict(seen.change.query))
    if seen.change.body:
        request["body"] = masked(dict(seen.change.body))
    return request


def _needs(seen: Preview) -> str:
    needs = seen.tool.scopes_in_words or "any key"
    return f"{needs}, on an Enterprise plan" if seen.tool.enterprise else needs


def _of_now(seen: Preview) -> dict[str, Any]:
    fields = seen.now.fields or {}
    now = {name: fields[name] for name in OF_NOW if fields.get(name) not in (None, "")}
    return dict([*masked(now).items()][:MAX_NOW_FIELDS])


def _surroundings(seen: Preview) -> dict[str, Any]:
    """What depends on the object, by kind, and its last use."""
    if seen.surroundings is None:
        return {}
    answer: dict[str, Any] = {}
    if counts := seen.surroundings.counts:
        answer["depends_on_it"] = {count.kind: _count(count) for count in counts}
    if (use := seen.surroundings.use) is not None:
        answer["last_use"] = _use(use)
    return answer


def _count(count: DependantCount) -> dict[str, Any]:
    total = {"at_least": count.total} if count.why else {"total": count.total}
    return {**total, **({"names": count.names} if count.names else {}), **_verified(count.why)}


def _use(use: Use) -> dict[str, Any]:
    answer: dict[str, Any] = {} if use.why else {f"requests_in_{USE_DAYS}_days": use.requests}
    if use.last_seen:
        answer["last_seen"] = use.last_seen
    return {**answer, **_verified(use.why)}


def _verified(why: str) -> dict[str, Any]:
    return {"verified": False, "why": why} if why else {"verified": True}


def _object(seen: Preview) -> str:
    """The object for a person: `"Support" (id 3ec9…, in workspace 8be7…)`."""
    fields = seen.now.fields or {}
    details = []
    if (id := id_of(seen.change, seen.now)) and id != seen.name and not seen.is_new:
        details.append(f"id {quoted(id)}")
    place = fields.get("workspace_id") or seen.change.ids.get("workspace_id")
    workspace = place or fields.get("prompt_owning_workspace_id")
    if isinstance(workspace, str) and workspace != id:
        known = seen.surroundings.workspaces if seen.surroundings else {}
        details.append(f"in workspace {quoted(label_in(known.get(workspace, {})) or workspace)}")
    name = quoted(seen.name)
    return f"{name} ({', '.join(details)})" if details else name


def _change(change: Difference) -> str:
    if "to" not in change:
        return ", ".join(
            f"{change.get(f'{name}_in_all', len(change[name]))} {name}: {_short(change[name])}"
            for name in ("added", "removed")
            if name in change
        )
    to = "nothing" if change["to"] is None else _short(change["to"])
    return f"{_short(change['from'])} → {to}" if "from" in change else to


def _short(value: Any) -> str:
    if not isinstance(value, str):
        # Without quotation marks, which would stand inside those of `quoted`.
        value = json.dumps(value, ensure_ascii=False, default=str).replace('"', "")
    return quoted(value, MAX_VALUE_CHARS)


def _count_lines(counts: list[DependantCount]) -> list[str]:
    """A line for each kind of which something depends, and one for all others."""
    none = [count.kind for count in counts if not (count.total or count.why)]
    lines = [_count_line(count) for count in counts if count.total or count.why]
    return [*lines, *([f"Nothing depends on it of: {', '.join(none)}."] if none else [])]


def _count_line(count: DependantCount) -> str:
    """How many of a kind depend on the object, with the first names."""
    at_least = "at least " if count.why else ""
    names = ", ".join(map(quoted, count.names))
    more = f" and {count.total - MAX_NAMES} more" if count.total > MAX_NAMES else ""
    line = f"Depending on it, {count.kind}: {at_least}{count.total}"
    line += f" ({names}{more})" if names else ""
    return f"{line}; not all looked at: {count.why}." if count.why else f"{line}."


def _use_line(use: Use) -> str:
    if use.why:
        return f"Its last use is not known: {use.why}."
    if not use.requests:
        return f"No request used it in the last {USE_DAYS} days."
    return f"{use.requests} requests used it in the last {USE_DAYS} days, last at {use.last_seen}."


def _bounded(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with long texts and lists cut as far as needed."""
    cut = answer
    for max_chars, max_items in LEVELS:
        cut = _cut(answer, max_chars, max_items, 0)
        if _tokens(json.dumps(cut, ensure_ascii=False, default=str)) <= MAX_TOKENS:
            break
    return cut


def _tokens(text: str) -> float:
    """About how many tokens a text has: ids and signs have more for each character than words."""
    letters = sum(each.isascii() and (each.isalpha() or each == " ") for each in text)
    others = sum(not each.isascii() for each in text)
    signs = len(text) - letters - others
    return letters * TOKENS_PER_LETTER + signs * TOKENS_PER_SIGN + others * TOKENS_PER_OTHER


def _cut(value: Any, max_chars: int, max_items: int, depth: int) -> Any:
    """A value with at most so many characters in a text, and items in a list or fields."""
    if isinstance(value, str):
        text = _readable(value)
        if len(text) <= max_chars or depth < TOP_LEVELS:
            return text
        return f"{text[:max_chars]}… ({len(text)} characters)"
    if isinstance(value, list):
        items = [_cut(item, max_chars, max_items, depth + 1) for item in value[:max_items]]
        return [*items, f"… {len(value) - max_items} more"] if len(value) > max_items else items
    if not isinstance(value, dict):
        return value
    names = [*value][: len(value) if depth == 0 else max_items]
    fields = {
        _readable(name)[:MAX_PATH_CHARS]: _cut(value[name], max_chars, max_items, depth + 1)
        for name in names
    }
    if len(value) > len(names):
        fields["…"] = f"{len(value) - len(names)} more fields"
    return fields


def _readable(text: str) -> str:
    """A text with the codes of hidden characters, but for line breaks and tabs."""
    return "".join(each if each in "\n\t" else visible(each) for each in text)

"""A preview as an object for a model, and as a question for a person."""

import json
import re
from string import ascii_letters
from typing import Any

from ..portkey.masking import masked
from .asking import Question
from .dependants import USE_DAYS, DependantCount, Use
from .objects import id_of, label_in
from .preview import Preview
from .preview_lines import lines_of, visible

MAX_TOKENS = 1_250
"""Tokens of a preview as `_tokens` estimates them: fewer than 1,500 in fact."""
LINE_BREAKS_AND_TABS = re.compile(r"([\n\t])")
LETTERS = f"{ascii_letters} ".encode()
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
    return _bounded(_facts(seen))


def question_of(seen: Preview) -> Question:
    """What a person is asked before a call: the lines of its preview, and what to type."""
    kind = "name" if seen.label == seen.name else "id"
    lines = lines_of(_facts(seen))
    if kind == "id":
        lines.append("Its name is too long to type, or has hidden characters, so type its id.")
    lines.append(f"To confirm, type its {kind}: {seen.label}")
    return Question("\n".join(lines), seen.label, seen.now.hash)


def _facts(seen: Preview) -> dict[str, Any]:
    """What `shown` returns, with texts and lists of any length."""
    tool = seen.tool
    answer: dict[str, Any] = {"changes_nothing": True, "tool": tool.name, "risk": seen.rating.risk}
    if seen.rating.reasons:
        answer["because"] = list(seen.rating.reasons)
    answer["requests"] = [_request(seen)]
    if then := seen.other_requests:
        answer["then"] = {"possibly": then, "why": "which of them follow depends on the answers"}
    answer["needs"] = _needs(seen)
    answer["object"] = _object(seen)
    if fields := _of_now(seen):
        answer["now"] = fields
    if seen.overwrites:
        answer["changes"] = seen.differences()
    answer |= _surroundings(seen)
    undo = seen.undo()
    answer["undo"] = {"possible": undo.is_possible, "how": undo.how, **_verified(undo.why)}
    return answer


def _object(seen: Preview) -> dict[str, Any]:
    """The name of the object, its workspace, and whether it was read.

    Its id is there if it was not read with it.
    """
    now = seen.now
    answer: dict[str, Any] = {"name": seen.name, "verified": now.fields is not None or seen.is_new}
    has_id = any((now.fields or {}).get(name) for name in ("id", "slug"))
    if not has_id and not seen.is_new and (id := id_of(seen.change, now)) not in ("", seen.name):
        answer["id"] = id
    if workspace := _workspace(seen):
        answer["workspace"] = workspace
    if seen.is_new:
        answer["is_new"] = True
    elif now.why:
        answer["why"] = now.why
    return answer


def _workspace(seen: Preview) -> str:
    """The workspace that the object is in, by name if it is known; empty if there is none."""
    fields = seen.now.fields or {}
    place = fields.get("workspace_id") or seen.change.ids.get("workspace_id")
    id = place or fields.get("prompt_owning_workspace_id")
    if not isinstance(id, str):
        return ""
    row = seen.surroundings.workspaces.get(id, {}) if seen.surroundings else {}
    own = {id_of(seen.change, seen.now), fields.get("id"), fields.get("slug")}
    is_itself = not own.isdisjoint((id, row.get("id"), row.get("slug"), ""))
    return "" if is_itself else label_in(row) or id


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
    ascii_text = text.encode("ascii", "ignore")
    others = len(text) - len(ascii_text)
    signs = len(ascii_text.translate(None, LETTERS))
    letters = len(ascii_text) - signs
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
    parts = LINE_BREAKS_AND_TABS.split(text)
    return "".join(part if part in ("\n", "\t") else visible(part) for part in parts)

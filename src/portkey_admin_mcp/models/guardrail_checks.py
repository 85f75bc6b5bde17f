"""Portkey's guardrail checks and their parameters, as its OpenAPI file has them.

A check that is not in the list may still exist, because Portkey adds some with each release: what
does not match the list is noted beside the answer, and not refused.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ..suggestions import suggest

FILE = Path(__file__).with_name("guardrail_checks.json")
MAX_NOTES = 8
MAX_CHOICES = 30
"""Choices of a parameter that a note names."""
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@cache
def known_checks() -> dict[str, dict[str, Any]]:
    """Each check by id: `passes_if`, `parameters` (None if not documented) and `required`."""
    checks: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["checks"]
    return checks


def notes_on_checks(checks: Iterable[tuple[str, dict[str, Any] | None]]) -> list[str]:
    """What of these checks, each an id and its parameters, does not match Portkey's list."""
    notes = [note for id, parameters in checks for note in _notes_on(id, parameters)]
    more = [f"… and {len(notes) - MAX_NOTES} more about checks."] if len(notes) > MAX_NOTES else []
    return notes[:MAX_NOTES] + more


def _notes_on(id: str, parameters: dict[str, Any] | None) -> Iterator[str]:
    check = known_checks().get(id)
    if check is None:
        yield (
            f"Portkey's documentation has no check {id[:60]!r}, so it may never run; {_nearest(id)}"
        )
        return
    documented = check["parameters"]
    if documented is None:
        return
    parameters = parameters or {}
    missing = [name for name in check["required"] if name not in parameters]
    if missing:
        yield f"{id} needs the parameter {', '.join(missing)}, which is missing."
    for name, value in parameters.items():
        if name not in documented:
            hint = suggest(name, documented, limit=1) or f"it has {', '.join(documented)}."
            yield f"{id} has no parameter {name[:60]!r}; {hint}"
        elif problem := _problem(value, documented[name]):
            yield f"{id}: {name} {problem}"


def _nearest(id: str) -> str:
    """The checks of the same name at another company, the nearest names, or all checks."""
    ending = id.rpartition(".")[2].casefold()
    same = [each for each in known_checks() if each.rpartition(".")[2].casefold() == ending]
    if same:
        return f"did you mean {' or '.join(same)}?"
    return suggest(id, known_checks()) or f"there are {', '.join(known_checks())}."


def _problem(value: Any, parameter: dict[str, Any]) -> str:
    """What is wrong with the value of a parameter; empty if nothing is."""
    kind = parameter["type"]
    is_number_flag = kind == "number" and isinstance(value, bool)
    if not isinstance(value, TYPES[kind]) or is_number_flag:
        return f"should be {'an' if kind[0] in 'ao' else 'a'} {kind}."
    choices: list[str] = parameter.get("choices", [])
    values = value if isinstance(value, list) else [value]
    unknown = [each for each in values if choices and each not in choices]
    if not unknown:
        return ""
    return f"has no choice {str(unknown[0])[:60]!r}; there are {', '.join(choices[:MAX_CHOICES])}."


def checks_table() -> str:
    """All checks as a Markdown table: id, when each passes, and its parameters."""
    head = "| check | passes if | parameters (required ones in bold) |\n|---|---|---|\n"
    return head + "".join(
        f"| `{id}` | {check['passes_if']} | {_parameters_text(check)} |\n"
        for id, check in known_checks().items()
    )


def _parameters_text(check: dict[str, Any]) -> str:
    if check["parameters"] is None:
        return "not documented"
    texts = []
    for name, parameter in check["parameters"].items():
        label = f"**`{name}`**" if name in check["required"] else f"`{name}`"
        texts.append(f"{label} {_type_text(parameter)}")
    return "; ".join(texts)


def _type_text(parameter: dict[str, Any]) -> str:
    text = "list" if parameter["type"] == "array" else parameter["type"]
    if "choices" in parameter:
        text += f" of {', '.join(parameter['choices'])}"
    if "unit" in parameter:
        text += f" in {parameter['unit']}"
    if "default" in parameter:
        text += f", default {json.dumps(parameter['default'])}"
    return text

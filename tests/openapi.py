"""Portkey's OpenAPI file as a judge: of what is sent, and of what the emulator answers.

The facts are in `facts/openapi.json`. Where the file is known to be wrong, `spec_known.json`
(requests) and `answers_known.json` (answers) say so, each with its reason.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator

TESTS = Path(__file__).parent
FILE = json.loads((TESTS / "facts/openapi.json").read_text())
OPERATIONS: dict[str, Any] = FILE["operations"]
BEYOND = json.loads((TESTS / "facts/beyond_openapi.json").read_text())["operations"]
KNOWN_REQUESTS = json.loads((TESTS / "spec_known.json").read_text())
KNOWN_ANSWERS = json.loads((TESTS / "answers_known.json").read_text())
ANYWHERE = ("workspace_id",)
"""How an admin key names the workspace of any request (Portkey's help center)."""


def shape(endpoint: str) -> str:
    """An endpoint without the names of its placeholders."""
    return re.sub(r"\{[^}]+\}", "{}", endpoint)


def operation_of(method: str, path: str) -> str | None:
    """The operation of a path as it is sent; a literal wins over a placeholder.

    None for one that the file lacks, though a placeholder of the file would take it.
    """
    if f"{method} {path}" in BEYOND:
        return None
    asked = path.split("/")
    fits = [name for name in _by_size(method, len(asked)) if _fits(name, asked)]
    return min(fits, key=lambda name: name.count("{"), default=None)


@cache
def _by_size(method: str, size: int) -> list[str]:
    wanted = [name.partition(" ") for name in OPERATIONS]
    return [f"{v} {p}" for v, _, p in wanted if v == method and len(p.split("/")) == size]


def _fits(name: str, asked: list[str]) -> bool:
    named = name.partition(" ")[2].split("/")
    return all(n.startswith("{") or n == a for n, a in zip(named, asked, strict=True))


def named(operation: str) -> set[str]:
    """The fields of a query, and of the top of a body."""
    found = OPERATIONS[operation]
    return {*found["query"], *_properties(found["body"] or {})}


def problems_of_request(operation: str, query: dict[str, str], body: Any) -> list[str]:
    """What the file has against a request, besides what it is known to be wrong about."""
    found = OPERATIONS[operation]
    told = [f"query.{name}: unknown" for name in query if name not in found["query"]]
    if found["body"] is not None and body is not None:
        told += [f"{place}: {why}" for place, why in _broken(operation, "body", body)]
        told += [f"{place}: unknown" for place in _unknown(found["body"], body, "")]
    excused = {k["field"] for k in KNOWN_REQUESTS if shape(k["operation"]) == shape(operation)}
    excused |= {*ANYWHERE}
    return [each for each in told if not excused & {*re.findall(r"\w+", each.partition(":")[0])}]


def problems_of_answer(operation: str, answer: Any) -> list[str]:
    """What the file has against an answer, besides what it is known to be wrong about."""
    if OPERATIONS[operation]["answer"] is None:
        return []
    told = [f"{place}: {why}" for place, why in _broken(operation, "answer", answer)]
    return [each for each in told if not _is_known(operation, each)]


def _is_known(operation: str, problem: str) -> bool:
    place = problem.partition(":")[0]
    return any(
        re.fullmatch(known["operation"], operation) and re.fullmatch(known["place"], place)
        for known in KNOWN_ANSWERS
    )


def _broken(operation: str, part: str, value: Any) -> Iterator[tuple[str, str]]:
    for error in _validator(operation, part).iter_errors(value):
        place = "".join("[]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)
        yield place.lstrip(".") or "(whole)", error.message[:120]


@cache
def _validator(operation: str, part: str) -> Draft4Validator:
    schema = {**OPERATIONS[operation][part], "schemas": FILE["schemas"]}
    return Draft4Validator(schema)


def _resolved(schema: Any) -> Any:
    while "$ref" in schema:
        schema = FILE["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _properties(schema: Any) -> dict[str, Any]:
    schema = _resolved(schema)
    found = dict(schema.get("properties", {}))
    for key in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(key, ()):
            found |= _properties(part)
    return found


def _unknown(schema: Any, value: Any, place: str) -> Iterator[str]:
    """Fields that no alternative of the schema has, at any depth; a bare object takes any."""
    schema = _resolved(schema)
    if isinstance(value, list):
        for item in value:
            yield from _unknown(schema.get("items", {}), item, f"{place}[]")
    if not isinstance(value, dict):
        return
    fields = _properties(schema)
    if not fields or schema.get("additionalProperties"):
        return
    for name, inner in value.items():
        here = f"{place}.{name}".lstrip(".")
        if name not in fields:
            yield here
        else:
            yield from _unknown(fields[name], inner, here)

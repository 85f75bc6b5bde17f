"""Check requests of the client and answers of the emulator against Portkey's OpenAPI file.

The file's content is in `facts/openapi.json`. Where it is known to be wrong, `spec_known.json`
(requests) and `answers_known.json` (answers) list the field and the reason.
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
"""Fields that any request may have: an admin key chooses its workspace with them (help center)."""


@cache
def shape(endpoint: str) -> str:
    """An endpoint without the names of its placeholders: `GET /configs/{}`."""
    return re.sub(r"\{[^}]+\}", "{}", endpoint)


def operation_of(method: str, path: str) -> str | None:
    """The operation that a request calls; a literal segment wins over a placeholder.

    None if the file lacks the operation, even if a placeholder in the file matches the path.
    """
    if f"{method} {path}" in BEYOND:
        return None
    segments = path.split("/")
    matches = [name for name in _by_size(method, len(segments)) if _fits(name, segments)]
    return min(matches, key=lambda name: name.count("{"), default=None)


@cache
def _by_size(method: str, size: int) -> list[str]:
    parts = [name.partition(" ") for name in OPERATIONS]
    return [f"{v} {p}" for v, _, p in parts if v == method and len(p.split("/")) == size]


def _fits(operation: str, segments: list[str]) -> bool:
    pattern = operation.partition(" ")[2].split("/")
    return all(p.startswith("{") or p == s for p, s in zip(pattern, segments, strict=True))


def fields_of(operation: str) -> set[str]:
    """The fields of an operation's query, and the top-level fields of its body."""
    definition = OPERATIONS[operation]
    return {*definition["query"], *_properties(definition["body"] or {})}


def problems_of_request(operation: str, query: dict[str, str], body: Any) -> list[str]:
    """Where a request differs from the file, except where the file is known to be wrong."""
    definition = OPERATIONS[operation]
    problems = [f"query.{name}: unknown" for name in query if name not in definition["query"]]
    if definition["body"] is not None and body is not None:
        problems += [f"{path}: {message}" for path, message in _errors(operation, "body", body)]
        problems += [f"{path}: unknown" for path in _unknown(definition["body"], body, "")]
    excused = _excused(operation) if problems else frozenset()
    return [
        problem
        for problem in problems
        if not excused & {*re.findall(r"\w+", problem.partition(":")[0])}
    ]


@cache
def _excused(operation: str) -> frozenset[str]:
    """The fields of an operation's requests that the file is known to lack or to get wrong."""
    known = (k["field"] for k in KNOWN_REQUESTS if shape(k["operation"]) == shape(operation))
    return frozenset([*known, *ANYWHERE])


def problems_of_answer(operation: str, answer: Any) -> list[str]:
    """Where an answer differs from the file, except where the file is known to be wrong."""
    if OPERATIONS[operation]["answer"] is None:
        return []
    problems = [f"{path}: {message}" for path, message in _errors(operation, "answer", answer)]
    return [problem for problem in problems if not _is_known(operation, problem)]


def _is_known(operation: str, problem: str) -> bool:
    place = problem.partition(":")[0]
    return any(
        re.fullmatch(known["operation"], operation) and re.fullmatch(known["place"], place)
        for known in KNOWN_ANSWERS
    )


def _errors(operation: str, part: str, value: Any) -> Iterator[tuple[str, str]]:
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
    properties = dict(schema.get("properties", {}))
    for key in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(key, ()):
            properties |= _properties(part)
    return properties


def _unknown(schema: Any, value: Any, place: str) -> Iterator[str]:
    """Fields of the value that no alternative of the schema has, at any depth.

    An object schema without properties takes any field.
    """
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

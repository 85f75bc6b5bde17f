"""Arguments as the path, query and body of a request, and the body of an answer as JSON.

Everything here raises InputError for arguments that cannot be sent.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import InputError, UnexpectedAnswer
from ..models.core.base import Arguments
from .json_text import parse_json


def path_segment(name: str, value: str) -> str:
    """A value as one part of a path; raises InputError if it would change the path."""
    # Quoting does not change dots, and a URL library then resolves `..` to the parent path.
    if value in {"", ".", ".."}:
        raise InputError(f"{name} cannot be {value!r}")
    return quote(value, safe="", errors="replace")


def query_string(fields: Mapping[str, Any]) -> str:
    """The fields as a query, without `?`; those that are None are left out."""
    if not fields:
        return ""
    return urlencode({name: _text(value) for name, value in fields.items() if value is not None})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return encoded_body(value).decode() if isinstance(value, dict) else str(value)


def merged_fields(groups: Sequence[Arguments]) -> dict[str, Any]:
    """The fields of several groups of arguments, as they are sent, in one object."""
    try:
        return {name: value for group in groups for name, value in group.wire().items()}
    except (ValueError, RecursionError) as error:
        raise InputError("an argument is nested too deeply, or is not JSON") from error


def encoded_body(body: dict[str, Any]) -> bytes:
    """An object as JSON."""
    try:
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        raise InputError("an argument contains NaN or Infinity, or is nested too deeply") from error


def decoded_answer(content: bytes, request: str) -> Any:
    """The JSON of an answer, an empty one as `{}`; raises UnexpectedAnswer for anything else."""
    if not content.strip():
        return {}
    try:
        return parse_json(content)
    except ValueError as error:
        raise UnexpectedAnswer("the answer is not JSON", request=request) from error

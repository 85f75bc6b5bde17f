"""Hides secrets in the arguments and objects that are shown, stored or logged."""

import re
from typing import Any

MASK = "***"
SECRET_FIELD = re.compile(
    r"(^|_)(key|secret|token|password|credentials?|authorization|auth_config|private_key)$"
    r"|(secret|access)_key|client_secret|api_key|bearer",
    re.IGNORECASE,
)
"""Names of fields that hold secrets."""
FREE_FORM = frozenset(
    ("configurations", "custom_headers", "headers", "forward_headers", "env", "auth_config")
)
"""Fields with names of the caller's own, in which every text may be a secret."""
PLAIN_FIELD = re.compile(
    r"(_id|_ids|_slug|_type|_name|_at|_count|_limit|_policy)$|^secret_mappings$"
)
MAX_DEPTH = 30


def masked(value: Any, depth: int = 0) -> Any:
    """The same JSON value with each secret replaced by `***`, at any depth."""
    if depth > MAX_DEPTH:
        return MASK
    if isinstance(value, list):
        return [masked(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {name: _field(name, item, depth) for name, item in value.items()}
    return value


def _field(name: str, value: Any, depth: int) -> Any:
    if name in FREE_FORM:
        return _without_texts(value, depth)
    if is_secret(name) and not isinstance(value, bool | int | float | None):
        return MASK if value else value
    return masked(value, depth + 1)


def _without_texts(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return {name: _without_texts(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_texts(item, depth + 1) for item in value]
    return MASK if isinstance(value, str) and value else value


def is_secret(name: str) -> bool:
    """Whether a field of this name holds a secret."""
    return bool(SECRET_FIELD.search(name)) and not PLAIN_FIELD.search(name)

"""Hides secrets in the arguments and objects that are shown, stored or logged."""

import json
import re
from functools import lru_cache
from typing import Any

MASK = "***"
SECRET_FIELD = re.compile(
    r"(^|_)(key|secret|token|password|passphrase|passwd|pwd|credentials?|authorization|bearer"
    r"|client_auth|cookie|signature|service_account(_json)?)$"
)
"""Names of fields that hold secrets, written with underscores."""
PLAIN_FIELD = re.compile(
    r"^(secret_key|virtual_key|value_key|metadata_key|public_key|idempotency_key)$"
)
"""Names that look like it and hold none: `secret_key` names a field of a secret in a vault."""
FREE_FORM = re.compile(r"^(configurations|env)$|(^|_)(headers|auth_config|credentials?)$")
"""Names of fields whose own fields a caller names, so that each text may be a secret."""
PLAIN_IN_FREE_FORM = re.compile(
    r"(^|_)(region|project|host|url|version|type|kind|mode|id|addr|role|namespace|mount|path|model"
    r"|enabled|location|deployment|deployment_name|resource_name|tenant|arn|name|slug)$"
)
"""Fields in those that say what the secret is for, and hold none."""
HEADERS = re.compile(r"(^|_)headers$|^env$")
"""Fields of free form in which nothing is known to be plain."""
FORWARDED = "forward_headers"
"""A list of names of headers, without their values."""
SETS_OF_CONDITIONS = ("conditions", "group_by")
"""Fields in whose objects `key` names what is compared."""
IN_ADDRESS = re.compile(
    r"(?<=://)[^/@\s]+(?=@)"
    r"|(?<=[?&](?:key|sig)=)[^&\s]+"
    r"|(?<=[?&](?:token)=)[^&\s]+"
    r"|(?<=[?&](?:secret)=)[^&\s]+"
    r"|(?<=[?&](?:api_key|api-key)=)[^&\s]+"
    r"|(?<=[?&](?:password)=)[^&\s]+"
    r"|(?<=[?&](?:access_token)=)[^&\s]+"
)
"""Secrets in an address: the user and password, and those of a query."""
CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
MAX_DEPTH = 30


def masked(value: Any) -> Any:
    """The same JSON value with each secret replaced by `***`, at any depth."""
    return _masked(value, "", 0)


@lru_cache(maxsize=10_000)
def is_secret(name: str) -> bool:
    """Whether a field of this name holds a secret, however its words are joined."""
    words = _words(name)
    return bool(SECRET_FIELD.search(words)) and not PLAIN_FIELD.search(words)


def _masked(value: Any, parent: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return MASK
    if isinstance(value, list):
        return [_masked(item, parent, depth + 1) for item in value]
    if isinstance(value, dict):
        return {name: _field(name, item, parent, depth) for name, item in value.items()}
    return _masked_text(value, depth) if isinstance(value, str) else value


def _field(name: str, value: Any, parent: str, depth: int) -> Any:
    words = _words(name)
    if words == "env" and not isinstance(value, dict):
        return _masked(value, words, depth + 1)  # the name of an environment, such as prod
    if words == "key" and parent in SETS_OF_CONDITIONS:
        return value
    if words != FORWARDED and FREE_FORM.search(words):
        return _free_form(value, not HEADERS.search(words), depth)
    if is_secret(name):
        return _free_form(value, False, depth)
    return _masked(value, words, depth + 1)


def _free_form(value: Any, has_plain: bool, depth: int) -> Any:
    """The same without its texts, but those whose field is known to hold no secret."""
    if depth > MAX_DEPTH:
        return MASK
    if isinstance(value, list):
        return [_free_form(item, has_plain, depth + 1) for item in value]
    if not isinstance(value, dict):
        return MASK if isinstance(value, str) and value else value
    return {
        name: _masked_text(item, depth)
        if has_plain and isinstance(item, str) and _is_plain(name)
        else _free_form(item, has_plain and not HEADERS.search(_words(name)), depth + 1)
        for name, item in value.items()
    }


def _is_plain(name: str) -> bool:
    return bool(PLAIN_IN_FREE_FORM.search(_words(name))) and not is_secret(name)


def _masked_text(text: str, depth: int) -> str:
    """A text without the secrets of an address in it; one that is JSON is masked as such."""
    if text[:1] in ("{", "["):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if value is not None and (hidden := _masked(value, "", depth + 1)) != value:
            return json.dumps(hidden, ensure_ascii=False)
    return IN_ADDRESS.sub(MASK, text) if "://" in text or "?" in text else text


@lru_cache(maxsize=10_000)
def _words(name: str) -> str:
    """A name with its words joined by underscores: `apiKey` and `api-key` are `api_key`."""
    return CAPITAL.sub("_", name).replace("-", "_").replace(" ", "_").lower()

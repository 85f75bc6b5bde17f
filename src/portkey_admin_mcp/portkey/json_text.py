"""Reads the JSON of Portkey's answers: values, and the messages of errors."""

import re
from typing import Any

from pydantic_core import from_json

ESCAPES = re.compile(
    rb"""\\(?:
        u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}   # a pair of surrogates
        | (?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})                 # half of a pair
        | .                                                       # any other escape
    )""",
    re.VERBOSE | re.DOTALL,
)
"""The escapes in the strings of JSON text; each is matched where it begins."""


def parse_json(content: bytes) -> Any:
    """Parse JSON; half of a surrogate pair becomes U+FFFD. Raises ValueError if it is not JSON.

    A text that was cut within an emoji has half a pair at its end, and must not hide a whole list.
    """
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError:
        repaired = ESCAPES.sub(lambda match: rb"\ufffd" if match["half"] else match[0], content)
        return from_json(repaired, allow_inf_nan=False)


def message_and_code(content: bytes) -> tuple[str, str]:
    """The message and the code of an error body, in any form that Portkey is known to send.

    Known forms: `{success, data: {message, errorCode}}`, `{error: {message, code|slug}}`,
    `{error: "…"}` and bare `{message, code|errorCode}`.
    """
    try:
        body = parse_json(content)
    except ValueError:
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    candidates = (body.get("data"), body.get("error"))
    inner = next((value for value in candidates if value and isinstance(value, str | dict)), body)
    if isinstance(inner, str):
        return inner, ""
    code = next((inner[k] for k in ("errorCode", "code", "slug") if inner.get(k)), "")
    return str(inner.get("message") or ""), str(code)

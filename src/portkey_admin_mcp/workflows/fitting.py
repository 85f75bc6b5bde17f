"""Whether an answer is short enough, in tokens. Shared code, not a tool."""

from typing import Any

from pydantic_core import to_json

from ..portkey.text_size import CHARS_PER_TOKEN, size

MAX_TOKENS = 1_400
"""Tokens of an answer by default; marks around it take a few more."""


def tokens_of(answer: Any) -> float:
    """How many tokens an answer has at most, as JSON."""
    return size(to_json(answer).decode(errors="replace")) / CHARS_PER_TOKEN


def fits(answer: Any) -> bool:
    """Whether an answer has at most MAX_TOKENS."""
    return tokens_of(answer) <= MAX_TOKENS

"""docs/troubleshooting.md: every text of an error in the sources, with its cause and its cure.

docs/troubleshooting.yaml holds the causes and cures; the texts come from the sources.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from portkey_admin_mcp import errors
from portkey_admin_mcp.server.calls.failures import (
    ADVICE,
    BUDGET_ADVICE,
    NO_API_ADVICE,
    NOT_VISIBLE_ADVICE,
    PROXY_ADVICE,
    STATE_ADVICE,
)

from .error_messages import Message, messages_in, texts_in

INTRODUCTION = """\
# Troubleshooting

Every text of an error that this project can show, in groups, each with its cause and its cure.
What stands in braces, like `{name}`, is filled in. Look for some words of your message; on the
site, paste the message into the field below. A message of Portkey itself is quoted after
`Portkey answered`.

`portkey-admin-mcp check-http --url https://mcp.example.com` checks a service from outside.
"""
STATUS = {
    "Unauthenticated": "401",
    "SubscriptionExhausted": "402",
    "Forbidden": "403",
    "NotFound": "404",
    "NotAvailable": "405, 501",
    "Conflict": "409",
    "RateLimited": "429",
    "Redirected": "3xx",
    "Rejected": "400, 422",
    "Unavailable": "5xx, a read",
    "OutcomeUnknown": "5xx, a write",
}
"""The status of an answer of Portkey by the error that it becomes."""
SPECIAL_ADVICE = {
    "407, from a proxy": PROXY_ADVICE,
    "412, a budget": BUDGET_ADVICE,
    "404 without a message": NO_API_ADVICE,
    "400, about the state of an object": STATE_ADVICE,
    "403, and the tool names an id": NOT_VISIBLE_ADVICE.strip(),
}
Part = dict[str, Any]


def error_page(package: Path, causes: Path, note: str) -> str:
    """The page; raises ValueError if a part of the groups has no message any more."""
    groups = yaml.safe_load(causes.read_text(encoding="utf-8"))
    parts = [part for group in groups for part in group["parts"]]
    by_part = sorted_into(parts, messages_in(package))
    for number, part in enumerate(parts):
        for place in part.get("texts", ()):
            by_part[number] += texts_in(package, place)
        if not by_part[number] and part["files"] != ["*"] and "*" not in "".join(part["files"]):
            raise ValueError(f"docs/troubleshooting.yaml: {part['title']!r} has no message")
    lines = [note, INTRODUCTION]
    number = 0
    for group in groups:
        messages = by_part_of(group, number, by_part)
        number += len(group["parts"])
        if any(messages):
            lines += group_lines(group, messages)
    return "\n".join(lines)


def by_part_of(
    group: dict[str, Any], first: int, by_part: dict[int, list[Message]]
) -> list[list[Message]]:
    """The messages of each part of a group."""
    return [by_part[first + offset] for offset in range(len(group["parts"]))]


def sorted_into(parts: list[Part], messages: list[Message]) -> dict[int, list[Message]]:
    """The messages of each part, by its number; each is in the first that fits."""
    by_part: dict[int, list[Message]] = defaultdict(list)
    for message in messages:
        number = next(n for n, part in enumerate(parts) if fits(message, part))
        by_part[number].append(message)
    return by_part


def fits(message: Message, part: Part) -> bool:
    """Whether a part takes a message: by its file, or as `file:class` of the error."""
    for pattern in part["files"]:
        file, _, kind = pattern.partition(":")
        if fnmatch(message.file, file) and kind in ("", message.kind):
            return True
    return False


def group_lines(group: dict[str, Any], messages: list[list[Message]]) -> Iterator[str]:
    """A group with its parts."""
    yield f"## {group['title']}\n"
    if group["about"]:
        yield f"{group['about']}\n"
    if group.get("advice"):
        yield from advice_lines()
    for part, of_part in zip(group["parts"], messages, strict=True):
        if of_part:
            yield f"### {part['title']}\n"
            yield f"**Cause.** {part['cause']}\n"
            yield f"**Cure.** {part['cure']}\n"
            yield from dict.fromkeys(map(message_line, of_part))
            yield ""


def advice_lines() -> Iterator[str]:
    """What follows from each kind of error, as a model reads it after what happened."""
    yield "| answer of Portkey, or kind of error | what it means | what the assistant is told |"
    yield "|---|---|---|"
    for cls, text in ADVICE.items():
        name = cls.__name__
        meaning = (getattr(errors, name).__doc__ or "").partition("\n")[0]
        yield f"| {STATUS.get(name, in_words(name))} | {cell(meaning)} | {cell(text)} |"
    for name, text in SPECIAL_ADVICE.items():
        yield f"| {name} | | {cell(text)} |"
    yield ""


def in_words(name: str) -> str:
    """`StateUnavailable` as "state unavailable"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


def cell(text: str) -> str:
    """A text for a table: placeholders as code."""
    return re.sub(r"\{\w+\}", r"`\g<0>`", text.replace("|", "\\|"))


def message_line(message: Message) -> str:
    """A message as an item of a list, with its HTTP status."""
    mark = "``" if "`" in message.text else "`"
    space = " " if "`" in message.text else ""
    status = f"{message.status} " if message.status else ""
    return f"- {status}{mark}{space}{message.text}{space}{mark}"

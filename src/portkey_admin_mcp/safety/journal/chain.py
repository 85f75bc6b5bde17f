"""The lines of a journal as a hash chain: a line that is changed or removed later is noticed."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

START = "0" * 64
"""What the first line of a journal follows."""

Fields = dict[str, Any]


class Line(NamedTuple):
    """One line: its text is canonical JSON, with the hash of the line before it in `follows`."""

    number: int
    text: str
    hash: str

    @property
    def fields(self) -> Fields:
        """Its decoded fields."""
        fields: Fields = json.loads(self.text)
        return fields


def next_line(number: int, fields: Fields, follows: str) -> Line:
    """The line that continues a chain after the hash `follows`."""
    content = {**fields, "number": number, "follows": follows}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return Line(number, text, hash_of(text))


def hash_of(text: str) -> str:
    """The hash of a line's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def problem_in(lines: Iterable[Line]) -> str:
    """The first place where a chain is broken, in words; empty if it holds from end to end.

    It may begin after the first line, if older lines were removed to make room.
    """
    previous: Line | None = None
    for line in lines:
        if hash_of(line.text) != line.hash:
            return f"line {line.number} was changed after it was written"
        if previous is None:
            if line.number == 1 and line.fields["follows"] != START:
                return "the first line was replaced"
        elif line.number != previous.number + 1:
            return f"{line.number - previous.number - 1} lines after {previous.number} are missing"
        elif line.fields["follows"] != previous.hash:
            return f"line {line.number} does not follow line {previous.number}"
        if line.fields["number"] != line.number:
            return f"line {line.number} has the number of another line"
        previous = line
    return ""

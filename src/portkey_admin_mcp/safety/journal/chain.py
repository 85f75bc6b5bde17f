"""The lines of a journal as a hash chain: a line that is changed or removed later is noticed."""

import hashlib
import json
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
        """Its decoded fields; raises ValueError if the text is no JSON object."""
        fields = json.loads(self.text)
        if not isinstance(fields, dict):
            raise ValueError(f"line {self.number} is no object")
        return fields


def next_line(number: int, fields: Fields, follows: str) -> Line:
    """The line with this number, which continues a chain after the hash `follows`."""
    content = {**fields, "number": number, "follows": follows}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return Line(number, text, hash_of(text))


def hash_of(text: str) -> str:
    """The SHA-256 of a line's text, in hexadecimal."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


class Chain:
    """Checks the lines of a journal one after the other, the oldest first."""

    def __init__(self) -> None:
        self.count = 0
        self.head = START
        """The hash of the last line so far."""
        self.problem = ""
        """The first place where the chain is broken, in words; empty if it is not."""

    def add(self, line: Line) -> None:
        """Check the next line."""
        self.problem = self.problem or self._problem_of(line)
        self.count += 1
        self.head = line.hash

    def _problem_of(self, line: Line) -> str:
        if line.number != self.count + 1:
            if not self.count:
                return f"the journal begins with line {line.number}: those before it are missing"
            return f"line {self.count + 1} is missing: line {line.number} comes after {self.count}"
        if hash_of(line.text) != line.hash:
            return f"line {line.number} was changed after it was written"
        try:
            fields = line.fields
        except ValueError:
            return f"line {line.number} is not the JSON of a line"
        if fields.get("number") != line.number:
            return f"line {line.number} has the number of another line"
        if fields.get("follows") != self.head:
            before = f"line {self.count}" if self.count else "the start of a journal"
            return f"line {line.number} does not follow {before}"
        return ""

"""How a JSON text is indented, and how a value is written so that it fits in."""

import json
import re
from typing import Any

FIRST_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)
DEFAULT_UNIT = "  "


class Layout:
    """The line ends and the indentation of a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        match = FIRST_INDENT.search(text)
        self.unit = match[1] if match else DEFAULT_UNIT

    def indent_at(self, place: int) -> str:
        """The spaces at the beginning of the line of a place."""
        start = self.text.rfind("\n", 0, place) + 1
        match = re.compile(r"[ \t]*").match(self.text, start)
        return match[0] if match else ""

    def rendered(self, value: Any, indent: str, is_inline: bool) -> str:
        """A value, whose first line is placed by the caller."""
        if is_inline:
            return json.dumps(value, ensure_ascii=False)
        lines = json.dumps(value, ensure_ascii=False, indent=self.unit).split("\n")
        return f"{self.newline}{indent}".join(lines)

    def whole(self, value: Any) -> str:
        """A value as a document of its own."""
        return self.rendered(value, "", is_inline=False) + self.newline

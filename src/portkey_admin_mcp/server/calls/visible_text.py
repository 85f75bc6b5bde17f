"""Show what a text hides: control, direction and tag characters. Standard library only."""

import re

HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, except tab and line feed
    "\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f"  # direction, line ends, invisible operators
    "\ufeff\ufff9-\ufffb"  # byte order mark, annotations
    "\ud800-\udfff"  # halves of surrogate pairs
    "\U000e0000-\U000e007f"  # tags, which can spell a text that no person sees
    "]"
)
"""Characters that no reader sees, or that change the order in which a text is read.

Joiners and variation selectors are not among them: they belong to emoji and to words.
"""

PLAIN_ASCII = bytes(each for each in range(128) if not HIDDEN.match(chr(each)))


def visible(text: str) -> str:
    r"""The text with each hidden character as its JSON escape, such as `\u202e`.

    Applied to JSON text it keeps all values, because JSON has such characters in strings only.
    """
    # Quick ways first: the search takes 0.5 ms for 100 kB, these 0.04 and 0.2 ms.
    if text.isascii() and not text.encode().translate(None, PLAIN_ASCII):
        return text
    if text.isprintable() or HIDDEN.search(text) is None:
        return text
    return HIDDEN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))

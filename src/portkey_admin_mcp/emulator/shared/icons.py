"""Icons: the emoji that a name begins with."""

import re

_BASE = (
    r"(?:[\u203C-\u3299](?=\uFE0F)"
    r"|[\u231A\u231B\u23E9-\u23F3\u25FD\u25FE\u2600-\u27BF\u2B1B\u2B1C\u2B50\u2B55]"
    r"|[\U0001F000-\U0001FAFF])"
)
"""Signs that are emoji by themselves, and those that a variation selector makes emoji."""
_MODIFIERS = r"\uFE0F?[\U0001F3FB-\U0001F3FF]?[\U000E0020-\U000E007F]*\uFE0F?"
_UNIT = rf"(?:[\U0001F1E6-\U0001F1FF]{{2}}|[#*0-9]\uFE0F?\u20E3|{_BASE}{_MODIFIERS})"
_ICON = re.compile(rf"^({_UNIT}(?:\u200D{_UNIT})*)\s*(.*)$", re.DOTALL)
"""One emoji, which may be of several code points: a flag, a keycap, a skin colour, a family."""


def split_icon(name: str, icon: str | None) -> tuple[str, str | None]:
    """The name without the emoji that it begins with, and the icon.

    A name that is nothing but an emoji stays, as does every name if an icon is given.
    """
    match = _ICON.match(name.strip())
    if icon is None and match and match[2]:
        return match[2], match[1]
    return name.strip(), icon

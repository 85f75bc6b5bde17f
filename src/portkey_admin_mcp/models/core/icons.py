"""The icon that Portkey puts before the name of a workspace."""

from unicodedata import category

FIRST_PICTOGRAPH = "\u2190"
"""Below it, Unicode's symbols (category So) are letters and measures: ©, °, ™."""


def without_icon(name: str) -> str:
    """The name without the icon that Portkey puts before it in answers (Terraform provider).

    No name begins with an emoji of its own: Portkey would take it for the icon.
    """
    first_word, _, rest = name.strip().partition(" ")
    return rest.strip() if rest and any(map(_is_emoji, first_word)) else name


def _is_emoji(character: str) -> bool:
    """Whether it is a pictograph, and not a dash, a quotation mark, № or the like."""
    return category(character) == "So" and character >= FIRST_PICTOGRAPH

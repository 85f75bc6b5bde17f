"""Suggest the nearest names for an unknown one. Standard library only."""

from collections.abc import Iterable

MAX_NAME_LENGTH = 60
"""Characters of an unknown name that are compared, and shown in messages."""

ALL_TOOLS = "`portkey-admin-mcp tools` lists them all"
"""Where a person finds the names of tools, if none is near."""


def nearest(name: str, names: Iterable[str], limit: int = 2, cutoff: float = 0.6) -> list[str]:
    """The names most like `name`, the nearest first.

    `cutoff` is how alike two names must be, from 0 to 1 (`difflib`). A call costs about 0.1 ms for
    50 names, so call it only for names that are shown.
    """
    from difflib import get_close_matches  # imported here: most calls have no unknown name

    return get_close_matches(name[:MAX_NAME_LENGTH], list(names), n=limit, cutoff=cutoff)


def suggest(name: str, names: Iterable[str], limit: int = 2, cutoff: float = 0.6) -> str:
    """`did you mean a or b?` with the nearest of `names`; an empty string if none is near."""
    near = nearest(name, names, limit, cutoff)
    return f"did you mean {' or '.join(near)}?" if near else ""

"""What comes of a call of a tool. Standard library only."""

from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """Texts for the model, and the answer by its fields if the call succeeded.

    `is_json` says that the first text is that answer, as JSON.
    """

    texts: list[str]
    structured: dict[str, Any] | None = None
    is_error: bool = False
    is_json: bool = False


def unknown_tool(asked: str, names: list[str]) -> Outcome:
    """What comes of a call of a tool that is not offered: the nearest names."""
    from difflib import get_close_matches

    shown = asked[:60]
    near = get_close_matches(shown, names, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else " tools/list names them all."
    return Outcome([f"There is no tool {shown!r}.{hint}"], is_error=True)

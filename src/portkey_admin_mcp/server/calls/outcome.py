"""The outcome of a tool call. Standard library only."""

from typing import Any, NamedTuple

from ...suggestions import MAX_NAME_LENGTH, suggest


class Outcome(NamedTuple):
    """Texts for the model and, if the call succeeded, the answer as a JSON object.

    With `is_json`, the first text is that answer as JSON.
    """

    texts: list[str]
    structured: dict[str, Any] | None = None
    is_error: bool = False
    is_json: bool = False


def unknown_tool(name: str, names: list[str]) -> Outcome:
    """The outcome of calling a tool that is not offered: an error with the nearest names."""
    hint = suggest(name, names, limit=3, cutoff=0.5).replace("did", "Did", 1)
    return Outcome(
        [f"There is no tool {name[:MAX_NAME_LENGTH]!r}. {hint or 'tools/list names them all.'}"],
        is_error=True,
    )

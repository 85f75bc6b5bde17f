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

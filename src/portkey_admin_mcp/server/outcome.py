"""What comes of a call of a tool."""

from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """Texts for the model, and the answer by its fields if the call succeeded."""

    texts: list[str]
    structured: dict[str, Any] | None = None
    is_error: bool = False

"""The outcome of a tool call. Standard library only."""

from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """Texts for the model and, if the call succeeded, the answer as a JSON object.

    With `is_json`, the first text is that answer as JSON.
    """

    texts: list[str]
    structured: dict[str, Any] | None = None
    is_error: bool = False
    is_json: bool = False


class InputRequired(Exception):  # not an error: it ends a call with a question
    """Ends a call with a question for a person; the client repeats the call with the answer."""

    def __init__(self, message: str, label: str, binding: str) -> None:
        super().__init__(message)
        self.message = message
        self.label = label
        self.binding = binding

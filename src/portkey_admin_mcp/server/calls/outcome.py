"""The outcome of a tool call. Standard library only."""

from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """Texts for the model and, if the call succeeded, the answer as a JSON object.

    With `is_json`, the first text is that answer as JSON; else `json` may hold it, so that it need
    not be written again.
    """

    texts: list[str]
    structured: dict[str, Any] | None = None
    is_error: bool = False
    is_json: bool = False
    needs_person: bool = False
    """Whether nothing was done because a person must approve it first."""
    json: str | None = None
    error: Exception | None = None
    """Why it failed, if the reason is one of `errors`: for programs, which decide by its class."""


class InputRequired(Exception):  # not an error: it ends a call with a question
    """Ends a call with a question for a person; the client repeats the call with the answer."""

    def __init__(self, message: str, label: str, binding: str) -> None:
        super().__init__(message)
        self.message = message
        self.label = label
        self.binding = binding

"""Feedback: scores that people gave to answers."""

from typing import Annotated

from pydantic import Field

from .core.base import ABSENT, Arguments, Record
from .core.vocabulary import Json, Number

FeedbackId = Annotated[
    str,
    Field(min_length=1, description="See `create_feedback`.", json_schema_extra={"format": "uuid"}),
]
Score = Annotated[int, Field(ge=-10, le=10, description="-10 to 10.")]


class FeedbackScore(Arguments):
    """A score, and how much it weighs."""

    value: Score
    weight: Number = Field(default=ABSENT, ge=0, le=1, description="0 to 1.")
    metadata: Json = Field(default=ABSENT, description="What else to note.")


class FeedbackDraft(FeedbackScore):
    """A score for the answers of a trace."""

    trace_id: str = Field(min_length=1, description="Of the request.")


class FeedbackRef(Record):
    """What became of a score."""

    status: str | None = None
    feedback_ids: list[str] | None = None

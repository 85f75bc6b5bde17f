"""Feedback: scores that people gave to answers."""

from ..models.feedback import FeedbackDraft, FeedbackId, FeedbackRef, FeedbackScore
from ..portkey.api import Portkey
from ..portkey.catalog import tool


@tool(
    "POST /feedback",
    scope="logs.write",
    is_repeatable=False,
    no_undo="feedback cannot be deleted",
)
async def create_feedback(api: Portkey, draft: FeedbackDraft) -> FeedbackRef:
    """Score the answer of a logged request. Needs a workspace key."""
    ...


@tool(
    "PUT /feedback/{id}",
    scope="logs.write",
    no_undo="Portkey does not show feedback, so the old score is not known",
)
async def update_feedback(api: Portkey, id: FeedbackId, score: FeedbackScore) -> FeedbackRef:
    """Replace a score given before. Needs a workspace key."""
    ...

"""Feedback, as a model sees it."""

import pytest


async def test_an_answer_is_scored_and_scored_again(ask):
    made = await ask("create_feedback", trace_id="trace-1", value=5, weight=0.5, metadata={"a": 1})
    (feedback_id,) = made["feedback_ids"]

    again = await ask("update_feedback", id=feedback_id, value=-2)

    assert again["feedback_ids"] == [feedback_id]


@pytest.mark.parametrize("given", [{"value": 11}, {"value": 5, "weight": 2}, {}])
async def test_a_score_that_makes_no_sense_is_not_sent(refusal, emulator, given):
    emulator.log.clear()

    await refusal("create_feedback", trace_id="trace-1", **given)

    assert not emulator.log

"""Feedback, as a model sees it."""

import pytest

from portkey_admin_mcp.emulator.traffic.requests import database

MONTH = {
    "time_of_generation_min": "2026-10-01T00:00:00Z",
    "time_of_generation_max": "2026-11-03T00:00:00Z",
}


async def test_an_answer_is_scored_and_scored_again(ask, emulator, workspace):
    (trace,) = database(emulator.store).execute(
        "select trace_id from requests where workspace_id = ? and feedbacks = 0",
        (workspace("Shared Team Workspace"),),
    ).fetchone()  # fmt: skip

    async def scores():
        answer = await ask("get_feedback_scores_analytics", **MONTH, trace_id=trace)
        return [(point["score"], point["total"]) for point in answer["data_points"]]

    before = await scores()
    created = await ask("create_feedback", trace_id=trace, value=3, weight=0.5, metadata={"a": 1})
    (feedback_id,) = created["feedback_ids"]
    assert await scores() == sorted([*before, (3, 1)])

    again = await ask("update_feedback", id=feedback_id, value=-2)
    assert again["feedback_ids"] == [feedback_id]
    assert await scores() == sorted([*before, (-2, 1)])


@pytest.mark.parametrize("arguments", [{"value": 11}, {"value": 5, "weight": 2}, {}])
async def test_a_score_that_makes_no_sense_is_not_sent(refusal, emulator, arguments):
    emulator.log.clear()

    await refusal("create_feedback", trace_id="trace-1", **arguments)

    assert not emulator.log

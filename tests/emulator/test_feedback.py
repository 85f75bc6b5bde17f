"""Feedback in the emulator."""

import pytest

SCORE = {"trace_id": "trace-1", "value": 5}
MONTH = "time_of_generation_min=2026-10-01T00:00:00Z&time_of_generation_max=2026-11-03T00:00:00Z"


@pytest.fixture
def scores(ok):
    def counted():
        query = f"GET /analytics/graphs/feedbacks/scores?{MONTH}"
        points = ok(query, key="workspace-service")["data_points"]
        return {point["score"]: point["total"] for point in points}

    return counted


def test_scores_count_and_can_be_replaced(ok, scores):
    before = scores()

    created = ok("POST /feedback", {**SCORE, "value": 3, "weight": 0.5}, key="workspace-service")
    assert (created["status"], len(created["feedback_ids"])) == ("success", 1)
    assert scores() == before | {3: 1}
    ok(f"PUT /feedback/{created['feedback_ids'][0]}", {"value": -4}, key="workspace-service")
    assert scores() == before | {-4: 1}


def test_one_request_can_add_several_scores(ok, scores):
    before = scores()

    created = ok("POST /feedback", [SCORE | {"value": 7}] * 3, key="workspace-service")

    assert len(created["feedback_ids"]) == 3
    assert scores() == before | {7: 3}


def test_a_score_for_an_unknown_trace_is_stored_and_not_counted(ok, scores):
    before = scores()

    created = ok("POST /feedback", {"trace_id": "none", "value": 1}, key="workspace-service")

    assert created["feedback_ids"]
    assert scores() == before


INVALID = [
    {},
    [],
    {"value": 5},
    {"trace_id": "t"},
    SCORE | {"value": 11},
    SCORE | {"value": -11},
    SCORE | {"value": 1.5},
    SCORE | {"weight": 1.1},
    SCORE | {"metadata": "x"},
    [SCORE, {}],
]


def test_an_invalid_score_is_refused_and_none_is_stored(refused, scores):
    before = scores()

    for body in INVALID:
        assert refused("POST /feedback", body, key="workspace-service") == (400, "AB01"), body
        assert scores() == before, body


def test_a_score_of_another_workspace_cannot_be_changed(ok, refused, workspace, new_key):
    key = new_key("logs.write", workspace=workspace("Science"))
    created = ok("POST /feedback", SCORE, key=key)["feedback_ids"][0]

    change = {"value": 1}
    assert refused(f"PUT /feedback/{created}", change, key="workspace-service") == (403, "AB03")
    assert refused("PUT /feedback/none", change, key="workspace-service") == (404, "AB08")
    assert refused("POST /feedback", SCORE, key="admin") == (403, "AB03")


def test_the_weighted_average_is_that_of_scores_not_of_requests(ok, emulator):
    """Three times +10 for one request and once -10 for another are 5 on average, not 0."""
    for trace in ("good", "bad"):
        log = {
            "request": {"url": "https://a.example", "body": {"model": "gpt-5"}},
            "response": {"body": {}},
            "metadata": {"traceId": trace, "team": "new"},
        }
        ok("POST /logs", log, key="workspace-service")
    good = {"trace_id": "good", "value": 10}
    ok("POST /feedback", [good] * 3, key="workspace-service")
    ok("POST /feedback", {"trace_id": "bad", "value": -10}, key="workspace-service")
    query = "time_of_generation_min=2026-11-02&time_of_generation_max=2026-11-03"
    traces = "&trace_id=good,bad"

    graph = ok(f"GET /analytics/graphs/feedbacks/weighted?{query}{traces}", key="workspace-service")
    assert graph["summary"]["avg"] == graph["data_points"][0]["avg"] == 5
    models = ok(f"GET /analytics/graphs/feedbacks/ai-models?{query}{traces}",
                key="workspace-service")["data_points"]  # fmt: skip
    assert models == [{"ai_model": "gpt-5", "total": 4, "avg_weighted_feedback": 5}]
    path = f"GET /analytics/groups/metadata/team?{query}{traces}"
    (team,) = ok(path, key="workspace-service")["data"]
    assert team["avg_weighted_feedback"] == 5

"""Logs in the emulator."""

import pytest

from portkey_admin_mcp.emulator.logs import MAX_COUNT
from portkey_admin_mcp.emulator.traffic.requests import database

LOG = {
    "request": {
        "url": "https://api.openai.com/v1/chat/completions",
        "provider": "openai",
        "headers": {"x-team": "a"},
        "body": {"model": "gpt-5", "messages": []},
    },
    "response": {
        "status": 200,
        "response_time": 321,
        "body": {"usage": {"prompt_tokens": 1000, "completion_tokens": 100}},
    },
    "metadata": {"traceId": "t-1", "_user": "zoe@acme.example"},
}
WHOLE = "time_of_generation_min=2026-11-02T08:00:00Z&time_of_generation_max=2026-11-03T00:00:00Z"


@pytest.fixture
def users(ok):
    def counted():
        answer = ok(f"GET /analytics/groups/users?{WHOLE}", key="workspace-service")
        return {row["user"]: row for row in answer["data"]}

    return counted


def test_an_inserted_log_counts_in_analytics(ok, users):
    assert "zoe@acme.example" not in users()

    ok("POST /logs", LOG, key="workspace-service")
    ok("POST /logs", [LOG, LOG], key="workspace-service")

    zoe = users()["zoe@acme.example"]
    assert zoe["requests"] == 3
    # 1,000 tokens at 125 and 100 at 1,000 cents a million.
    assert zoe["cost"] == pytest.approx(3 * 0.225)


def test_an_inserted_log_is_read_with_its_texts_and_figures(ok, emulator, users):
    ok("POST /logs", LOG, key="workspace-service")
    users()
    (log_id,) = emulator.store.database.execute(
        "select id from requests where trace_id = 't-1'"
    ).fetchone()

    log = ok(f"GET /logs/{log_id}", key="workspace-service")

    assert log["_id"] == log_id
    assert log["request"]["body"] == LOG["request"]["body"]
    assert log["response"]["responseTime"] == 321
    assert log["metrics"]["cost"] == pytest.approx(0.225)
    assert log["metrics"]["trace_id"] == "t-1"
    assert log["created_at"] == "2026-11-02T09:00:00.000Z"


@pytest.mark.parametrize(("status", "is_success"), [(399, True), (400, False)])
def test_a_status_from_400_is_no_success(ok, emulator, users, status, is_success):
    ok("POST /logs", {**LOG, "response": {"status": status, "body": {}}}, key="workspace-service")
    users()
    (log_id,) = emulator.store.database.execute(
        "select id from requests where trace_id = 't-1'"
    ).fetchone()

    assert ok(f"GET /logs/{log_id}", key="workspace-service")["metrics"]["is_success"] is is_success


@pytest.mark.parametrize(("tokens", "count"), [(MAX_COUNT, MAX_COUNT), (MAX_COUNT + 1, 0)])
def test_a_number_of_tokens_has_a_maximum(ok, emulator, users, tokens, count):
    usage = {"prompt_tokens": tokens, "completion_tokens": 0}
    ok("POST /logs", {**LOG, "response": {"body": {"usage": usage}}}, key="workspace-service")
    users()

    stored = emulator.store.database.execute(
        "select req_units, res_units from requests where trace_id = 't-1'"
    )
    assert tuple(stored.fetchone()) == (count, 0)


@pytest.mark.parametrize("where", ["url", "_user", "model"])
def test_a_log_with_half_a_surrogate_pair_is_refused_and_not_stored(refused, emulator, where):
    half = "\ud800"
    log = {
        "request": {"url": "u", "body": {"model": "m"}},
        "response": {"body": {}},
        "metadata": {"traceId": "half"},
    }
    {"url": log["request"], "_user": log["metadata"], "model": log["request"]["body"]}[where][
        where
    ] = half

    assert refused("POST /logs", log, key="workspace-service") == (400, "AB01")
    stored = database(emulator.store).execute("select 1 from requests where trace_id = 'half'")
    assert stored.fetchall() == []


@pytest.mark.parametrize("tokens", [2**62, -1, True, 1.5, "many"])
def test_an_invalid_number_of_tokens_counts_as_0(ok, users, tokens):
    request = {"body": {"usage": {"prompt_tokens": tokens, "completion_tokens": 100}}}
    for _ in range(3):
        ok("POST /logs", {**LOG, "response": request}, key="workspace-service")

    assert users()["zoe@acme.example"]["cost"] == pytest.approx(3 * 0.1)


def test_a_log_shows_its_url_even_without_a_provider(ok, emulator, users):
    users()
    parameters = {"url": "https://llm.acme.example/chat", "body": {"model": {"name": "x"}}}
    ok("POST /logs", {**LOG, "request": parameters}, key="workspace-service")
    (log_id,) = emulator.store.database.execute(
        "select id from requests where trace_id = 't-1'"
    ).fetchone()

    metrics = ok(f"GET /logs/{log_id}", key="workspace-service")["metrics"]

    assert metrics["request_url"] == parameters["url"]
    assert not {"ai_org", "ai_model"} & set(metrics)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"request": LOG["request"]},
        {**LOG, "request": {"body": {}}},
        {**LOG, "response": {}},
        {**LOG, "response": {"body": {}, "response_time": -1}},
        {**LOG, "response": {"body": {}, "response_time": 10**30}},
        {**LOG, "response": {"body": {}, "status": 1000}},
        {**LOG, "metadata": {"trace_id": {"a": 1}}},
        {**LOG, "metadata": {"_user": 5}},
        [LOG, {}],
    ],
)
def test_an_incomplete_log_is_refused_and_nothing_is_stored(refused, users, body):
    assert refused("POST /logs", body, key="workspace-service") == (400, "AB01")
    assert "zoe@acme.example" not in users()


def test_a_log_needs_both_scopes(refused, new_key, workspace):
    for scope in ("completions.write", "logs.write"):
        key = new_key(scope, workspace=workspace("Support"))
        assert refused("POST /logs", LOG, key=key) == (403, "AB03")


def test_a_log_of_another_workspace_is_refused_and_an_unknown_one_not_found(
    ok, refused, emulator, workspace, users
):
    users()
    (theirs,) = emulator.store.database.execute(
        "select id from requests where workspace_id = ?", (workspace("Shared Team Workspace"),)
    ).fetchone()

    assert refused(f"GET /logs/{theirs}", key="workspace-service") == (403, "AB03")
    assert ok(f"GET /logs/{theirs}", key="admin")["_id"] == theirs
    assert refused("GET /logs/none", key="admin") == (404, "AB08")

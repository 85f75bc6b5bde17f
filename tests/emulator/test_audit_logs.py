"""Audit logs in the emulator: all successful writes, without secrets."""

import json
from urllib.parse import urlencode

import pytest

from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.emulator.traffic.requests import database, shown_time


@pytest.fixture
def audit(ok, emulator):
    organisation = emulator.store.table("api_keys").rows()[0]["organisation_id"]

    def listed(key="owner", **query):
        parameters = {
            "organisation_id": organisation,
            "start_time": "2026-11-01T00:00:00Z",
            "end_time": "2026-11-03T00:00:00Z",
        }
        return ok(f"GET /audit-logs?{urlencode(parameters | query)}", key=key)

    return listed


@pytest.fixture
def changes(ok, refused, workspace):
    """Three writes of two keys, a refused one, and a read."""
    support = workspace("Support")
    ok("POST /configs", {"name": "A", "config": {}, "workspace_id": support})
    slug = ok("GET /configs", key="workspace-user")["data"][0]["slug"]
    ok(f"PUT /configs/{slug}", {"name": "B"}, key="workspace-user")
    refused("DELETE /configs/none", key="workspace-user")
    ok(f"DELETE /configs/{slug}", key="workspace-user")
    return slug


def test_writes_that_succeeded_are_listed_newest_first(audit, changes, user):
    answer = audit()

    records = answer["records"]
    assert answer["object"] == "analytics-graph"
    assert answer["total"] == 3
    assert [(r["method"], r["action"], r["resource_type"]) for r in records] == [
        ("DELETE", "delete", "config"),
        ("PUT", "update", "config"),
        ("POST", "create", "config"),
    ]
    assert records[1]["uri"] == f"/v1/configs/{changes}"
    assert records[1]["request_body"] == '{"name": "B"}'
    assert (records[1]["user_id"], records[1]["user_type"]) == (user("Emi"), "user")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"method": "PUT"}, 1),
        ({"action": "create"}, 1),
        ({"resource_type": "config"}, 3),
        ({"resource_type": "label"}, 0),
        ({"response_status_code": 200}, 3),
        ({"user_type": "api_key"}, 0),
        ({"client_ip": "127.0.0.1"}, 3),
        ({"country": "DE"}, 0),
        ({"request_id": "none"}, 0),
        ({"start_time": "2026-11-02T10:00:00Z"}, 0),
        ({"end_time": "2026-11-01T10:00:00Z"}, 0),
        ({"page_size": 2}, 3),
    ],
)
def test_records_are_filtered(audit, changes, query, count):
    answer = audit(**query)

    assert answer["total"] == count
    assert len(answer["records"]) == min(count, query.get("page_size", 3))


def test_a_workspace_key_sees_the_changes_of_its_workspace(audit, changes, ok, workspace):
    science = workspace("Science")
    ok("POST /configs", {"name": "C", "config": {}, "workspace_id": science}, key="admin")

    assert audit(key="workspace-service")["total"] == 3
    workspace_id = ok(f"GET /admin/workspaces/{science}")
    for name in (workspace_id["id"], workspace_id["slug"]):
        (record,) = audit(workspace_id=name)["records"]
        assert record["workspace_id"] == science


def test_pages_are_cut_from_the_newest_changes(audit, changes):
    newest, oldest = (audit(page_size=2, current_page=page)["records"] for page in (0, 1))

    assert newest + oldest == audit()["records"]
    assert len(oldest) == 1


def test_some_path_endings_are_separate_actions(audit, ok, key_id):
    ok(f"POST /api-keys/{key_id('workspace-service')}/rotate", {})

    (record,) = audit()["records"]
    assert (record["action"], record["resource_type"]) == ("rotate", "api_key")


def test_no_secret_is_stored(audit, ok, workspace):
    body = {
        "name": "P",
        "provider": "openai",
        "key": "sk-1234",
        "workspace_id": workspace("Support"),
    }
    ok("POST /virtual-keys", body)

    (record,) = audit()["records"]
    assert "sk-1234" not in str(record)
    assert record["request_headers"] == '{"x-portkey-api-key": "***"}'


def test_a_request_to_the_gateway_is_not_recorded(audit, ok):
    ok("POST /feedback", {"trace_id": "t", "value": 1}, key="workspace-service")

    assert audit()["total"] == 0


@pytest.mark.parametrize("missing", ["start_time", "end_time"])
def test_a_period_is_required(refused, audit, emulator, missing):
    organisation = emulator.store.table("api_keys").rows()[0]["organisation_id"]
    parameters = {
        "organisation_id": organisation,
        "start_time": "2026-11-01T00:00:00Z",
        "end_time": "2026-11-03T00:00:00Z",
    }
    parameters.pop(missing)

    assert refused(f"GET /audit-logs?{urlencode(parameters)}", key="admin") == (400, "AB01")


@pytest.mark.parametrize("name", ["start_time", "end_time"])
def test_a_period_is_of_times(refused, emulator, name):
    organisation = emulator.store.table("api_keys").rows()[0]["organisation_id"]
    times = {"start_time": "2026-11-01T00:00:00Z", "end_time": "2026-11-03T00:00:00Z"}
    query = urlencode({"organisation_id": organisation, **times, name: "yesterday"})

    assert refused(f"GET /audit-logs?{query}", key="admin") == (400, "AB01")


def test_the_organisation_is_that_of_the_key_unless_another_is_named(ok):
    """The TypeScript server's tests against Portkey name none."""
    period = {"start_time": "2026-11-01T00:00:00Z", "end_time": "2026-11-03T00:00:00Z"}
    ok("POST /configs", {"name": "C", "config": {}})

    assert ok(f"GET /audit-logs?{urlencode(period)}", key="admin")["records"]


def test_another_organisation_is_refused(refused):
    parameters = {"organisation_id": "x", "start_time": "2026-11-01", "end_time": "2026-11-03"}

    assert refused(f"GET /audit-logs?{urlencode(parameters)}", key="admin") == (403, "AB03")


@pytest.fixture
def history(audit):
    return audit(start_time="2026-09-01T00:00:00Z", end_time="2026-11-02T09:00:00Z", page_size=100)


def test_an_organisation_of_forty_days_has_a_history_that_fits_its_objects(
    history, emulator, ok, user
):
    records = history["records"]
    assert history["total"] == len(records) > 25
    created = {
        json.loads(record["request_body"]).get("name"): record["timestamp"]
        for record in records
        if record["action"] == "create"
    }
    for table in ("configs", "api_keys", "prompts", "guardrails", "mcp_servers", "usage_limits"):
        for row in emulator.store.table(table).rows():
            if row["name"] != "Sandbox owner":
                assert created[row["name"]] == row["created_at"], (table, row["name"])
    assert {record["user_id"] for record in records} == {user("Ada")}
    assert "sk-not-a-real-key" not in json.dumps(records)
    days = {record["timestamp"][:10] for record in records}
    assert len(days) >= 6
    assert len({record["timestamp"] for record in records}) == len(records)
    ids = {record["request_id"] for record in records}
    assert len(ids) == len(records)


def test_the_history_says_who_deleted_the_key_that_had_requests(history, emulator):
    (record,) = [each for each in history["records"] if each["action"] == "delete"]
    key = record["uri"].rpartition("/")[2]
    last_use, count = database(emulator.store).execute(
        "select max(created_at), count(*) from requests where api_key_id = ?", (key,)
    ).fetchone()  # fmt: skip

    assert count > 0
    assert shown_time(last_use) < record["timestamp"]


def test_no_key_has_requests_before_it_was_made(emulator):
    keys = {row["id"]: row for row in emulator.store.table("api_keys").rows()}
    first = database(emulator.store).execute(
        "select api_key_id, min(created_at) from requests group by 1"
    ).fetchall()  # fmt: skip

    for key, at in first:
        assert key not in keys or shown_time(at) > keys[key]["created_at"]


def test_a_workspaces_history_is_its_own(audit, history, workspace):
    query = {"start_time": "2026-09-01T00:00:00Z", "page_size": 100}
    own = audit(key="workspace-service", **query)

    assert 10 < own["total"] < history["total"]
    assert {record["workspace_id"] for record in own["records"]} == {workspace("Support")}


def test_the_history_survives_a_restart_and_is_there_once(tmp_path):
    def total():
        emulator = Emulator("acme", frozen_time, tmp_path / "state.db")
        headers = {"x-portkey-api-key": emulator.keys()["owner"]}
        query = "start_time=2026-09-01T00:00:00Z&end_time=2026-11-03T00:00:00Z"
        answer = emulator.answer("GET", f"/v1/audit-logs?{query}", headers, b"")[2]
        emulator.answer("POST", "/v1/configs", headers, b'{"name": "C", "config": {}}')
        emulator.store.close()
        return json.loads(answer)["total"]

    first = total()
    assert (total(), total()) == (first + 1, first + 2)

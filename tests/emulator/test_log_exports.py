"""Log exports in the emulator: their content and status."""

import json

import pytest

from portkey_admin_mcp.emulator.log_exports import DURATION_S

FILTERS = {
    "time_of_generation_min": "2026-10-28T00:00:00Z",
    "time_of_generation_max": "2026-10-29T00:00:00Z",
}


@pytest.fixture
def body(workspace):
    return {
        "workspace_id": workspace("Support"),
        "filters": FILTERS,
        "requested_data": ["id", "created_at", "cost", "metadata"],
    }


@pytest.fixture
def export(ok, body):
    return ok("POST /logs/exports", body)


@pytest.fixture
def status(ok, export):
    return lambda: ok(f"GET /logs/exports/{export['id']}")["status"]


@pytest.fixture
def file(emulator, ok, export):
    """Read an export's file through its link, without a key."""

    def read():
        link = ok(f"GET /logs/exports/{export['id']}/download")["signed_url"]
        target = "/" + link.split("/", 3)[3]
        code, headers, content = emulator.answer("GET", target, {}, b"")
        assert (code, headers["content-type"]) == (200, "application/jsonl")
        return [json.loads(line) for line in content.decode().splitlines()]

    return read


def test_an_export_is_created_started_and_finished_some_seconds_later(
    ok, refused, control, export, status, file
):
    path = f"/logs/exports/{export['id']}"
    assert status() == "draft"
    assert refused(f"GET {path}/download") == (400, "AB01")
    ok(f"POST {path}/start")
    assert status() == "in_progress"
    assert refused(f"POST {path}/start") == (400, "AB01")
    assert refused(f"GET {path}/download") == (400, "AB01")
    control("POST clock", {"advance_s": DURATION_S - 1})
    assert status() == "in_progress"
    control("POST clock", {"advance_s": 1})
    assert status() == "success"

    rows = file()
    assert len(rows) == export["total"] > 500
    assert set(rows[0]) == {"id", "created_at", "cost", "metadata"}
    assert all(row["created_at"].startswith("2026-10-28") for row in rows)


def test_a_file_has_the_requests_that_the_filters_select(ok, control, workspace, emulator):
    body = {
        "workspace_id": workspace("Support"),
        "filters": FILTERS | {"status_code": "429", "metadata": {"team": "support"}},
        "requested_data": ["response_status_code", "is_success", "request", "response"],
    }
    created = ok("POST /logs/exports", body)
    ok(f"POST /logs/exports/{created['id']}/start")
    control(f"POST exports/{created['id']}/finish")
    link = ok(f"GET /logs/exports/{created['id']}/download")["signed_url"]
    _code, _headers, content = emulator.answer("GET", "/" + link.split("/", 3)[3], {}, b"")

    rows = [json.loads(line) for line in content.decode().splitlines()]
    assert 0 < len(rows) == created["total"] < 100
    assert {row["response_status_code"] for row in rows} == {429}
    assert rows[0]["request"]["body"]["model"]


def test_a_page_of_requests_is_exported(ok, control, body, export, emulator):
    size = export["total"] - 10
    filters = FILTERS | {"page_size": size, "current_page": 1}
    created = ok("POST /logs/exports", body | {"filters": filters})
    assert created["total"] == 10
    assert ok("POST /logs/exports", body | {"filters": FILTERS | {"page_size": 5}})["total"] == 5
    ok(f"POST /logs/exports/{created['id']}/start")
    control(f"POST exports/{created['id']}/finish")
    link = ok(f"GET /logs/exports/{created['id']}/download")["signed_url"]

    _code, _headers, content = emulator.answer("GET", "/" + link.split("/", 3)[3], {}, b"")

    assert len(content.splitlines()) == 10


def test_an_invalid_change_changes_nothing(ok, refused, export):
    path = f"/logs/exports/{export['id']}"
    before = ok(f"GET {path}")

    assert refused(f"PUT {path}", {"filters": {}, "requested_data": ["id"]}) == (400, "AB01")
    assert ok(f"GET {path}") == before


def test_an_export_of_another_workspace_is_refused(ok, refused, new_key, workspace, export):
    theirs = new_key("logs.export", workspace=workspace("Science"))
    path = f"/logs/exports/{export['id']}"

    for parameters in (f"GET {path}", f"POST {path}/start", f"POST {path}/cancel"):
        assert refused(parameters, key=theirs) == (403, "AB03")
    assert refused(f"PUT {path}", {"filters": FILTERS}, key=theirs) == (403, "AB03")
    assert refused(f"GET {path}/download", key=theirs) == (403, "AB03")
    assert ok("GET /logs/exports", key=theirs)["total"] == 0


def test_an_export_is_stopped_only_while_it_runs(ok, refused, control, export, status):
    path = f"/logs/exports/{export['id']}"
    assert refused(f"POST {path}/cancel") == (400, "AB01")
    ok(f"POST {path}/start")
    ok(f"POST {path}/cancel")
    assert status() == "stopped"
    assert refused(f"POST {path}/start") == (400, "AB01")


def test_a_failed_export_can_be_started_again(ok, control, export, status):
    path = f"/logs/exports/{export['id']}"
    ok(f"POST {path}/start")
    control(f"POST exports/{export['id']}/finish", {"status": "failed"})
    assert status() == "failed"
    ok(f"POST {path}/start")
    assert status() == "in_progress"


def test_only_a_running_export_is_finished(emulator, export, status):
    path = f"/emulator/exports/{export['id']}/finish"

    assert emulator.answer("POST", path, {}, b"")[0] == 400
    assert status() == "draft"


def test_a_draft_can_be_changed_and_nothing_else(ok, refused, export):
    path = f"/logs/exports/{export['id']}"
    later = {"filters": FILTERS | {"status_code": "500"}, "requested_data": ["id"]}
    changed = ok(f"PUT {path}", later)

    assert changed["total"] < export["total"]
    read = ok(f"GET {path}")
    assert (read["filters"], read["requested_data"]) == (later["filters"], ["id"])
    ok(f"POST {path}/start")
    assert refused(f"PUT {path}", later) == (400, "AB01")


@pytest.mark.parametrize(
    "change",
    [
        {"filters": None},
        {"filters": {}},
        {"requested_data": None},
        {"requested_data": []},
        {"requested_data": ["colour"]},
        {"filters": FILTERS | {"cost_min": "x"}},
        {"filters": FILTERS | {"page_size": "x"}},
        {"filters": FILTERS | {"page_size": 0}},
        {"filters": FILTERS | {"page_size": 50_001}},
        {"filters": FILTERS | {"current_page": -1}},
        {"filters": FILTERS | {"status_code": ["200"]}},
    ],
)
def test_an_invalid_export_is_refused(refused, body, change):
    assert refused("POST /logs/exports", body | change) == (400, "AB01")


def test_columns_can_be_denied(ok, refused, control, body, export, workspace):
    control("POST denied-fields", {"fields": ["cost"]})
    control("POST denied-fields", {"fields": ["metadata"]})

    assert refused("POST /logs/exports", body) == (400, "AB01")
    assert refused(f"POST /logs/exports/{export['id']}/start") == (400, "AB01")
    workspace_id = workspace("Support")
    path = f"GET /logs/exports/field-restrictions?workspace_id={workspace_id}"
    assert ok(path) == {"denied_fields": ["metadata"]}


def test_a_link_needs_its_signature(ok, emulator, control, export, file):
    ok(f"POST /logs/exports/{export['id']}/start")
    control("POST clock", {"advance_s": 6})
    assert file()

    for query in ("", "?signature=", "?signature=x"):
        target = f"/emulator/files/{export['id']}.jsonl{query}"
        assert emulator.answer("GET", target, {}, b"")[0] == 403


def test_a_users_key_sees_only_the_exports_of_that_user(ok, refused, body, export):
    own = ok("POST /logs/exports", body, key="workspace-user")

    listed = ok("GET /logs/exports", key="workspace-user")["data"]
    assert [row["id"] for row in listed] == [own["id"]]
    path = f"GET /logs/exports/{export['id']}"
    assert refused(path, key="workspace-user") == (403, "AB03")
    assert ok("GET /logs/exports", key="workspace-service")["total"] == 2


def test_a_link_has_the_host_of_the_request(emulator, ok, control, export):
    ok(f"POST /logs/exports/{export['id']}/start")
    control("POST clock", {"advance_s": 6})
    headers = {"x-portkey-api-key": emulator.keys()["owner"], "host": "127.0.0.1:8788"}
    path = f"/v1/logs/exports/{export['id']}/download"

    _code, _headers, content = emulator.answer("GET", path, headers, b"")

    assert json.loads(content)["signed_url"].startswith("http://127.0.0.1:8788/emulator/files/")

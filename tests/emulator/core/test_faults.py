"""Faults by route, canned answers, and the requests that are recorded."""

import json

import pytest

from each import for_each
from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.faults import Fault, fits, read_fault
from portkey_admin_mcp.emulator.core.recorded import RecordedRequest
from portkey_admin_mcp.emulator.core.routing import ROUTES
from portkey_admin_mcp.emulator.core.store import frozen_time


@pytest.fixture
def emulator():
    """An emulator that records requests."""
    return Emulator("acme", frozen_time, recorded=3)


@pytest.mark.parametrize(
    ("route", "request_line", "expected"),
    [
        ("*", "GET /v1/configs", True),
        ("GET /configs", "GET /v1/configs", True),
        ("GET /v1/configs", "GET /v1/configs", True),
        ("GET /configs", "POST /v1/configs", False),
        ("* /configs", "POST /v2/configs", True),
        ("GET /configs", "GET /v1/configs/pc-1", False),
        ("GET /configs/{slug}", "GET /v1/configs/pc-1", True),
        ("GET /configs/{slug}", "GET /v1/configs/pc-1/versions", False),
        ("GET /configs/{any}/versions", "GET /v1/configs/pc-1/versions", True),
        ("GET /configs*", "GET /v1/configs/pc-1/versions", True),
        ("GET /configs/pc-2", "GET /v1/configs/pc-1", False),
        ("GET /a.b", "GET /a-b", False),
    ],
)
def test_a_route_fits_a_request(route, request_line, expected):
    method, path = request_line.split()

    assert fits(route, method, path) is expected


@for_each(ROUTES)
def test_a_fault_can_name_every_endpoint_of_the_emulator(endpoint):
    assert read_fault({"route": endpoint, "status": 500}).route == endpoint


@pytest.mark.parametrize("route", ["GET /configs/pc-1", "POST /chat/completions", "* /v2/admin*"])
def test_a_fault_can_name_a_path_and_an_endpoint_of_the_gateway(route):
    assert read_fault({"route": route, "status": 500}).route == route


@pytest.mark.parametrize("route", ["GET /nothing", "POST /config", "FETCH /configs", "configs", ""])
def test_a_route_that_no_request_can_have_is_refused(route):
    with pytest.raises(ValueError, match=r"^route '"):
        read_fault({"route": route, "status": 500})


def send(emulator, endpoint, body=None, key="owner"):
    method, target = endpoint.split()
    headers = {"x-portkey-api-key": emulator.keys().get(key, key)}
    content = b"" if body is None else json.dumps(body).encode()
    return emulator.answer(method, f"/v1{target}", headers, content)[0]


def test_faults_of_a_route_leave_others_alone_and_follow_each_other(emulator):
    emulator.faults.answers += [
        Fault(route="GET /configs", status=429, times=2),
        Fault(route="GET /configs", status=503),
        Fault(route="GET /providers", status=500, times=None),
    ]

    assert [send(emulator, "GET /configs") for _ in range(4)] == [429, 429, 503, 200]
    assert [send(emulator, "GET /providers") for _ in range(3)] == [500, 500, 500]
    assert send(emulator, "GET /admin/workspaces") == 200


def test_a_canned_answer_has_its_body_and_status(emulator):
    emulator.faults.answers.append(Fault(route="POST /embeddings", status=201, body={"a": [1]}))

    status, headers, content = emulator.answer("POST", "/v1/embeddings", {}, b"{}")

    assert (status, headers["content-type"], json.loads(content)) == (
        201,
        "application/json",
        {"a": [1]},
    )


def test_a_request_is_recorded_with_everything_that_a_test_asserts_on(emulator):
    send(emulator, "PUT /configs/pc-1?a=b&c=", {"name": "x"}, "workspace-service")

    (request,) = emulator.requests.requests()
    assert request.body == {"name": "x"}
    assert request.as_json() == {
        "method": "PUT",
        "path": "/v1/configs/pc-1",
        "query": {"a": "b", "c": ""},
        "key": f"{request.key[:2]}*****{request.key[-3:]}",
        "key_name": "workspace-service",
        "route": "PUT /configs/{slug}",
        "status": 404,
        "body": {"name": "x"},
    }
    assert emulator.keys()["workspace-service"] not in str(request.as_json())
    assert "content" not in repr(request)
    assert str(request) == "PUT /v1/configs/pc-1 404"


@pytest.mark.parametrize(("content", "body"), [(b"", None), (b"{", "{"), (b"\xff", "�")])
def test_a_body_that_is_not_json_is_text(content, body):
    assert RecordedRequest("GET", "/", {}, content, "", None, None, 200).body == body


def test_unknown_keys_and_paths_are_recorded_and_the_control_api_is_not(emulator):
    send(emulator, "GET /nothing", key="sk-0123456789")
    emulator.answer("GET", "/emulator/keys", {}, b"")
    emulator.answer("GET", "/health", {}, b"")

    (request,) = emulator.requests.requests()
    assert (request.key, request.key_name, request.route) == ("sk*****789", None, None)


def test_only_the_latest_requests_are_kept_and_all_are_counted(emulator):
    for number in range(5):
        send(emulator, f"GET /configs/{number}")

    assert [each.path[-1] for each in emulator.requests.requests()] == ["2", "3", "4"]
    assert emulator.requests.total == 5


def test_nothing_is_recorded_unless_it_was_ordered():
    emulator = Emulator("acme", frozen_time)
    send(emulator, "GET /configs")

    assert emulator.requests.requests() == []


def test_the_control_api_lists_and_forgets_requests(emulator):
    send(emulator, "GET /configs")
    listed = json.loads(emulator.answer("GET", "/emulator/requests", {}, b"")[2])
    emulator.answer("DELETE", "/emulator/requests", {}, b"")
    after = json.loads(emulator.answer("GET", "/emulator/requests", {}, b"")[2])

    assert (listed["total"], listed["data"][0]["route"]) == (1, "GET /configs")
    assert after == {"total": 0, "data": []}


def test_a_reset_forgets_requests(emulator):
    send(emulator, "GET /configs")
    emulator.answer("POST", "/emulator/reset", {}, b"")

    assert emulator.requests.total == 0


def test_a_dropped_request_is_recorded_without_a_status(emulator):
    emulator.faults.answers.append(Fault(route="POST /configs", drop="before"))
    emulator.faults.answers.append(Fault(route="POST /configs", drop="after"))
    support = emulator.store.table("workspaces").where(name="Support")[0]["id"]
    body = {"name": "A", "config": {}, "workspace_id": support}

    before = len(emulator.store.table("configs"))
    assert send(emulator, "POST /configs", body) == 0
    assert len(emulator.store.table("configs")) == before
    assert send(emulator, "POST /configs", body) == 200
    assert [each.status for each in emulator.requests.requests()] == [None, 200]

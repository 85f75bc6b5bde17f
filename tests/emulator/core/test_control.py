"""The control API: keys, state, seeds, the clock, and faults."""

import json
import threading
import time
from datetime import UTC, datetime

import httpx2
import pytest
import uvicorn

from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.asgi import asgi
from portkey_admin_mcp.emulator.core.store import frozen_time


@pytest.fixture
def refused_control(emulator):
    """Send a control request that is refused, and return its status and message."""

    def request(endpoint, body=None):
        method, path = endpoint.split()
        content = json.dumps(body).encode()
        status, _headers, answer = emulator.answer(method, f"/emulator/{path}", {}, content)
        return status, json.loads(answer)["data"]["message"]

    return request


@pytest.fixture
def carry(emulator):
    """Send a request in process with the owner's key, as the sandbox does."""

    async def sent(endpoint, body=None):
        method, target = endpoint.split()
        headers = {"x-portkey-api-key": emulator.keys()["owner"]}
        content = None if body is None else json.dumps(body).encode()
        return (await InProcess(emulator)(method, f"/v1{target}", headers, content))[0]

    return sent


@pytest.fixture
def served(emulator):
    """The emulator behind a real socket, and a client that holds the owner's key."""
    config = uvicorn.Config(asgi(emulator), port=0, log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.002)
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"x-portkey-api-key": emulator.keys()["owner"]}
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, verify=False
    ) as client:
        yield client
    server.should_exit = True
    thread.join()


def test_the_seeded_keys_are_listed_by_name_and_allow_what_they_should(control, send):
    keys = control("GET keys")

    assert list(keys) == [
        "owner",
        "admin",
        "workspace-service",
        "workspace-user",
        "scopeless",
        "revoked",
    ]
    answers = [send("GET /configs", key=secret)[0] for secret in keys.values()]
    assert answers == [200, 403, 200, 200, 403, 401]


def test_the_state_has_all_rows_and_is_a_copy(control, emulator, ok):
    ok("POST /admin/workspaces", {"name": "New"})

    state = control("GET state")

    assert state == json.loads(json.dumps(emulator.store.dump()))
    assert "New" in [
        workspace_id["name"] for workspace_id in state["tables"]["workspaces"].values()
    ]
    emulator.store.dump()["tables"].clear()
    assert control("GET state") == state


def test_a_reset_undoes_changes_faults_and_the_time(control, ok, emulator):
    before = control("GET state")
    ok("POST /admin/workspaces", {"name": "New"})
    control("POST clock", {"advance_s": 3600})
    control("POST faults", {"answers": [{"status": 503}]})

    control("POST reset")

    assert control("GET state") == before
    assert emulator.store.now() == frozen_time()
    assert ok("GET /admin/workspaces")["total"] == 3


def test_resets_return_to_the_seed_that_was_chosen_last(control, ok):
    control("POST seed", {"name": "empty"})
    ok("POST /admin/workspaces", {"name": "New"})
    control("POST reset")

    assert list(control("GET keys")) == ["owner"]
    assert [user["role"] for user in ok("GET /admin/users")["data"]] == ["owner"]
    (workspace_id,) = ok("GET /admin/workspaces")["data"]
    assert (workspace_id["name"], workspace_id["defaults"]["is_default"]) == (
        "Shared Team Workspace",
        1,
    )

    control("POST seed", {"name": "acme"})
    assert len(control("GET keys")) == 6


GIVE_ONE = "give either advance_s, a number of seconds, or now, a time"


@pytest.mark.parametrize(
    ("endpoint", "body", "answer"),
    [
        ("POST seed", {"name": "nonsense"}, (400, "name: must be one of acme, empty")),
        ("POST seed", {}, (400, "name: must be one of acme, empty")),
        ("POST clock", {}, (400, GIVE_ONE)),
        ("POST clock", {"advance_s": 1, "now": "2026-12-01"}, (400, GIVE_ONE)),
        (
            "POST clock",
            {"advance_s": -1},
            (400, "Invalid request. advance_s: Input should be greater than or equal to 0"),
        ),
        (
            "POST clock",
            [],
            (
                400,
                "Invalid request. body: Input should be a valid dictionary or instance of "
                "ClockOrder",
            ),
        ),
        (
            "POST clock",
            {"now": "tomorrow"},
            (400, "now: 'tomorrow' is no time; write 2026-11-02T09:00:00Z"),
        ),
        (
            "POST clock",
            {"now": "2026-11-01"},
            (
                400,
                "now: 2026-11-01T00:00:00.000Z is before 2026-11-02T09:00:00.000Z, the emulated "
                "time; to go back, start over at a time: POST /emulator/reset with now",
            ),
        ),
        ("POST reset", {"seed": "none"}, (400, "seed: must be one of acme, empty")),
        ("GET nothing", None, (404, "Not found")),
        ("GET reset", None, (404, "Not found")),
        ("POST faults", {"drop": "always"}, (400, "drop: Input should be 'before' or 'after'")),
        (
            "POST faults",
            {"answers": [{"status": 200}]},
            (400, "answers.0: status 200 is no error, so it needs a body"),
        ),
        (
            "POST faults",
            {"answers": [{}]},
            (400, "answers.0: needs a status, a delay_ms or a drop; without one it does nothing"),
        ),
        (
            "POST faults",
            {"answers": [{"body": {}, "delay_ms": 1}]},
            (400, "answers.0: a body needs a status"),
        ),
        (
            "POST faults",
            {"answers": [{"status": 429, "route": "POST /config"}]},
            (
                400,
                "answers.0: route 'POST /config': the emulator has no such endpoint; did you mean "
                "'POST /configs'? (an endpoint that is not emulated can be given a whole answer, "
                "with a body)",
            ),
        ),
        (
            "POST faults",
            {"answers": [{"status": 429, "route": "/configs"}]},
            (
                400,
                "answers.0: route '/configs': write a method and a path, such as "
                "'POST /configs', 'GET /configs/{slug}' or '* /configs*'; or '*' for every request",
            ),
        ),
        (
            "POST faults",
            {"latency": 5},
            (400, "latency: Extra inputs are not permitted"),
        ),
    ],
)
def test_an_invalid_control_request_is_refused_and_changes_nothing(
    control, refused_control, emulator, endpoint, body, answer
):
    before = control("GET state")

    assert refused_control(endpoint, body) == answer
    assert control("GET state") == before
    assert emulator.store.now() == frozen_time()


def test_each_clock_request_moves_the_time_forward(control, ok):
    control("POST clock", {"advance_s": 1800})
    control("POST clock", {"advance_s": 0.5})
    control("POST clock", {"advance_s": 1800})

    created = ok("POST /admin/workspaces", {"name": "New"})

    assert created["created_at"] == "2026-11-02T10:00:00.000Z"


def test_the_same_calls_on_the_same_seed_and_clock_give_the_same_everything():
    def lived():
        emulator = Emulator("acme", frozen_time)
        headers = {"x-portkey-api-key": emulator.keys()["owner"]}
        for name in ("One", "Two"):
            body = json.dumps({"name": name, "scopes": ["logs.view"]}).encode()
            emulator.answer("POST", "/v1/admin/workspaces", headers, body)
            emulator.answer("POST", "/v1/api-keys/organisation/service", headers, body)
        return json.dumps(emulator.store.dump())

    assert lived() == lived()


def test_another_clock_gives_the_same_ids_at_other_times():
    later = Emulator("acme", lambda: datetime(2027, 3, 1, tzinfo=UTC))
    sooner = Emulator("acme", frozen_time)

    assert later.keys() == sooner.keys()
    for table in ("workspaces", "configs", "api_keys", "users", "requests"):
        ids = [[row["id"] for row in each.store.table(table).rows()] for each in (later, sooner)]
        assert ids[0] == ids[1]
    assert later.store.dump() != sooner.store.dump()


def test_injected_errors_are_answered_in_order_and_then_end(control, send, emulator):
    faults = [{"status": 503, "times": 2}, {"status": 429, "retry_after": 7}]
    control("POST faults", {"answers": faults})

    answers = [send("GET /admin/workspaces") for _ in range(4)]

    assert [status for status, _answer in answers] == [503, 503, 429, 200]
    assert [answer["data"]["errorCode"] for _status, answer in answers[:3]] == [
        "AB04",
        "AB04",
        "AB06",
    ]
    assert list(emulator.log) == ["GET /v1/admin/workspaces"]


@pytest.mark.parametrize(("seconds", "header"), [(7, "7"), (0, "0"), (None, None)])
def test_retry_after_is_sent_if_the_fault_has_it(control, emulator, seconds, header):
    control("POST faults", {"answers": [{"status": 429, "retry_after": seconds}]})

    status, headers, _answer = emulator.answer("GET", "/v1/configs", {}, b"")

    assert (status, headers.get("retry-after")) == (429, header)


def test_a_write_that_was_answered_with_a_fault_did_not_happen(control, send, ok):
    control("POST faults", {"answers": [{"status": 500}]})

    assert send("POST /admin/workspaces", {"name": "New"})[0] == 500
    assert ok("GET /admin/workspaces")["total"] == 3


def test_an_empty_body_ends_all_faults(control, ok, emulator):
    control("POST faults", {"answers": [{"status": 503, "times": 9}], "latency_ms": 50})

    control("POST faults", {})

    assert ok("GET /admin/workspaces")["total"] == 3
    assert emulator.faults.latency_ms == 0


async def test_each_answer_is_delayed_by_the_latency(control, carry):
    control("POST faults", {"latency_ms": 60})

    started = time.perf_counter()
    assert await carry("GET /configs") == 200

    assert time.perf_counter() - started > 0.05


@pytest.mark.parametrize(("drop", "created"), [("before", 3), ("after", 4)])
async def test_a_dropped_connection_hides_whether_the_write_happened(
    control, carry, ok, drop, created
):
    control("POST faults", {"drop": drop, "drop_times": 1})

    with pytest.raises(ConnectionResetError):
        await carry("POST /admin/workspaces", {"name": "New"})

    assert ok("GET /admin/workspaces")["total"] == created
    assert await carry("GET /configs") == 200


def test_stale_reads_see_the_state_before_the_last_write(control, ok, workspace):
    path = f"/admin/workspaces/{workspace('Support')}"
    control("POST faults", {"stale_reads": 2})

    ok(f"PUT {path}", {"name": "First"})
    names = [ok(f"GET {path}")["name"]]
    ok(f"PUT {path}", {"name": "Second"})
    names += [ok(f"GET {path}")["name"] for _ in range(2)]

    assert names == ["Support", "First", "Second"]


def test_a_stale_read_shows_the_old_state_at_the_current_time(control, ok):
    (invite,) = ok("GET /admin/users/invites")["data"]
    control("POST clock", {"advance_s": 6 * 86_400})
    control("POST faults", {"stale_reads": 1})
    ok("POST /admin/users/invites", {"email": "new@acme.example", "role": "member"})

    stale = ok("GET /admin/users/invites")["data"]

    assert [(row["id"], row["status"]) for row in stale] == [(invite["id"], "expired")]


def test_over_a_socket_the_answers_are_the_same(served, ok):
    answer = served.get("/v1/admin/workspaces", params={"name": "Sup"})

    assert answer.json() == ok("GET /admin/workspaces?name=Sup")
    assert answer.headers["content-type"] == "application/json"
    assert served.post("/v1/admin/workspaces", json={"name": "x", "slug": "a/b"}).is_success
    assert served.get("/v1/admin/workspaces/a%2Fb").json()["slug"] == "a/b"


@pytest.mark.parametrize(("drop", "created"), [("before", 3), ("after", 4)])
def test_over_a_socket_the_connection_is_closed(served, drop, created):
    served.post("/emulator/faults", json={"drop": drop}).raise_for_status()

    with pytest.raises(httpx2.RemoteProtocolError):
        served.post("/v1/admin/workspaces", json={"name": "New"})

    assert served.get("/v1/admin/workspaces").json()["total"] == created


def test_over_a_socket_faults_do_not_affect_the_control_api(served):
    order = {"latency_ms": 60_000, "drop": "before", "answers": [{"status": 500, "times": 9}]}
    served.post("/emulator/faults", json=order).raise_for_status()

    served.post("/emulator/faults", json={}).raise_for_status()

    assert served.get("/v1/admin/workspaces").json()["total"] == 3


def test_emulators_that_start_at_the_same_time_share_no_change():
    first, second = Emulator("acme", frozen_time), Emulator("acme", frozen_time)
    before = json.dumps(second.store.dump())
    headers = {"x-portkey-api-key": first.keys()["owner"]}
    workspaces = first.store.table("workspaces").rows()

    for workspace in list(workspaces):
        body = json.dumps({"name": workspace["name"], "force_delete": True}).encode()
        first.answer("DELETE", f"/v1/admin/workspaces/{workspace['id']}", headers, body)

    assert len(workspaces) == 1
    assert json.dumps(second.store.dump()) == before
    assert json.dumps(Emulator("acme", frozen_time).store.dump()) == before

"""`portkey_emulator` as a context manager: address, keys, requests, faults, time, and clients."""

import asyncio
import logging
import signal
import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest

from portkey_admin_mcp import testing
from portkey_admin_mcp.testing import ControlError, SeedError, portkey_emulator

NINE = datetime(2026, 11, 2, 9, tzinfo=UTC)
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that need none: each would read the certificates of all authorities."""


def get(emulator, path, key="owner", **options):
    """Ask over HTTP, whatever proxy the environment names."""
    headers = {"x-portkey-api-key": emulator.key(key)}
    with httpx.Client(trust_env=False, verify=NO_TLS, headers=headers) as client:
        return client.get(f"{emulator.base_url}{path}", **options)


def server_threads():
    return [each for each in threading.enumerate() if each.name == "portkey-emulator"]


# Where it is


def test_it_is_served_when_its_address_is_read_and_until_the_end():
    before = len(server_threads())
    with portkey_emulator() as emulator:
        assert "not served" in repr(emulator)
        assert len(server_threads()) == before
        assert emulator.base_url == f"{emulator.url}/v1"
        assert get(emulator, "/admin/workspaces").json()["total"] == 3
        assert len(server_threads()) == before + 1
        url = emulator.base_url

    assert len(server_threads()) == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False, verify=NO_TLS)


async def test_it_is_an_asynchronous_context_manager_too():
    async with portkey_emulator("empty") as emulator:
        headers = {"x-portkey-api-key": emulator.key()}
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS, headers=headers) as client:
            answer = await client.get(f"{emulator.base_url}/admin/workspaces")
    assert answer.json()["total"] == 1


def test_the_server_leaves_logging_and_signals_of_the_process_alone():
    def state():
        loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.access", None)]
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        return [([*each.handlers], each.level, each.propagate) for each in loggers], handlers

    before = state()
    with portkey_emulator("empty") as emulator:
        assert get(emulator, "/configs").status_code == 200
        assert state() == before


def test_two_emulators_share_nothing(emulator):
    with portkey_emulator() as other:
        other.client().delete(f"/configs/{other.find('configs', 'Cached answers')['slug']}")

        assert emulator.find("configs", "Cached answers")
        assert emulator.requests == []


def test_keys_have_names(emulator):
    assert {"owner", "admin", "workspace-service", "workspace-user"} <= set(emulator.keys)
    assert get(emulator, "/admin/workspaces", "scopeless").status_code == 403
    with pytest.raises(KeyError, match="no API key is named 'root': use one of owner, admin"):
        emulator.key("root")


def test_the_environment_leads_to_it(emulator):
    assert emulator.environment("admin") == {
        "PORTKEY_BASE_URL": emulator.base_url,
        "PORTKEY_PROXY": emulator.base_url,
        "PORTKEY_API_KEY": emulator.key("admin"),
    }


# Requests


def test_requests_are_recorded_from_the_socket_and_in_process(emulator):
    get(emulator, "/configs?page_size=5", "workspace-service")
    emulator.client("admin").post("/configs", json={"name": "A"})

    first, second = emulator.requests
    assert (first.route, first.query, first.key_name) == (
        "GET /configs",
        {"page_size": "5"},
        "workspace-service",
    )
    assert (second.method, second.body, second.status) == ("POST", {"name": "A"}, 403)
    assert emulator.requests_to("POST /configs") == [second]
    emulator.clear_requests()
    assert emulator.requests == []


def test_too_many_requests_are_not_silently_a_part(emulator):
    for _ in range(10_001):
        emulator._emulator.answer("GET", "/nothing", {}, b"")

    with pytest.raises(RuntimeError, match="10001 requests were made, of which the latest 10000 a"):
        _ = emulator.requests


# Reset and seeds


def test_a_reset_undoes_everything(emulator):
    emulator.fail(status=500, times=None)
    emulator.seed({"configs": [{"name": "Own", "config": {}}]})
    emulator.advance(60)
    emulator.client().get("/configs")
    emulator.reset()

    assert emulator.client().get("/configs").status_code == 200
    assert len(emulator.requests) == 1
    assert emulator.now == NINE
    with pytest.raises(LookupError, match="there is no 'Own' among the configs"):
        emulator.find("configs", "Own")


def test_a_reset_is_cheap(emulator):
    emulator.reset()
    started = time.process_time()
    for _ in range(100):
        emulator.reset()

    assert time.process_time() - started < 0.5  # 0.02 s on a quiet machine


def test_another_seed_and_time_hold_until_the_next_reset(emulator):
    emulator.reset({"workspaces": [{"name": "Growth"}]}, now="2027-01-01")
    assert emulator.find("workspaces", "Growth")
    assert emulator.now == datetime(2027, 1, 1, tzinfo=UTC)

    emulator.reset()
    assert emulator.find("workspaces", "Support")
    assert emulator.now == NINE


def test_objects_are_added_from_a_file(emulator, tmp_path):
    path = tmp_path / "more.yaml"
    path.write_text("configs: [{name: Own, workspace: Support, config: {}}]")

    created = emulator.seed(path)["configs"]["Own"]

    assert created["slug"] == emulator.find("configs", "Own")["slug"]
    path.write_text("configs: [{name: Own}]")
    with pytest.raises(SeedError, match=rf"{path}: configs\[0\].config: is missing; add it"):
        emulator.seed(path)


def test_without_traffic_there_are_no_requests_of_models():
    with portkey_emulator(traffic=False) as emulator:
        assert "month" not in emulator.control("GET /emulator/state")["tables"]["_traffic"]


# Time


def test_the_clock_stands_and_moves_when_told(emulator):
    assert emulator.now == NINE
    emulator.advance(60)
    emulator.advance(timedelta(minutes=1))
    assert emulator.now == NINE + timedelta(minutes=2)
    emulator.set_time("2026-11-03T00:00:00+02:00")
    assert emulator.now == datetime(2026, 11, 2, 22, tzinfo=UTC)
    emulator.set_time(datetime(2026, 11, 3, tzinfo=timezone(timedelta(hours=1))))
    assert emulator.control("GET /emulator/clock") == {"now": "2026-11-02T23:00:00.000Z"}
    with pytest.raises(ControlError, match=r"is before 2026-11-02T23:00:00\.000Z, the emul"):
        emulator.set_time("2026-11-01")


def test_the_real_time_can_be_used():
    with portkey_emulator("empty", now=None) as emulator:
        assert abs(emulator.now - datetime.now(UTC)) < timedelta(seconds=10)


# Faults


def test_a_fault_of_a_route_is_the_same_over_the_socket_and_in_process(emulator):
    emulator.fail("GET /configs", status=429, times=2, retry_after=3, message="Slow down")

    over_http, in_process = get(emulator, "/configs"), emulator.client().get("/configs")
    assert over_http.content == in_process.content
    assert (over_http.status_code, over_http.headers["retry-after"]) == (429, "3")
    assert over_http.json()["data"]["message"] == "Slow down"
    assert get(emulator, "/configs").status_code == 200


def test_a_canned_answer_holds_until_faults_are_cleared(emulator):
    emulator.respond("POST /chat/completions", {"id": "1"})
    client = emulator.client()

    assert [client.post("/chat/completions").json() for _ in range(2)] == [{"id": "1"}] * 2
    emulator.clear_faults()
    assert client.post("/chat/completions").status_code == 404


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"route": "POST /config", "status": 429}, "did you mean 'POST /configs'"),
        ({"status": 42}, "^status: Input should be greater than or equal to 200"),
        ({}, "^needs a status, a delay_ms or a drop"),
    ],
)
def test_a_fault_that_does_nothing_is_refused(emulator, fault, message):
    with pytest.raises(ValueError, match=message):
        emulator.fail(**fault)


def test_a_delay_beyond_the_timeout_of_the_client_is_its_timeout(emulator):
    emulator.fail("POST /configs", delay=30, times=3)
    support = emulator.find("workspaces", "Support")["id"]
    body = {"name": "Late", "config": {}, "workspace_id": support}
    started = time.monotonic()

    with emulator.client() as client, pytest.raises(httpx.ReadTimeout):
        client.post("/configs", json=body, timeout=0.02)
    with pytest.raises(httpx.ReadTimeout):
        asyncio.run(post_asynchronously(emulator, body))

    assert time.monotonic() - started < 10
    assert emulator.find("configs", "Late")


async def post_asynchronously(emulator, body):
    headers = {"x-portkey-api-key": emulator.key()}
    transport = emulator.async_transport()
    async with httpx.AsyncClient(transport=transport, headers=headers, timeout=0.02) as client:
        await client.post("https://api.portkey.ai/v1/configs", json=body)


@pytest.mark.parametrize("drop", ["before", "after"])
@pytest.mark.parametrize("in_process", [True, False])
def test_a_closed_connection_is_an_error_of_the_protocol(emulator, drop, in_process):
    emulator.fail("GET /configs", drop=drop)

    with pytest.raises(httpx.RemoteProtocolError):
        emulator.client().get("/configs") if in_process else get(emulator, "/configs")

    assert [each.status for each in emulator.requests] == [None if drop == "before" else 200]


# The organisation


def test_a_budget_can_be_spent_and_the_plan_set(emulator):
    emulator.spend("api_keys", "Workspace user", 50)
    assert emulator.find("api_keys", "Workspace user")["status"] == "exhausted"
    emulator.set_plan("pro")
    assert emulator.client().get("/policies/usage-limits").status_code == 403
    with pytest.raises(ControlError, match=r"POST /emulator/plan: .*plan: Input should be"):
        emulator.set_plan("gold")
    with pytest.raises(SeedError, match="confgs: no such collection; did you mean 'configs'"):
        emulator.find("confgs", "A")


def test_a_transport_answers_whatever_the_host_is(emulator):
    headers = {"x-portkey-api-key": emulator.key()}
    with httpx.Client(transport=emulator.transport(), headers=headers) as client:
        assert client.get("https://api.portkey.ai/v1/admin/workspaces").json()["total"] == 3


async def test_the_asynchronous_transport_answers_too(emulator):
    headers = {"x-portkey-api-key": emulator.key()}
    async with httpx.AsyncClient(transport=emulator.async_transport(), headers=headers) as client:
        answer = await client.post("https://api.portkey.ai/v1/configs", json={"name": "A"})
    assert answer.status_code == 400
    assert emulator.requests[-1].body == {"name": "A"}


@pytest.fixture
def _threads_take_turns_often():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_threads_take_turns_often")
def test_threads_may_ask_at_the_same_time(emulator):
    client = emulator.client()

    def create(number):
        return client.post("/admin/workspaces", json={"name": f"W{number}"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(create, range(80))) == {200}
    listed = client.get("/admin/workspaces").json()
    assert (listed["total"], len(emulator.requests)) == (83, 81)
    assert len({each["id"] for each in listed["data"]}) == 83


def test_every_public_name_can_be_imported():
    assert all(getattr(testing, name) for name in testing.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = testing.nothing

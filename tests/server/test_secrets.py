"""The key is sent to Portkey in one header, and appears nowhere else."""

from pathlib import Path

import pytest

from fake_portkey import Answer, FakePortkey
from portkey_admin_mcp.emulator.core.app import Emulator

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
CANARY = "Canary"
"""A part of every key in these tests. Quoting and escaping do not change its letters."""

PLAIN = f"pk-{CANARY}+1/7f3a9c=="
AWKWARD = f'pk-"{CANARY}"\\1/%2B\'{{0}}=='


def refusal(key, status):
    return Answer(
        status, {"success": False, "data": {"message": f"no, {key}!", "errorCode": "AB0"}}
    )


def failing_answers(key):
    """The possible answers to a write, each with a text that the result must contain."""
    location = {"location": f"https://elsewhere.example/v1?key={key}&token={CANARY}"}
    return [
        (Answer(body={"id": "w-1"}), '{"id":"w-1"'),
        (refusal(key, 401), "Portkey answered 401 AB0"),
        (refusal(key, 403), "Portkey answered 403 AB0"),
        (refusal(key, 500), "Portkey answered 500 AB0"),
        (Answer(400, {"message": [key], "error": {key: key}}), "Portkey answered 400"),
        (Answer(422, {"error": {"message": key, "code": key}}), "Portkey answered 422"),
        (Answer(502, f"<html>{key}".encode()), "Portkey answered 502"),
        (Answer(307, {"message": f"see {key}"}, location), "Redirects are not followed"),
        (Answer(body=f"<html>{key}".encode()), "the answer is not JSON"),
        ("close", "the connection broke"),
        ("cut", "the connection broke"),
        ("reset", "the connection broke"),
    ]


@pytest.mark.parametrize(
    ("log_format", "key"), [("text", PLAIN), ("json", AWKWARD)], ids=["text", "json"]
)
def test_the_key_is_never_shown_whatever_portkey_answers(start, log_format, key):
    fake = FakePortkey()
    env = {"PORTKEY_API_KEY": key, "LOG_LEVEL": "debug", "LOG_FORMAT": log_format}
    with start(env={**fake.settings, **env}) as server:
        server.open()
        with fake:
            for behaviour, advice in failing_answers(key):
                fake.script([behaviour])
                assert advice in text_of(server.call("create_workspace", name="Any"))
                assert [request.headers["x-portkey-api-key"] for request in fake.requests] == [key]
            fake.script(["reset", Answer()])
            assert not server.call("list_workspaces")["isError"]
        # The fake is down now.
        assert "no connection" in text_of(server.call("list_workspaces"))
        server.close_input()
        server.wait_for_exit()

        assert CANARY not in server.stderr
        assert CANARY not in server.said.decode()
        assert "POST /admin/workspaces answered 401" in server.stderr


def test_the_sandbox_shows_neither_the_configured_key_nor_a_seeded_one(start):
    with start("--sandbox", env={"PORTKEY_API_KEY": PLAIN, "LOG_LEVEL": "debug"}) as server:
        server.open()
        assert server.call("list_api_keys")["structuredContent"]["data"]
        server.call("get_workspace", workspace_id="ws-nobody-knows")
        server.close_input()
        server.wait_for_exit()

        text = server.stderr + server.said.decode()
    assert "PORTKEY_API_KEY names no key of the sandbox" in text
    assert not [secret for secret in secrets() if secret in text]


@pytest.mark.parametrize(
    "settings",
    [
        {"PORTKEY_API_KEY": f"{CANARY} and more"},
        {"PORTKEY_BASE_URL": f"https://me:{CANARY}@portkey.example/v1"},
        {"PORTKEY_BASE_URL": f"https://portkey.example/v1?key={CANARY}"},
        {"PORTKEY_BASE_URL": CANARY},
        {"PORTKEY_TIMEOUT_MS": CANARY, "PORTKEY_SANDBOX": CANARY, "PORTKEY_TOOL_MODE": CANARY},
    ],
    ids=["key", "password", "query", "address", "others"],
)
def test_a_secret_in_the_wrong_setting_is_refused_and_not_shown(start, settings):
    with start(env=settings) as server:
        assert server.stops() == 1

        assert [name for name in settings if name not in server.stderr] == []
        assert CANARY not in server.stderr


def test_no_snapshot_holds_a_key():
    snapshots = {path: path.read_text() for path in SNAPSHOTS.rglob("*") if path.is_file()}

    assert snapshots
    holders = [path for path, text in snapshots.items() if any(s in text for s in secrets())]
    assert holders == []


def secrets():
    return [CANARY, *Emulator().keys().values()]


def text_of(result):
    return "\n".join(part["text"] for part in result["content"])

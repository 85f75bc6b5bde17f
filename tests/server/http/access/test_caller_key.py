"""Whose Portkey key a request uses, and what is refused."""

import io
import json
import logging
import os
import signal

import pytest
from pydantic import SecretStr, ValidationError

from portkey_admin_mcp.assembly import caller_keys, require_access_control
from portkey_admin_mcp.door_assembly import service_secret
from portkey_admin_mcp.errors import ConfigurationError
from portkey_admin_mcp.safety.caller import Caller
from portkey_admin_mcp.safety.state_dir import stored_secret
from portkey_admin_mcp.server.http.access.caller_key import CallerKeys
from portkey_admin_mcp.server.http.request import RequestRefused
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.logging import MaskingFormatter
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings

ADA, BEN = Caller("bearer:ada"), Caller("bearer:ben")
TOKENS = json.dumps({"ada": "a-token-of-ada-alone", "ben": "a-token-of-ben-alone"})
BEARER = {"MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKENS": TOKENS}
CANARY = "pk-a-canary-of-adas"
MAPPING = json.dumps({"bearer:ada": CANARY})
SECRET = bytes(32)


def keys(mode="server", *, has_server_key=True, secret=SECRET, **variables):
    hosting = Hosting(PORTKEY_KEY_MODE=mode, **BEARER, **variables)
    return CallerKeys(hosting, secret, has_server_key=has_server_key)


def secret_of(key):
    return None if key is None else key.secret.get_secret_value()


@pytest.mark.parametrize(
    ("mode", "header", "expected"),
    [
        ("server", [], None),
        ("caller", ["pk-of-my-own"], "pk-of-my-own"),
        ("either", ["pk-of-my-own"], "pk-of-my-own"),
        ("either", [], None),
    ],
)
def test_the_mode_says_whose_key_is_used(mode, header, expected):
    assert secret_of(keys(mode).key_of(ADA, header)) == expected


@pytest.mark.parametrize(
    ("mode", "header", "status", "message"),
    [
        ("server", ["pk-of-my-own"], 400, "does not take a Portkey key from its callers"),
        ("server", [""], 400, "does not take a Portkey key from its callers"),
        ("caller", [], 403, "Send your own Portkey API key in the header X-Portkey-Api-Key"),
        ("caller", [""], 400, "X-Portkey-Api-Key is empty"),
        ("either", [""], 400, "X-Portkey-Api-Key is empty"),
        ("caller", ["pk-of-a", "pk-of-b"], 400, "Send one header X-Portkey-Api-Key"),
        ("caller", ["${PORTKEY_KEY}"], 400, "X-Portkey-Api-Key is a placeholder"),
        ("caller", ["Bearer pk-1"], 400, "begins with the word Bearer"),
        ("caller", ["pk-1\r\nx: y"], 400, "another character that keys do not have"),
        ("caller", ["x" * 513], 400, "has more than 512 characters"),
    ],
)
def test_a_header_that_is_wrong_or_missing_is_refused(mode, header, status, message):
    with pytest.raises(RequestRefused, match=message) as refused:
        keys(mode).key_of(ADA, header)

    assert refused.value.status == status
    assert not any(value and value in str(refused.value) for value in header)


def test_without_a_key_of_the_server_each_caller_must_send_one():
    with pytest.raises(RequestRefused, match="Send your own"):
        keys("either", has_server_key=False).key_of(ADA, [])


@pytest.mark.parametrize("mode", ["server", "caller", "either"])
def test_a_configured_key_wins_and_is_of_one_principal_only(mode):
    chosen = keys(mode, PORTKEY_CALLER_KEYS=MAPPING)

    assert secret_of(chosen.key_of(ADA, [])) == CANARY
    if mode != "server":
        assert secret_of(chosen.key_of(ADA, [CANARY])) == CANARY
        with pytest.raises(RequestRefused, match="A Portkey key is configured for you") as refused:
            chosen.key_of(ADA, ["pk-of-my-own"])
        assert refused.value.status == 403
    for other in (BEN, Caller("clerk:ada"), Caller("bearer:bearer:ada")):
        if mode == "caller":
            with pytest.raises(RequestRefused):
                chosen.key_of(other, [])
        else:
            assert chosen.key_of(other, []) is None


def test_a_fingerprint_is_of_one_key_and_one_service_and_shows_nothing():
    def fingerprint(key, secret=SECRET):
        return keys("caller", secret=secret).key_of(ADA, [key]).fingerprint

    assert fingerprint("pk-1") == fingerprint("pk-1")
    others = {fingerprint("pk-2"), fingerprint("pk-1", b"another secret of this service")}
    assert len({fingerprint("pk-1"), *others}) == 3
    assert len(fingerprint("pk-1")) == 32
    chosen = keys("caller").key_of(ADA, [CANARY])
    assert CANARY not in repr(chosen)
    assert CANARY not in repr(keys(PORTKEY_CALLER_KEYS=MAPPING).key_of(ADA, []))


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"ada": CANARY}, "'ada' is no principal of MCP_AUTH_MODE=bearer; write bearer:NAME"),
        ({"clerk:ada": CANARY}, "is no principal of MCP_AUTH_MODE=bearer"),
        ({"bearer:": CANARY}, "is no principal of MCP_AUTH_MODE=bearer"),
        ({"bearer:eve": CANARY}, "there is no bearer token of 'eve'"),
        ({"bearer:ada": f"{CANARY} "}, "the key of bearer:ada contains a space"),
        ({"bearer:ada": "${KEY}"}, "the key of bearer:ada is a placeholder"),
    ],
)
def test_a_wrong_mapping_stops_the_start(mapping, message, tmp_path):
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(mapping))

    with pytest.raises(ValidationError, match=message) as in_variable:
        Hosting(**BEARER, PORTKEY_CALLER_KEYS=json.dumps(mapping))
    hosting = Hosting(**BEARER, PORTKEY_CALLER_KEYS_FILE=file)
    with pytest.raises(ConfigurationError, match=message) as in_file:
        require_access_control(Settings(), hosting)

    assert CANARY not in f"{in_variable.value}{in_file.value}"


@pytest.mark.parametrize(
    "content", [b"\xff", b"{", f'["{CANARY}"]'.encode(), f'{{"bearer:ada": ["{CANARY}"]}}'.encode()]
)
def test_a_wrong_file_is_told_by_its_path_only(content, tmp_path):
    file = tmp_path / "keys.json"
    file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"keys\.json") as wrong:
        Hosting(**BEARER, PORTKEY_CALLER_KEYS_FILE=file).read_caller_keys()

    assert CANARY not in str(wrong.value)


def test_a_missing_file_two_sources_and_callers_without_names_are_refused(tmp_path):
    missing = tmp_path / "missing.json"
    with pytest.raises(ConfigurationError, match="No such file"):
        Hosting(**BEARER, PORTKEY_CALLER_KEYS_FILE=missing).read_caller_keys()
    with pytest.raises(ValidationError, match="are both set"):
        Hosting(**BEARER, PORTKEY_CALLER_KEYS=MAPPING, PORTKEY_CALLER_KEYS_FILE=missing)
    with pytest.raises(ValidationError, match="set MCP_AUTH_MODE"):
        Hosting(PORTKEY_CALLER_KEYS=json.dumps({"anonymous:anybody": CANARY}))


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_the_file_is_read_again_at_sighup_and_a_wrong_one_changes_nothing(tmp_path, caplog):
    file, calls = tmp_path / "keys.json", []
    file.write_text(MAPPING)
    before = signal.signal(signal.SIGHUP, lambda *_: calls.append("the handler before"))
    try:
        hosting = Hosting(**BEARER, PORTKEY_CALLER_KEYS_FILE=file)
        chosen = caller_keys(Settings(), hosting, SECRET)
        file.write_text(json.dumps({"bearer:ben": "pk-of-ben"}))
        os.kill(os.getpid(), signal.SIGHUP)
        assert chosen.key_of(ADA, []) is None
        assert secret_of(chosen.key_of(BEN, [])) == "pk-of-ben"
        file.write_text(f'{{"{CANARY}": "{CANARY}"')
        os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert secret_of(chosen.key_of(BEN, [])) == "pk-of-ben"
    assert calls == ["the handler before"] * 2
    assert "the callers' keys were not reloaded: PORTKEY_CALLER_KEYS_FILE" in caplog.text
    assert CANARY not in caplog.text


@pytest.mark.parametrize("mode", ["server", "caller", "either"])
def test_the_service_starts_without_a_key_of_its_own(mode):
    require_access_control(Settings(), Hosting(PORTKEY_KEY_MODE=mode, **BEARER))


def test_a_ready_check_at_portkey_needs_a_key_of_the_server():
    hosting = Hosting(PORTKEY_KEY_MODE="caller", MCP_READY_CHECK_MODE="portkey", **BEARER)

    with pytest.raises(ConfigurationError, match="MCP_READY_CHECK_MODE=portkey"):
        require_access_control(Settings(), hosting)
    require_access_control(Settings(PORTKEY_API_KEY="pk-of-the-server"), hosting)


def test_all_processes_of_a_service_make_the_same_fingerprints(tmp_path):
    hosting = Hosting(PORTKEY_KEY_MODE="caller", **BEARER)

    def secret(folder=tmp_path, key=None, on=hosting):
        safety = SafetySettings(PORTKEY_STATE_DIR=folder)
        settings = Settings(PORTKEY_API_KEY=None if key is None else SecretStr(key))
        return service_secret(settings, on, safety)

    with_event_key = Hosting(
        PORTKEY_KEY_MODE="caller", MCP_EVENT_ENCRYPTION_KEY="A" * 43 + "=", **BEARER
    )
    assert secret() == secret()
    assert secret(key="pk-1") == secret(tmp_path / "other", key="pk-1")
    different = {secret(), secret(tmp_path / "other"), secret(key="pk-1"), secret(key="pk-2")}
    assert len(different) == 4
    assert secret(key="pk-1", on=with_event_key) == secret(key="pk-2", on=with_event_key)
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_cannot_be_kept_stops_the_start(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="set MCP_EVENT_ENCRYPTION_KEY"):
        stored_secret(tmp_path / "file")
    (tmp_path / "secret.key").write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="does not hold 32 bytes"):
        stored_secret(tmp_path)


def test_configured_keys_are_masked_in_the_log_also_those_that_come_later(tmp_path):
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(MaskingFormatter("text", ()))
    logging.getLogger().addHandler(handler)
    file = tmp_path / "keys.json"
    try:
        file.write_text(MAPPING)
        chosen = keys(PORTKEY_CALLER_KEYS_FILE=file)
        file.write_text(json.dumps({"bearer:ada": "pk-a-later-one"}))
        chosen.reload()
        logging.getLogger("tests").error("%s, pk-a-later-one", CANARY)
    finally:
        logging.getLogger().removeHandler(handler)

    assert log.getvalue().endswith("tests: ***, ***\n")
    assert CANARY in Hosting(**BEARER, PORTKEY_CALLER_KEYS=MAPPING).secrets

"""`doctor` finds what is wrong, says what to do about it, and shows no secret."""

import json
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib import metadata

import pytest

from asgi_server import serve_app
from certificates import Authority
from fake_portkey import Answer, FakePortkey, nobody_listening
from portkey_admin_mcp.cli.doctor import network
from portkey_admin_mcp.cli.doctor.clients import check_clients
from portkey_admin_mcp.clients.launcher import typed_command
from portkey_admin_mcp.clients.places import file_of, this_system
from portkey_admin_mcp.clients.servers import HostedServer, LocalServer
from portkey_admin_mcp.clients.snippets import snippet
from portkey_admin_mcp.clients.table import BY_KEY, CLIENTS
from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.asgi import asgi
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.settings.folders import Folders
from portkey_admin_mcp.settings.settings import load_settings
from redis_process import running_redis
from token_issuer import Issuer

KEY = "pk-canary-0123456789abcdef"
LOCAL = {"PORTKEY_ALLOW_PRIVATE_BASE_URL": "true", "PORTKEY_ALLOW_INSECURE_HTTP": "true"}
AREAS = ("program", "settings", "network", "portkey", "state", "service", "clients")
NO_PORTKEY = {"PORTKEY_API_KEY": KEY, "PORTKEY_BASE_URL": "https://portkey.invalid/v1"}
"""For what is checked without Portkey: the sandbox would first make up a month of requests."""
NO_KEY = Answer(401, {"message": "Unauthorized"})


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, and an empty project."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    for name in ("XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def doctor(run, home):
    """Run `doctor --json`; the findings by name, and the exit code."""

    def check(*options, code=None, **variables):
        result = run("doctor", "--json", *options, **variables)
        assert KEY not in result.output
        answer = json.loads(result.stdout)
        findings = {each["name"]: each for each in answer["findings"]}
        assert result.exit_code == (1 if answer["failed"] else 0), result.output
        if code is not None:
            assert result.exit_code == code, result.output
        return findings

    return check


def test_with_the_sandbox_nothing_is_wrong_and_every_area_is_looked_at(run, home):
    result = run("doctor", "--sandbox")

    assert result.exit_code == 0, result.output
    assert result.output.endswith("✓ Nothing is wrong.\n")
    assert [line for line in result.output.splitlines() if line in AREAS] == [*AREAS]
    assert metadata.version("portkey-admin-mcp") in result.output
    assert "✓ key: accepted; kind: organisation of the sandbox" in result.output
    assert "– all: the sandbox needs no network" in result.output


def test_each_setting_says_where_it_came_from_and_no_secret_is_shown(doctor, home):
    file = home / "settings.env"
    file.write_text(f"PORTKEY_API_KEY={KEY}\nPORTKEY_READ_ONLY=true\n")
    findings = doctor("--offline", "--env-file", str(file), PORTKEY_TIMEOUT_MS="5000")

    assert findings["PORTKEY_API_KEY"]["detail"] == f"set ({len(KEY)} characters), from {file}"
    assert findings["PORTKEY_READ_ONLY"]["detail"] == f"True, from {file}"
    assert findings["PORTKEY_TIMEOUT_MS"]["detail"] == "5000, from the environment"


@pytest.mark.parametrize(
    ("variables", "name", "state", "cure"),
    [
        ({"PORTKEY_TIMEOUT_MS": "soon"}, "values", "failed", "doctor --setting NAME"),
        ({"PORTKEY_READ_ONYL": "1"}, "PORTKEY_READ_ONYL", "warning", "PORTKEY_READ_ONLY?"),
        ({"PORTKEY_VIRTUAL_KEY": "x"}, "PORTKEY_VIRTUAL_KEY", None, ""),
        ({"PORTKEY_API_KEY": ""}, "key", "failed", "--sandbox"),
        ({"PORTKEY_JOURNAL": "off"}, "journal", "warning", "PORTKEY_JOURNAL"),
    ],
)
def test_a_wrong_setting_is_named_with_the_cure(doctor, variables, name, state, cure):
    with FakePortkey() as portkey:
        portkey.script([NO_KEY])
        findings = doctor(**{"PORTKEY_API_KEY": KEY, **portkey.settings, **variables})

    if state is None:
        assert name not in findings
    else:
        assert (findings[name]["state"], cure in findings[name]["cure"]) == (state, True)


def test_a_host_without_an_address_ends_the_checks_of_the_network(doctor):
    findings = doctor(**NO_PORTKEY, code=1)

    assert findings["DNS"]["state"] == "failed"
    assert "portkey.invalid" in findings["DNS"]["detail"]
    assert "answer" not in findings
    assert findings["key"] == {
        "area": "portkey",
        "name": "key",
        "state": "skipped",
        "detail": "Portkey cannot be reached",
    }
    assert "PORTKEY_BASE_URL" in findings["DNS"]["cure"]


@pytest.mark.parametrize("options", [(), ("--offline",)], ids=" ".join)
def test_without_a_key_that_is_said_whatever_the_network(doctor, options):
    findings = doctor(*options, PORTKEY_BASE_URL="https://portkey.invalid/v1", code=1)

    assert findings["key"]["detail"] == "PORTKEY_API_KEY is not set"


def test_a_service_whose_callers_bring_their_keys_needs_none(doctor):
    findings = doctor("--offline", PORTKEY_KEY_MODE="caller", MCP_AUTH_MODE="none")

    assert findings["key"]["state"] == "skipped"
    assert "each caller of the service sends one" in findings["key"]["detail"]


@pytest.mark.parametrize(
    ("base_url", "has_proxy", "expected"),
    [
        (None, False, "Check this machine's network and its DNS server"),
        ("https://portkey.invalid/v1", False, "Check the name in PORTKEY_BASE_URL,"),
        (None, True, "Check the name in the variable of the proxy,"),
    ],
)
async def test_the_cure_for_a_name_without_an_address_names_only_what_is_set(
    base_url, has_proxy, expected
):
    settings = load_settings(None, **({"PORTKEY_BASE_URL": base_url} if base_url else {}))
    where_named = network.where_named(settings, has_proxy=has_proxy)
    finding = await network.resolved("portkey.invalid", 443, where_named)

    assert finding.state == "failed"
    assert finding.cure.startswith(expected)


def test_a_proxy_that_cannot_be_used_is_named_without_its_password(doctor):
    proxy = "http://me:secret-of-the-proxy@proxy.invalid:3128"
    findings = doctor(
        PORTKEY_API_KEY=KEY, HTTPS_PROXY=proxy, https_proxy=proxy, NO_PROXY="", no_proxy=""
    )

    assert findings["proxy"]["detail"] == "through http://proxy.invalid:3128"
    assert findings["DNS"]["state"] == "failed"
    assert "secret-of-the-proxy" not in json.dumps(findings)


def test_nobody_listening_is_said(doctor):
    with nobody_listening() as url:
        findings = doctor(PORTKEY_API_KEY=KEY, PORTKEY_BASE_URL=url, **LOCAL, code=1)

    assert findings["answer"]["state"] == "failed"
    assert "PORTKEY_BASE_URL" in findings["answer"]["cure"]


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_certificate_is_trusted_or_the_cure_is_named(doctor, home, is_trusted):
    authority = Authority(home)
    key, certificate = authority.issue("portkey")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    other = home / "other"
    other.mkdir()
    trusted = authority if is_trusted else Authority(other)
    with FakePortkey(context) as portkey:
        portkey.script([NO_KEY])
        settings = {**portkey.settings, "SSL_CERT_FILE": str(trusted.file)}
        findings = doctor(PORTKEY_API_KEY=KEY, **settings)

    if is_trusted:
        # Valid for an hour.
        assert (findings["TLS"]["state"], findings["answer"]["state"]) == ("warning", "ok")
    else:
        assert findings["TLS"]["state"] == "failed"
        assert "SSL_CERT_FILE" in findings["TLS"]["cure"]
        assert "answer" not in findings


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (NO_KEY, "ok"),
        (Answer(404, b"<html>"), "warning"),
        (Answer(200, {"status": "ok"}), "warning"),
        (Answer(302, {}, {"location": "https://other.example"}), "warning"),
    ],
)
def test_only_portkey_answers_as_portkey_does(doctor, answer, state):
    with FakePortkey() as portkey:
        portkey.script([answer])
        findings = doctor(PORTKEY_API_KEY=KEY, **portkey.settings)

    assert findings["answer"]["state"] == state
    assert not any("x-portkey-api-key" in each.headers for each in portkey.requests[:1])


@pytest.mark.parametrize(("minutes", "state"), [(0, "ok"), (10, "warning"), (-10, "warning")])
def test_a_wrong_clock_is_noticed(doctor, minutes, state):
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    with FakePortkey() as portkey:
        portkey.script([Answer(401, {}, {"date": date})])
        findings = doctor(PORTKEY_API_KEY=KEY, **portkey.settings)

    assert findings["clock"]["state"] == state
    if minutes:
        side = "behind" if minutes > 0 else "ahead of"
        assert side in findings["clock"]["detail"]


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("owner", {"key": "ok", "scopes": "ok", "plan": "ok", "tools": "ok"}),
        ("scopeless", {"key": "ok", "tools": "warning"}),
        ("wrong", {"key": "failed"}),
    ],
)
def test_the_key_and_what_it_may_do(doctor, name, states):
    emulator = Emulator("acme", frozen_time)
    key = emulator.keys().get(name, KEY)
    with serve_app(lambda _port: asgi(emulator)) as url:
        findings = doctor(PORTKEY_API_KEY=key, PORTKEY_BASE_URL=f"{url}/v1", **LOCAL)

    assert {name: findings[name]["state"] for name in states} == states
    assert findings["answer"]["state"] == "ok"
    assert key not in json.dumps(findings)
    if name == "scopeless":
        assert "will fail" in findings["tools"]["detail"]


def test_a_freeze_and_a_broken_journal_are_named(doctor, run, home):
    run("freeze", "--why", "an incident")
    findings = doctor(**NO_PORTKEY)
    assert findings["freeze"]["state"] == "warning"
    assert "an incident" in findings["freeze"]["detail"]
    assert findings["freeze"]["cure"] == f"A person ends it: `{typed_command()} thaw`."
    assert findings["journal"]["detail"] == "the chain of 0 lines holds"

    (home / "state" / "state.db").write_bytes(b"no database")
    findings = doctor(**NO_PORTKEY)
    assert findings["freeze"]["state"] == "failed"


def test_the_cure_for_a_freeze_of_the_sandbox_names_the_sandbox(doctor, run):
    run("freeze", "--sandbox", "--why", "an incident")
    findings = doctor("--sandbox")

    assert findings["freeze"]["cure"] == f"A person ends it: `{typed_command()} thaw --sandbox`."
    cure = findings["tools"]["cure"]
    assert f"`{typed_command()} call whoami --sandbox names=true` names each" in cure
    assert cure.endswith(f"A person ends the freeze: `{typed_command()} thaw --sandbox`.")
    assert "scopes" not in cure


def test_redis_answers_or_is_named_without_its_password(doctor):
    with running_redis("password-of-redis") as redis:
        good = doctor(**NO_PORTKEY, MCP_REDIS_URL=redis.url)
        wrong = doctor(**NO_PORTKEY, MCP_REDIS_URL=redis.url.replace("password-of", "another"))
    away = doctor(**NO_PORTKEY, MCP_REDIS_URL=redis.url)

    assert good["Redis"]["state"] == "ok"
    assert "appendonly" in good["Redis keeps"]["detail"]
    assert "password" in wrong["Redis"]["detail"]
    assert away["Redis"]["state"] == "failed"
    assert "password-of-redis" not in json.dumps([good, wrong, away])


@pytest.mark.parametrize("is_right", [True, False])
def test_the_issuer_of_tokens_is_read(doctor, is_right):
    issuer = Issuer()
    try:
        documents = issuer.publish_metadata()
        if not is_right:
            documents.clear()
        findings = doctor(
            **NO_PORTKEY,
            MCP_AUTH_MODE="oidc",
            MCP_OIDC_ISSUER=issuer.url,
            MCP_OIDC_AUDIENCE="https://mcp.example.com/mcp",
            MCP_OIDC_ALLOW_PRIVATE_ISSUER="true",
        )
    finally:
        issuer.stop()

    assert findings["issuer"]["state"] == ("ok" if is_right else "failed")


def entries(home):
    """What is found in the files of clients, by name."""
    return {each.name: each for each in check_clients(Folders(HOME=home), home / "project")}


@pytest.mark.parametrize(
    "client", [each for each in CLIENTS if each.can_install], ids=lambda client: client.key
)
def test_what_install_wrote_is_found_and_right(run, home, client):
    run("install", client.key, "--sandbox")
    (finding,) = entries(home).values()

    assert finding.state == "ok", finding
    assert client.name in finding.name
    assert "starts" in finding.detail


def test_an_entry_of_claude_code_for_this_folder_is_found(run, home):
    entry = {"command": "/nowhere/portkey-admin-mcp", "args": ["--sandbox"]}
    projects = {str(home / "project"): {"mcpServers": {"portkey": entry}}}
    (home / ".claude.json").write_text(json.dumps({"projects": projects}))

    (finding,) = entries(home).values()

    assert finding.state == "failed"
    assert finding.name.endswith("portkey, which it prefers in this folder")


def mcp_json(**entry):
    return json.dumps({"mcpServers": {"portkey": entry, "other": {"command": "nothing"}}})


@pytest.mark.parametrize(
    ("text", "state", "words"),
    [
        ('{"mcpServers": {', "failed", "is no JSON"),
        (mcp_json(command="/nowhere/portkey-admin-mcp"), "failed", "which is not there"),
        (
            mcp_json(command="sh", args=["portkey-admin-mcp"], env={"PORTKEY_API_KEY": KEY}),
            "warning",
            "stands in the file",
        ),
        (
            mcp_json(command="sh", args=["portkey-admin-mcp"], env={"PORTKEY_API_KEY": "${X}"}),
            "ok",
            "starts sh",
        ),
        (
            mcp_json(command="sh", args=["portkey-admin-mcp"], env={"A": "YOUR_PORTKEY_API_KEY"}),
            "failed",
            "placeholder",
        ),
        (mcp_json(url="http://mcp.acme.example/mcp"), "failed", "without TLS"),
        (mcp_json(url="https://mcp.acme.example/mcp"), "ok", "connects to"),
        (
            mcp_json(
                url="https://mcp.acme.example/mcp", headers={"Authorization": f"Bearer {KEY}"}
            ),
            "warning",
            "a token stands in the file",
        ),
    ],
)
def test_what_is_wrong_in_a_clients_file_is_said(home, text, state, words):
    file = home / ".cursor" / "mcp.json"
    file.parent.mkdir()
    file.write_text(text)
    (finding,) = entries(home).values()

    assert (finding.state, words in finding.detail) == (state, True), finding
    assert (state == "ok") == (not finding.cure)
    assert file.read_text() == text


def write_files(home, texts):
    """Write the file of each client, by its key."""
    for key, text in texts.items():
        file = file_of(BY_KEY[key], "user", Folders(HOME=home), home, this_system())
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.parametrize(
    ("server", "name", "words"),
    [
        (LocalServer("sh", ("/opt/portkey-admin-mcp",)), "admin", "starts sh"),
        (LocalServer("/nowhere/portkey-admin-mcp"), "admin", "which is not there"),
        (HostedServer("https://mcp.acme.example/mcp"), "portkey", "connects to"),
    ],
)
def test_an_entry_is_found_in_the_form_of_every_client(home, server, name, words):
    clients = [each for each in CLIENTS if each.form.hosted or isinstance(server, LocalServer)]
    write_files(home, {each.key: snippet(each.form, server, name) for each in clients})
    findings = entries(home)

    assert [title.partition(",")[0] for title in findings] == [each.name for each in clients]
    assert [each.detail for each in findings.values() if words not in each.detail] == []


def test_in_the_home_directory_a_file_is_looked_at_once(home):
    write_files(home, {"cursor": mcp_json(command="sh", args=["portkey-admin-mcp"])})
    findings = [*check_clients(Folders(HOME=home), home)]

    assert [each.detail for each in findings] == ["starts sh"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PORTKEY_TOOL_MODE", ["One of: full, search, code", "Default: full"]),
        ("PORTKEY_TOOL_DOMAINS", ["PORTKEY_TOOLSETS (also PORTKEY_TOOL_DOMAINS)", "Example: "]),
        ("redis", ["MCP_REDIS_URL", "MCP_REDIS_KEY_PREFIX", "Default: none"]),
    ],
)
def test_a_setting_is_described_without_the_documentation(run, name, words):
    result = run("doctor", "--setting", name)

    assert result.exit_code == 0
    assert [each for each in words if each not in result.output] == []
    assert "docs/" not in result.output
    settings = json.loads(run("doctor", "--setting", name, "--json").stdout)["settings"]
    assert all(each["names"][0] in result.output for each in settings)


def test_a_complete_name_describes_only_the_setting_of_that_name(run):
    answer = json.loads(run("doctor", "--setting", "portkey_tools", "--json").stdout)

    assert [each["names"] for each in answer["settings"]] == [["PORTKEY_TOOLS"]]


def test_a_setting_that_does_not_exist_is_refused_with_the_nearest(run):
    result = run("doctor", "--setting", "PORTKEY_APIKEY")

    assert result.exit_code == 2
    assert "did you mean PORTKEY_API_KEY" in result.output


def test_entries_of_other_programs_are_left_alone(home):
    write_files(home, {"gemini-cli": '{"mcpServers": {"other": {"command": "nothing"}}}'})

    assert [*entries(home)] == ["configurations"]

"""The configurations that the status page shows for each client."""

import json
import shlex
import tomllib

import pytest

from portkey_admin_mcp.server.http.pages.client_configs import client_configs

ENDPOINT = "https://mcp.acme.example/mcp"
NAME = "PORTKEY_ADMIN_MCP_TOKEN"


def configurations(with_token, with_key=False):
    shown = client_configs(ENDPOINT, with_token, with_key)
    return {c.key: c.before + ENDPOINT + c.after for c in shown if c.works}


def test_each_configuration_has_the_format_of_its_client():
    configs = configurations(with_token=False)

    assert shlex.split(configs["claude-code"]) == [
        *("claude", "mcp", "add", "--transport", "http", "portkey", ENDPOINT)
    ]
    assert configs["claude-desktop"] == ENDPOINT
    assert json.loads(configs["cursor"]) == {"mcpServers": {"portkey": {"url": ENDPOINT}}}
    assert json.loads(configs["vscode"]) == {
        "servers": {"portkey": {"type": "http", "url": ENDPOINT}}
    }
    assert tomllib.loads(configs["codex"]) == {"mcp_servers": {"portkey": {"url": ENDPOINT}}}
    assert json.loads(configs["gemini-cli"]) == {
        "mcpServers": {"portkey": {"type": "http", "url": ENDPOINT}}
    }
    assert json.loads(configs["windsurf"]) == {"mcpServers": {"portkey": {"serverUrl": ENDPOINT}}}


def test_configurations_name_a_variable_and_do_not_hold_the_token():
    configs = configurations(with_token=True)

    assert shlex.split(configs["claude-code"])[-2:] == [
        "--header",
        f"Authorization: Bearer ${NAME}",
    ]
    for key, reference in (
        ("cursor", f"${{env:{NAME}}}"),
        ("windsurf", f"${{env:{NAME}}}"),
        ("gemini-cli", f"${NAME}"),
    ):
        entry = json.loads(configs[key])["mcpServers"]["portkey"]
        assert entry["headers"] == {"Authorization": f"Bearer {reference}"}
    code = json.loads(configs["vscode"])
    assert code["inputs"][0]["password"] is True
    reference = f"Bearer ${{input:{code['inputs'][0]['id']}}}"
    assert code["servers"]["portkey"]["headers"] == {"Authorization": reference}
    assert tomllib.loads(configs["codex"])["mcp_servers"]["portkey"] == {
        "url": ENDPOINT,
        "bearer_token_env_var": NAME,
    }


def test_a_callers_own_key_is_sent_in_its_header():
    configs = configurations(with_token=True, with_key=True)

    for key, text in configs.items():
        assert "X-Portkey-Api-Key" in text, key
    assert len(json.loads(configs["vscode"])["inputs"]) == 2


@pytest.mark.parametrize(
    ("endpoint", "with_token", "note"),
    [
        (ENDPOINT, True, "sends no token"),
        ("http://127.0.0.1:3000/mcp", False, "install claude-desktop"),
    ],
)
def test_it_is_said_that_claude_desktop_cannot_reach_a_service(endpoint, with_token, note):
    desktop = next(c for c in client_configs(endpoint, with_token) if c.key == "claude-desktop")

    assert not desktop.works
    assert note in desktop.note

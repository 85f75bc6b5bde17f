"""The forms of clients whose programs tests cannot run, as their documentation shows them."""

import json
import tomllib

import pytest

from portkey_admin_mcp.clients.servers import (
    KEY_VARIABLE,
    HostedServer,
    LocalServer,
    Secret,
    token_secret,
)
from portkey_admin_mcp.clients.snippets import claude_command, configuration, snippet
from portkey_admin_mcp.clients.table import BY_KEY

URL = "https://mcp.acme.example/mcp"
LOCAL = LocalServer("/bin/p", ("--x",), {"A": "1"}, (Secret(KEY_VARIABLE),))
HOSTED = HostedServer(URL, token_secret())
TOKEN = "PORTKEY_ADMIN_MCP_TOKEN"
PROGRAM = {"command": "/bin/p", "args": ["--x"]}
GOOSE = {"enabled": True, "description": "Administer a Portkey organisation", "timeout": 300}
FORMS = {
    "claude-desktop": (
        {"mcpServers": {"p": PROGRAM | {"env": {"A": "1", KEY_VARIABLE: f"YOUR_{KEY_VARIABLE}"}}}},
        None,
    ),
    "cursor": (
        {
            "mcpServers": {
                "p": PROGRAM | {"env": {"A": "1", KEY_VARIABLE: "${env:PORTKEY_API_KEY}"}}
            }
        },
        {
            "mcpServers": {
                "p": {"url": URL, "headers": {"Authorization": f"Bearer ${{env:{TOKEN}}}"}}
            }
        },
    ),
    "vscode": (
        {
            "inputs": [
                {
                    "type": "promptString",
                    "id": "p-api-key",
                    "description": "Portkey API key",
                    "password": True,
                }
            ],
            "servers": {
                "p": PROGRAM
                | {"type": "stdio", "env": {"A": "1", KEY_VARIABLE: "${input:p-api-key}"}}
            },
        },
        {
            "inputs": [
                {
                    "type": "promptString",
                    "id": "p-token",
                    "description": "Token of the Portkey admin server",
                    "password": True,
                }
            ],
            "servers": {
                "p": {
                    "type": "http",
                    "url": URL,
                    "headers": {"Authorization": "Bearer ${input:p-token}"},
                }
            },
        },
    ),
    "windsurf": (
        {
            "mcpServers": {
                "p": PROGRAM | {"env": {"A": "1", KEY_VARIABLE: "${env:PORTKEY_API_KEY}"}}
            }
        },
        {
            "mcpServers": {
                "p": {"serverUrl": URL, "headers": {"Authorization": f"Bearer ${{env:{TOKEN}}}"}}
            }
        },
    ),
    "zed": (
        {
            "context_servers": {
                "p": PROGRAM | {"env": {"A": "1", KEY_VARIABLE: f"YOUR_{KEY_VARIABLE}"}}
            }
        },
        {
            "context_servers": {
                "p": {"url": URL, "headers": {"Authorization": f"Bearer YOUR_{TOKEN}"}}
            }
        },
    ),
    "goose": (
        {
            "extensions": {
                "p": GOOSE
                | {
                    "name": "p",
                    "type": "stdio",
                    "cmd": "/bin/p",
                    "args": ["--x"],
                    "envs": {"A": "1"},
                    "env_keys": [KEY_VARIABLE],
                }
            }
        },
        {
            "extensions": {
                "p": GOOSE
                | {
                    "name": "p",
                    "type": "streamable_http",
                    "uri": URL,
                    "headers": {"Authorization": f"Bearer ${{{TOKEN}}}"},
                    "env_keys": [TOKEN],
                }
            }
        },
    ),
    "antigravity": (
        {"mcpServers": {"p": PROGRAM | {"env": {"A": "1", KEY_VARIABLE: f"YOUR_{KEY_VARIABLE}"}}}},
        {
            "mcpServers": {
                "p": {"serverUrl": URL, "headers": {"Authorization": f"Bearer YOUR_{TOKEN}"}}
            }
        },
    ),
}


@pytest.mark.parametrize("client", FORMS)
def test_the_form_is_that_of_the_documentation(client):
    form = BY_KEY[client].form
    local, hosted = FORMS[client]

    assert configuration(form, LOCAL, "p") == local
    if hosted is not None:
        assert configuration(form, HOSTED, "p") == hosted


def test_toml_holds_any_text():
    text = 'a "quote", a \\ and\n\x7f é 😀'
    server = LocalServer(text, (text,), {"A": text})

    (entry,) = tomllib.loads(snippet(BY_KEY["codex"].form, server))["mcp_servers"].values()

    assert entry == {"command": text, "args": [text], "env": {"A": text}}


def test_the_command_for_claude_code_quotes_what_a_shell_would_read():
    local = claude_command(LocalServer("/my apps/p", ("--x",), {"A": "1 2"}))
    hosted = claude_command(HostedServer(f"{URL}?tools=users", token_secret()))

    assert local == "claude mcp add portkey '--env=A=1 2' -- '/my apps/p' --x"
    assert hosted == (
        f'claude mcp add --transport http portkey "{URL}?tools=users" \\\n'
        f'  --header "Authorization: Bearer ${TOKEN}"'
    )


def test_no_client_is_told_to_write_a_key():
    for client in BY_KEY.values():
        text = json.dumps(configuration(client.form, LOCAL, "p"))
        assert "PORTKEY_API_KEY" in text or client.form.asks
        assert "pk-" not in text

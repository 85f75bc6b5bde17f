"""The configurations with which MCP clients connect to this service."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

TOKEN_VARIABLE = "PORTKEY_ADMIN_MCP_TOKEN"  # noqa: S105  # the name of a variable, not a token


class ClientConfig(NamedTuple):
    """A client's configuration, split around the URL so that the page can change the URL."""

    key: str
    name: str
    location: str
    """The path of the configuration file, or where the command is run."""
    before: str
    after: str


def client_configs(endpoint: str, with_token: bool) -> list[ClientConfig]:
    """The configurations; with a token, they contain the name of a variable for it."""
    return [
        _client_config(
            "claude-code", "Claude Code", "Terminal", _claude(endpoint, with_token), endpoint
        ),
        _client_config(
            "cursor", "Cursor", "~/.cursor/mcp.json", _cursor(endpoint, with_token), endpoint
        ),
        _client_config(
            "vs-code", "VS Code", ".vscode/mcp.json", _vs_code(endpoint, with_token), endpoint
        ),
        _client_config(
            "windsurf",
            "Windsurf",
            "~/.codeium/windsurf/mcp_config.json",
            _windsurf(endpoint, with_token),
            endpoint,
        ),
    ]


def _claude(endpoint: str, with_token: bool) -> str:
    # Quoted because shells expand a question mark, as in `?tools=configs`.
    command = f'claude mcp add --transport http portkey "{endpoint}"'
    if not with_token:
        return command
    return f'{command} \\\n  --header "Authorization: Bearer ${TOKEN_VARIABLE}"'


def _cursor(endpoint: str, with_token: bool) -> str:
    entry = {"url": endpoint, **_header(f"${{env:{TOKEN_VARIABLE}}}", with_token)}
    return _json({"mcpServers": {"portkey": entry}})


def _vs_code(endpoint: str, with_token: bool) -> str:
    entry = {"type": "http", "url": endpoint, **_header("${input:portkey-token}", with_token)}
    if not with_token:
        return _json({"servers": {"portkey": entry}})
    token_input = {
        "type": "promptString",
        "id": "portkey-token",
        "description": "Token of the Portkey admin server",
        "password": True,
    }
    return _json({"inputs": [token_input], "servers": {"portkey": entry}})


def _windsurf(endpoint: str, with_token: bool) -> str:
    entry = {"serverUrl": endpoint, **_header(f"${{env:{TOKEN_VARIABLE}}}", with_token)}
    return _json({"mcpServers": {"portkey": entry}})


def _header(value: str, with_token: bool) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {value}"}} if with_token else {}


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False)


def _client_config(key: str, name: str, location: str, text: str, endpoint: str) -> ClientConfig:
    before, _, after = text.partition(endpoint)
    return ClientConfig(key, name, location, before, after)

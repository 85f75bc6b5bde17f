"""How each client writes a server into its configuration: the fields, and references to secrets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .servers import HostedServer, LocalServer, Secret, Server, headers, references

Entry = dict[str, Any]
Reference = Callable[[Secret], str]


@dataclass(frozen=True)
class Form:
    """How one client writes servers."""

    section: tuple[str, ...]
    """Where the servers are in the file; each is a member of it."""
    local: Callable[[LocalServer, Reference], Entry]
    hosted: Callable[[HostedServer, Reference], Entry] | None
    """None if the client takes no addresses from its file."""
    reference: str | None = None
    """How a variable of the environment is named, with `{}` for its name; None if it cannot be."""
    language: Literal["json", "toml", "yaml"] = "json"
    asks: bool = False
    """Whether the client asks for secrets itself, and keeps them."""
    head: tuple[tuple[str, Any], ...] = ()
    """What a file of its own begins with."""
    own_references: bool = False
    """Whether `local` and `hosted` name secrets in fields of their own."""
    is_named: bool = False
    """Whether an entry holds its name, too."""

    def refers(self, server: Server) -> bool:
        """Whether the secrets of a server can be written as references."""
        return self.asks or self.own_references or self.reference is not None or not server.secrets


def entry_of(form: Form, server: Server, name: str) -> Entry:
    """The entry of a server in the section of a client.

    A secret without a value becomes a reference; where the client has none, the word `YOUR_…`.
    """

    def reference(secret: Secret) -> str:
        if form.asks:
            return f"${{input:{input_id(name, secret)}}}"
        if form.reference is None:
            return f"YOUR_{secret.variable}"
        return form.reference.format(secret.variable)

    if isinstance(server, LocalServer):
        entry = form.local(server, reference)
    elif form.hosted is None:
        raise ValueError("this client takes no addresses from its file")
    else:
        entry = form.hosted(server, reference)
    return {"name": name, **entry} if form.is_named else entry


def inputs_of(form: Form, server: Server, name: str) -> list[Entry]:
    """What a client that asks for secrets must be told about each."""
    if not form.asks:
        return []
    return [
        {
            "type": "promptString",
            "id": input_id(name, secret),
            "description": secret.label,
            "password": True,
        }
        for secret in server.secrets
        if secret.value is None
    ]


def input_id(name: str, secret: Secret) -> str:
    """The id of a question for a secret: `portkey-api-key` of the server `portkey`."""
    word = secret.variable.lower().replace("_", "-")
    return f"{name}-{word.removeprefix('portkey-').removeprefix('admin-mcp-')}"


def _optional(**fields: Any) -> Entry:
    """The fields that are not empty."""
    return {name: value for name, value in fields.items() if value}


def _env(server: LocalServer, reference: Reference) -> dict[str, str]:
    return {**server.settings, **references(server.secrets, reference)}


def _program(server: LocalServer, reference: Reference) -> Entry:
    """Command, arguments and environment, as most clients name them."""
    return {
        "command": server.command,
        "args": [*server.arguments],
        **_optional(env=_env(server, reference)),
    }


def _stdio(server: LocalServer, reference: Reference) -> Entry:
    return {"type": "stdio", **_program(server, reference)}


def _typed_url(server: HostedServer, reference: Reference) -> Entry:
    return {"type": "http", **_url(server, reference)}


def _url(server: HostedServer, reference: Reference) -> Entry:
    return {"url": server.url, **_optional(headers=headers(server, reference))}


def _server_url(server: HostedServer, reference: Reference) -> Entry:
    return {"serverUrl": server.url, **_optional(headers=headers(server, reference))}


def _copilot_program(server: LocalServer, reference: Reference) -> Entry:
    return {"type": "local", **_program(server, reference), "tools": ["*"]}


def _copilot_url(server: HostedServer, reference: Reference) -> Entry:
    return {**_typed_url(server, reference), "tools": ["*"]}


def _opencode_program(server: LocalServer, reference: Reference) -> Entry:
    return {
        "type": "local",
        "command": [server.command, *server.arguments],
        **_optional(environment=_env(server, reference)),
        "enabled": True,
    }


def _opencode_url(server: HostedServer, reference: Reference) -> Entry:
    return {"type": "remote", **_url(server, reference), "enabled": True}


def _codex_program(server: LocalServer, _reference: Reference) -> Entry:
    """Codex passes on the variables in `env_vars`, and no others."""
    return {
        "command": server.command,
        "args": [*server.arguments],
        **_optional(
            env={**server.settings}, env_vars=[secret.variable for secret in server.secrets]
        ),
    }


def _codex_url(server: HostedServer, _reference: Reference) -> Entry:
    without_token = HostedServer(server.url, key=server.key)
    return {
        "url": server.url,
        **_optional(
            bearer_token_env_var=server.token.variable if server.token else None,
            env_http_headers=headers(without_token, lambda secret: secret.variable),
        ),
    }


GOOSE_TIMEOUT_S = 300


def _goose(server: Server, **fields: Any) -> Entry:
    keys = [secret.variable for secret in server.secrets]
    return {
        "enabled": True,
        "description": "Administer a Portkey organisation",
        **fields,
        **_optional(env_keys=keys),
        "timeout": GOOSE_TIMEOUT_S,
    }


def _goose_program(server: LocalServer, _reference: Reference) -> Entry:
    return _goose(
        server,
        type="stdio",
        cmd=server.command,
        args=[*server.arguments],
        **_optional(envs={**server.settings}),
    )


def _goose_url(server: HostedServer, reference: Reference) -> Entry:
    sent = headers(server, reference)
    return _goose(server, type="streamable_http", uri=server.url, **_optional(headers=sent))


MCP_SERVERS = ("mcpServers",)
CLAUDE_CODE = Form(MCP_SERVERS, _stdio, _typed_url, "${{{}}}")
CLAUDE_DESKTOP = Form(MCP_SERVERS, _program, None)
CURSOR = Form(MCP_SERVERS, _program, _url, "${{env:{}}}")
VSCODE = Form(("servers",), _stdio, _typed_url, asks=True)
CODEX = Form(("mcp_servers",), _codex_program, _codex_url, language="toml", own_references=True)
GEMINI = Form(MCP_SERVERS, _program, _typed_url, "${}")
COPILOT = Form(MCP_SERVERS, _copilot_program, _copilot_url, "${{{}}}")
WINDSURF = Form(MCP_SERVERS, _program, _server_url, "${{env:{}}}")
ZED = Form(("context_servers",), _program, _url)
GOOSE = Form(("extensions",), _goose_program, _goose_url, "${{{}}}", language="yaml", is_named=True)
OPENCODE = Form(
    ("mcp",),
    _opencode_program,
    _opencode_url,
    "{{env:{}}}",
    head=(("$schema", "https://opencode.ai/config.json"),),
)
ANTIGRAVITY = Form(MCP_SERVERS, _program, _server_url)

"""The text of a configuration, as a client's file holds it, or as a command that adds it."""

import json
import shlex
from typing import Any

from .forms import Entry, Form, entry_of, inputs_of
from .servers import SERVER_NAME, LocalServer, Server, headers


def configuration(form: Form, server: Server, name: str = SERVER_NAME) -> dict[str, Any]:
    """What a file that configures nothing but this server holds."""
    inputs = inputs_of(form, server, name)
    section: Any = {name: entry_of(form, server, name)}
    for step in reversed(form.section):
        section = {step: section}
    return {**dict(form.head), **({"inputs": inputs} if inputs else {}), **section}


def snippet(form: Form, server: Server, name: str = SERVER_NAME) -> str:
    """That file's text, in the language of the client, without a line end."""
    if form.language == "toml":
        return _toml(".".join((*form.section, name)), entry_of(form, server, name))
    content = configuration(form, server, name)
    if form.language == "yaml":
        import yaml  # imported here, since only one client needs it

        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True).rstrip()
    return json.dumps(content, indent=2, ensure_ascii=False)


def claude_command(server: Server, name: str = SERVER_NAME) -> str:
    """The command that adds a server to Claude Code; the shell fills in variables of a header."""
    if isinstance(server, LocalServer):
        variables = [f"--env={name}={value}" for name, value in server.settings.items()]
        words = [*variables, "--", server.command, *server.arguments]
        return shlex.join(["claude", "mcp", "add", name, *words])
    # Quoted because shells expand a question mark, as in `?tools=configs`.
    command = f'claude mcp add --transport http {name} "{server.url}"'
    sent = headers(server, lambda secret: f"${secret.variable}")
    return command + "".join(f' \\\n  --header "{key}: {value}"' for key, value in sent.items())


def code_command(form: Form, server: Server, name: str = SERVER_NAME) -> str:
    """The command that adds a server without secrets to VS Code."""
    entry = {"name": name, **entry_of(form, server, name)}
    return f"code --add-mcp {shlex.quote(json.dumps(entry, ensure_ascii=False))}"


def _toml(header: str, entry: Entry) -> str:
    """A table and the tables in it."""
    plain = {key: value for key, value in entry.items() if not isinstance(value, dict)}
    lines = [f"[{header}]", *(f"{key} = {_toml_value(value)}" for key, value in plain.items())]
    for key, value in entry.items():
        if isinstance(value, dict):
            lines += ["", _toml(f"{header}.{key}", value)]
    return "\n".join(lines)


def _toml_value(value: Any) -> str:
    """A string, number or list; TOML writes these as JSON does, if DEL is escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

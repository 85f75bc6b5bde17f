"""Generate what is made from the table of clients: see `texts`.

`make docs` writes them. With --check nothing is written, and the exit code is 1 if any differs.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from portkey_admin_mcp import __version__
from portkey_admin_mcp.clients.forms import CLAUDE_CODE, GEMINI, entry_of
from portkey_admin_mcp.clients.links import web_links
from portkey_admin_mcp.clients.places import shown_places
from portkey_admin_mcp.clients.servers import (
    KEY_VARIABLE,
    PROGRAM,
    SERVER_NAME,
    HostedServer,
    LocalServer,
    Secret,
    token_secret,
)
from portkey_admin_mcp.clients.snippets import claude_command, snippet
from portkey_admin_mcp.clients.table import CLIENTS, Client

ROOT = Path(__file__).parents[1]
NOTE = "<!-- Written by `make docs`; change the code instead. -->\n"
LINKS_START = "<!-- links: written by `make docs` -->\n"
LINKS_END = "<!-- /links -->\n"
PLUGIN_COMMANDS = f"""claude plugin marketplace add .
claude plugin install {SERVER_NAME}@{PROGRAM}
gemini extensions install ."""
PLUGIN = "plugins/claude-code"
"""The folder of the plugin, which Claude Code copies as a whole."""
DESCRIPTION = "Administer a Portkey AI-gateway organisation from an AI assistant."
KEY_DESCRIPTION = (
    "An API key of your organisation or workspace, with the scopes that the assistant should have."
)
UVX = ("uvx", (PROGRAM,))
SANDBOX = LocalServer("uvx", (PROGRAM, "--sandbox"))
WITH_KEY = LocalServer(*UVX, secrets=(Secret(KEY_VARIABLE),))
WITH_FILE = LocalServer("uvx", (PROGRAM, "--env-file", "/home/ada/portkey.env"))
HOSTED = HostedServer("https://mcp.example.com/mcp", token_secret())


def main() -> int:
    """Write every file that differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 if a file differs"
    )
    check = parser.parse_args().check
    stale = [(ROOT / name, text) for name, text in texts().items() if current(ROOT / name) != text]
    for file, text in stale:
        print(f"{'stale' if check else 'written'}: {file.relative_to(ROOT)}")
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return 1 if check and stale else 0


def current(file: Path) -> str | None:
    """The text of a file; None if it does not exist."""
    return file.read_text(encoding="utf-8") if file.exists() else None


def texts() -> dict[str, str]:
    """The generated files, by their paths."""
    return {
        "gemini-extension.json": as_json(gemini_extension()),
        f"{PLUGIN}/.claude-plugin/plugin.json": as_json(claude_plugin()),
        ".claude-plugin/marketplace.json": as_json(claude_marketplace()),
        "docs/clients.md": clients_page(),
        "README.md": readme(),
    }


def as_json(content: Any) -> str:
    """A file of JSON."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def gemini_extension() -> dict[str, Any]:
    """The extension of Gemini CLI, which asks for the key and keeps it in the keychain."""
    return {
        "name": PROGRAM,
        "version": __version__,
        "description": DESCRIPTION,
        "settings": [
            {
                "name": "Portkey API key",
                "description": KEY_DESCRIPTION,
                "envVar": KEY_VARIABLE,
                "sensitive": True,
            }
        ],
        "mcpServers": {SERVER_NAME: entry_of(GEMINI, WITH_KEY, SERVER_NAME)},
    }


def claude_plugin() -> dict[str, Any]:
    """The plugin of Claude Code, which asks for the key and keeps it in the keychain."""
    entry = entry_of(CLAUDE_CODE, LocalServer(*UVX), SERVER_NAME)
    return {
        "name": SERVER_NAME,
        "version": __version__,
        "description": DESCRIPTION,
        "author": {"name": PROGRAM},
        "license": "MIT",
        "keywords": ["mcp", "portkey", "ai-gateway", "admin"],
        "userConfig": {
            "api_key": {
                "type": "string",
                "title": "Portkey API key",
                "description": KEY_DESCRIPTION,
                "sensitive": True,
                "required": True,
            }
        },
        "mcpServers": {"admin": {**entry, "env": {KEY_VARIABLE: "${user_config.api_key}"}}},
    }


def claude_marketplace() -> dict[str, Any]:
    """The marketplace with this plugin alone."""
    return {
        "name": PROGRAM,
        "description": DESCRIPTION,
        "owner": {"name": PROGRAM},
        "plugins": [{"name": SERVER_NAME, "source": f"./{PLUGIN}", "description": DESCRIPTION}],
    }


def readme() -> str:
    """The README, with its one-click links replaced."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    head, start, rest = text.partition(LINKS_START)
    _, end, tail = rest.partition(LINKS_END)
    if not start or not end:
        raise SystemExit("README.md has no place for the links")
    links = web_links(SANDBOX)
    line = (
        f"[Add to Cursor]({links['cursor']}) · [Add to VS Code]({links['vscode']}) · "
        f"[Add to VS Code Insiders]({links['vscode-insiders']})\n"
    )
    return head + start + line + end + tail


def clients_page() -> str:
    """Every client with its file, and what belongs there."""
    return "\n".join(
        [
            NOTE,
            "# Clients\n",
            f"`{PROGRAM} install CLIENT` writes these configurations, or with `--print` shows",
            "them, with the path of your installation instead of `uvx`. It leaves everything else",
            "in the file as it is, and keeps a copy of the old file. `uninstall CLIENT` removes",
            "the entry again. With `--skills`, `install` also writes the [skills](skills.md), for",
            "clients that read files. [Where these facts are from](decisions/clients.md).\n",
            "Applications have another PATH than a terminal: if one does not find `uvx`, write its",
            "whole path, as `install` does.\n",
            *map(section, CLIENTS),
            "## As a plugin or an extension\n",
            "In a checkout of the repository, or with its address in place of the dot. Both ask",
            "for the key, and keep it in the keychain of the system.\n",
            block("sh", PLUGIN_COMMANDS),
        ]
    )


def section(client: Client) -> str:
    """A client's page."""
    form = client.form
    files = [f"- {place}" for place in shown_places(client)]
    if client.project_file:
        files.append(f"- in a project: {client.project_file}")
    command = f"{PROGRAM} install {'' if client.can_install else '--print '}{client.key}"
    verb = "writes" if client.can_install else "prints what belongs into"
    parts = [f"## {client.name}\n", f"`{command}` {verb}:\n", *files, ""]
    if client.skills is not None:
        user, project = client.skills.user, client.skills.project
        parts.append(f"Its skills are in ~/{user}, or in a project in {project}.\n")
    if client.key == "claude-code":
        parts += ["Or by its own command:\n", block("sh", claude_command(SANDBOX))]
    parts += ["The sandbox:\n", block(form.language, snippet(form, client.adapted(SANDBOX)))]
    parts += [f"With your key:\n\n{key_sentence(client)}\n"]
    with_key = WITH_KEY if form.refers(WITH_KEY) else WITH_FILE
    parts.append(block(form.language, snippet(form, client.adapted(with_key))))
    if client.tool_setting is not None:
        parts.append(f"{tools_sentence(client)}\n")
    if form.hosted is None:
        parts.append("A hosted service: Customize, Connectors, Add custom connector.\n")
    else:
        parts += ["A hosted service:\n", block(form.language, snippet(form, HOSTED))]
    if client.hint:
        parts.append(f"{client.hint}\n")
    return "\n".join(parts)


def key_sentence(client: Client) -> str:
    """Where the client has the key from."""
    if client.form.asks:
        return f"{client.name} asks for the key at the first start, and keeps it."
    if client.keeps_secrets:
        return f"{client.name} asks for the key, and keeps it in the system's keyring."
    if client.form.refers(WITH_KEY):
        return f"{client.name} takes the key from the environment that it starts in."
    return (
        f"{client.name} refers to no environment variables. Put `{KEY_VARIABLE}=…` into a file\n"
        "that only you can read, and give `--env-file` with its path to `install`, for this:"
    )


def tools_sentence(client: Client) -> str:
    """Why the entry limits the tools, and how to have others."""
    name, value = client.tool_setting or ("", "")
    return (
        f"{client.name} takes at most {client.max_tools} tools, so `install` writes\n"
        f"`{name}={value}`, unless you choose others, with\n"
        "`--env` or in the file of `--env-file`. `PORTKEY_TOOL_MODE=full` offers all."
    )


def block(language: str, text: str) -> str:
    """A fenced block of code."""
    return f"```{language}\n{text}\n```\n"


if __name__ == "__main__":
    sys.exit(main())

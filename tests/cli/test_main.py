"""The commands, run as a person types them."""

import json
import re
import subprocess
import sys

import pytest

from portkey_admin_mcp import __version__
from portkey_admin_mcp.server.loading import load_offer
from programs import COMMAND, tree_environment


def run(*arguments, **environment):
    return subprocess.run(
        [*COMMAND, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env=tree_environment(environment),
    )


def test_the_version_is_printed():
    assert run("--version").stdout == f"portkey-admin-mcp, version {__version__}\n"


@pytest.mark.parametrize(
    "command", [[], ["demo"], ["emulator"], ["http"], ["check-http"], ["approve"]]
)
def test_every_command_has_help(command):
    result = run(*command, "--help")

    assert result.returncode == 0
    assert result.stdout.startswith("Usage: ")
    assert len(result.stdout.splitlines()) > 8
    assert "\\b" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["emulate"], "No such command 'emulate'"),
        (["--sandbox", "demo"], "belong to serving on stdio, not to demo"),
        (["emulator", "--seed", "nonsense"], "must be one of: acme, empty"),
        (["emulator", "--port", "99999"], "0<=x<=65535"),
        (["--env-file", "nowhere.env"], "there is no file nowhere.env"),
    ],
)
def test_a_wrong_command_line_is_refused_with_the_cure(arguments, message):
    result = run(*arguments)

    assert result.returncode != 0
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(option):
    loaded = modules_after(
        "from portkey_admin_mcp.cli.command_line import main",
        f"main([{option!r}], standalone_mode=False)",
    )

    assert "click" in loaded
    assert not {"fastmcp", "mcp", "pydantic", "aiohttp", "uvicorn", "rich", "anyio"} & loaded
    assert not {"portkey_admin_mcp.server", "portkey_admin_mcp.emulator"} & loaded


def test_serving_on_stdio_does_not_wait_for_the_command_line():
    loaded = modules_after("import portkey_admin_mcp.__main__, portkey_admin_mcp.cli.stdio")

    assert "portkey_admin_mcp.cli.stdio" in loaded
    assert not {"click", "pydantic", "portkey_admin_mcp.cli.command_line"} & loaded


def modules_after(*statements):
    """The names of the modules that are loaded after these statements."""
    code = "; ".join(["import sys", *statements, "print(*sys.modules)"])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=tree_environment(),
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.fixture(scope="module")
def demo():
    return run("demo", COLUMNS="300")


def test_the_demo_succeeds_without_terminal_or_input(demo):
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "All 25 steps succeeded." in demo.stdout
    assert demo.stdout.count("✋") == 2
    assert "409 AB07" in demo.stdout


def test_the_demo_shows_no_secret(demo):
    steps = demo.stdout.partition("steps succeeded")[0]

    assert "*****" in steps
    assert "sk-only-for-the-demo" not in steps
    assert not re.search(r"[A-Za-z0-9+/]{28}", steps)


def test_the_demo_ends_with_lines_to_paste(demo):
    lines = demo.stdout.splitlines()

    claude = next(line for line in lines if line.startswith("claude mcp add "))
    cursor = json.loads(next(line for line in lines if line.startswith('{"mcpServers"')))
    code = next(line for line in lines if line.startswith("code --add-mcp "))
    assert claude.endswith(" --sandbox")
    (name,) = cursor["mcpServers"]
    assert cursor["mcpServers"][name]["args"] == ["--sandbox"]
    assert json.loads(code.split("'")[1])["args"] == ["--sandbox"]
    assert claude.split()[3] == json.loads(code.split("'")[1])["name"] == name
    # Claude Code and Codex name a tool mcp__<server>__<tool>, and models take 64 characters.
    assert max(len(f"mcp__{name}__{tool}") for tool in load_offer().tools) <= 64

"""The commands, as somebody types them."""

import json
import re
import subprocess
import sys

import pytest

from portkey_admin_mcp import __version__
from processes import COMMAND, tree_environment


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


def test_the_version_is_told():
    assert run("--version").stdout == f"portkey-admin-mcp, version {__version__}\n"


@pytest.mark.parametrize("command", [[], ["demo"], ["emulator"]])
def test_every_command_says_what_it_does(command):
    said = run(*command, "--help")

    assert said.returncode == 0
    assert said.stdout.startswith("Usage: ")
    assert len(said.stdout.splitlines()) > 8


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["emulate"], "No such command 'emulate'"),
        (["--sandbox", "demo"], "--sandbox and --env-file belong to serving"),
        (["emulator", "--seed", "nonsense"], "there are acme, empty"),
        (["emulator", "--port", "99999"], "0<=x<=65535"),
        (["--env-file", "nowhere.env"], "there is no file nowhere.env"),
    ],
)
def test_a_wrong_command_line_is_refused_with_the_cure(arguments, told):
    said = run(*arguments)

    assert said.returncode != 0
    assert told in said.stderr
    assert said.stdout == ""


def test_help_and_version_import_nothing_heavy():
    code = "import sys, portkey_admin_mcp.__main__; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=tree_environment(),
    ).stdout

    assert not {"fastmcp", "mcp", "pydantic", "aiohttp", "uvicorn"} & set(loaded.split())


@pytest.fixture(scope="module")
def demo():
    return run("demo", COLUMNS="300")


def test_the_demo_holds_on_a_fresh_sandbox_without_terminal_or_input(demo):
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "All 25 steps held." in demo.stdout
    assert demo.stdout.count("✋") == 2
    assert "409 AB07" in demo.stdout


def test_the_demo_shows_no_secret(demo):
    steps = demo.stdout.partition("steps held")[0]

    assert "*****" in steps
    assert "sk-only-for-the-demo" not in steps
    assert not re.search(r"[A-Za-z0-9+/]{28}", steps)


def test_the_demo_ends_with_lines_to_paste(demo):
    lines = demo.stdout.splitlines()

    claude = next(line for line in lines if line.startswith("claude mcp add "))
    cursor = json.loads(next(line for line in lines if line.startswith('{"mcpServers"')))
    code = next(line for line in lines if line.startswith("code --add-mcp "))
    assert claude.endswith(" --sandbox")
    assert cursor["mcpServers"]["portkey-sandbox"]["args"] == ["--sandbox"]
    assert json.loads(code.split("'")[1])["args"] == ["--sandbox"]

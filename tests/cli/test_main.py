"""The commands, run as a person types them."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from each import for_each
from portkey_admin_mcp import __version__
from portkey_admin_mcp.__main__ import SERVING
from portkey_admin_mcp.cli.command_line import main as command_line
from portkey_admin_mcp.cli.output import ResultCommand
from portkey_admin_mcp.server.loading import load_offer
from programs import COMMAND, catches, children_of, require_program, tree_environment


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


def test_the_program_has_help():
    result = run("--help")

    assert result.returncode == 0
    assert result.stdout.startswith("Usage: ")
    assert all(f"\n  {name} " in result.stdout for name in command_line.commands)


def test_the_help_and_the_readme_list_the_commands_in_one_order():
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Commands")[2].partition("Each has `--help`")[0]
    names = list(command_line.commands)
    listed = CliRunner().invoke(command_line, ["--help"]).stdout
    shown = re.findall(r"^  ([a-z][a-z-]*)  +[A-Z]", listed, re.MULTILINE)

    assert shown == names
    rows = re.findall(r"^\| `portkey-admin-mcp ([a-z][a-z-]*)", table, re.MULTILINE)
    assert rows == [name for name in names if name in rows]
    assert [name for name in names if not re.search(rf"[ `]{name}[ `]", table)] == []


def commands_below(group, path=()):
    """Each command of a group, as the words that name it."""
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands_below(command, (*path, name))


@for_each([*commands_below(command_line)], name_of=" ".join)
def test_the_help_of_every_command_fits_a_screen_and_has_an_example(command):
    lines = CliRunner().invoke(command_line, [*command, "--help"], terminal_width=80).stdout
    _usage, *rest = lines.splitlines()

    assert len(rest) < 40
    assert f"portkey-admin-mcp {command[0]}" in "\n".join(rest)


@pytest.mark.parametrize("width", [40, 80, 200])
@for_each([[], *([name] for name in command_line.commands)])
def test_every_command_has_help_without_the_marks_of_click(command, width):
    result = CliRunner().invoke(command_line, [*command, "--help"], terminal_width=width)

    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 8
    # \b keeps the lines of a paragraph; click must have taken it away.
    assert "\b" not in result.stdout
    assert "\\b" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["emulate"], "No such command 'emulate'"),
        (["--sandbox", "demo"], "belong to serving on stdio, not to demo"),
        (["--sandbox", "doctor"], "Write it after the command: doctor --sandbox."),
        (["--sandbox", "journal", "list"], "Write it after the command: journal COMMAND --sandbox"),
        (["list_workspaces"], "It is a tool: use `call list_workspaces`."),
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


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--sandbox"], {}),
        (["--sandbox"], {"MCP_FAST_PATH": "off"}),
        (["http", "--sandbox"], {}),
        (["http", "--workers", "2"], {"MCP_SESSION_MODE": "stateless"}),
    ],
    ids=["stdio", "stdio without the fast path", "http", "workers"],
)
def test_code_mode_without_its_package_is_refused_with_the_cure(tmp_path, arguments, variables):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['pydantic_monty'] = None")
    settings = {
        "PORTKEY_TOOL_MODE": "code",
        "PORTKEY_API_KEY": "a-key-of-the-tests",
        "MCP_AUTH_MODE": "bearer",
        "MCP_AUTH_TOKEN": "a-token-of-the-tests",
    }

    result = run(*arguments, PYTHONPATH=str(tmp_path), **settings, **variables)

    assert result.returncode == 1
    assert "pip install 'portkey-admin-mcp[code]'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["--sandbox"], ["http", "--sandbox"], ["emulator"]])
def test_sigterm_ends_the_first_process_of_a_container_while_it_imports(arguments):
    unshare = require_program("unshare")
    container = [unshare, "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*container, "true"], check=False).returncode:
        pytest.skip("this machine allows no PID namespaces")
    outside = subprocess.Popen(
        [*container, *COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=tree_environment({"MCP_PORT": "1"}),
    )
    with outside:
        deadline = time.monotonic() + 30
        while not (inside := children_of(outside.pid)) or not catches(inside[0], signal.SIGTERM):
            assert outside.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.001)
        os.kill(inside[0], signal.SIGTERM)

        assert outside.wait(10) == 0
        assert outside.stderr.read() == b""


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(option):
    loaded = modules_after(
        "from portkey_admin_mcp.cli.command_line import main",
        f"main([{option!r}], standalone_mode=False)",
    )

    assert "click" in loaded
    assert not {"fastmcp", "mcp", "pydantic", "aiohttp", "uvicorn", "rich", "anyio"} & loaded
    assert not {"portkey_admin_mcp.server", "portkey_admin_mcp.emulator"} & loaded


def test_a_command_that_ends_by_itself_has_no_success_when_it_is_stopped():
    ends = {n for n, each in command_line.commands.items() if isinstance(each, ResultCommand)}

    assert "call" in ends
    assert not ends & {*SERVING}


def test_a_person_who_starts_it_in_a_terminal_reads_what_it_waits_for():
    reader, terminal = pty.openpty()
    server = subprocess.Popen(
        [*COMMAND, "--sandbox"],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=tree_environment(),
    )
    os.close(terminal)
    try:
        assert select.select([server.stderr], [], [], 10)[0]
        line = server.stderr.readline()
        server.send_signal(signal.SIGINT)
        answers, rest = server.communicate(timeout=10)
    finally:
        server.kill()
        server.communicate()
        os.close(reader)

    assert line.startswith(b"This waits for an MCP client on standard input; Ctrl-C ends it.")
    assert (server.returncode, answers, rest) == (0, b"", b"")


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

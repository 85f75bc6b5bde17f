"""Completion in a shell: what is completed, and that the scripts work in real shells."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from fake_portkey import Answer, FakePortkey
from portkey_admin_mcp.cli import completions
from portkey_admin_mcp.cli.command_line import main
from portkey_admin_mcp.server.loading import load_offer
from programs import COMMAND, require_program, tree_environment

KEY = "a-key-of-the-tests"
BREAKS = " \t\n\"'@><=;|&(:"
"""What COMP_WORDBREAKS is in Bash."""


@pytest.fixture
def complete(run, tmp_path):
    """The completions of a line: `complete("call list_w")` gives texts and help."""

    def lines(line, shell="zsh", **variables):
        env = {"COMP_LINE": f"portkey-admin-mcp {line}", **variables}
        env["_PORTKEY_ADMIN_MCP_COMPLETE"] = f"{shell}_complete"
        result = CliRunner().invoke(main, [], prog_name="portkey-admin-mcp", env=env)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return [line.split("\t") for line in result.stdout.splitlines() if line]

    return lines


def texts(lines):
    return [text for _kind, text, _help in lines]


def test_commands_options_and_tools_are_completed(complete):
    assert texts(complete("des")) == ["describe"]
    assert texts(complete("call --dr")) == ["--dry-run"]
    assert texts(complete("tools --domain api")) == ["api_keys"]
    assert texts(complete("call list_workspaces -o t")) == ["table"]
    assert complete("describe list_workspace_") == [
        ["plain", "list_workspace_members", "List the people of a workspace"]
    ]
    assert len(complete("call ")) == len(load_offer().tools)
    assert complete("call --env-file ")[0][0] == "file"


def test_arguments_are_completed_the_required_first_and_those_that_are_given_not(complete):
    lines = complete("call create_api_key name=x ")

    assert texts(lines)[:3] == ["type=", "sub_type=", "scopes="]
    assert lines[0] == ["open", "type=", "required. Where it is valid."]
    assert "name=" not in texts(lines)
    assert {"usage_limits.", "rate_limits.0."} <= {*texts(lines)}
    assert texts(complete("call create_api_key usage_limits.t")) == ["usage_limits.type="]
    assert texts(complete("call create_api_key rate_limits.0.u")) == ["rate_limits.0.unit="]
    assert complete("call no_such_tool n") == []


def test_values_of_a_list_are_completed(complete):
    assert texts(complete("call create_api_key type=o")) == ["type=organisation"]
    assert texts(complete("call create_api_key rate_limits.0.unit=rp")) == [
        f"rate_limits.0.unit={unit}" for unit in ("rpd", "rph", "rpm", "rps", "rpw")
    ]
    assert texts(complete("call delete_workspace force_delete=")) == [
        "force_delete=true",
        "force_delete=false",
    ]
    assert complete("call create_workspace name=") == []


def test_bash_replaces_only_what_follows_its_last_word_break(complete):
    line = "call create_api_key type=o"

    assert texts(complete(line, "bash", COMP_WORDBREAKS=BREAKS)) == ["organisation"]
    assert texts(complete(line, "bash", COMP_WORDBREAKS=" ")) == ["type=organisation"]
    assert texts(complete("describe list_workspaces", "bash"))[0] == "list_workspaces"


def test_slugs_and_ids_come_from_the_sandbox(complete):
    assert complete("call get_config --sandbox slug=pc-s") == [
        ["plain", "slug=pc-suppor-7694d4", "Support fallback"]
    ]
    assert texts(complete("call get_workspace --sandbox workspace_id=ws-sup")) == [
        "workspace_id=ws-suppor-8be7ec"
    ]
    ada = next(line for line in complete("call get_user --sandbox user_id=") if "ada@" in line[2])
    assert len(ada[1]) == len("user_id=") + 36


def test_slugs_are_of_the_workspace_on_the_line(complete):
    in_science = complete("call get_config --sandbox workspace_id=ws-scienc-72be49 slug=")

    assert in_science != complete("call get_config --sandbox slug=")


LINE = "call get_workspace workspace_id="


def test_they_are_kept_for_a_minute_in_a_private_file(complete, tmp_path):
    rows = {"total": 1, "data": [{"id": "1", "slug": "ws-a", "name": "A"}]}
    with FakePortkey() as portkey:
        portkey.script([Answer(body=rows)])
        settings = {"PORTKEY_API_KEY": KEY, **portkey.settings}
        assert texts(complete(LINE, **settings)) == ["workspace_id=ws-a"]
        assert texts(complete(LINE, **settings)) == ["workspace_id=ws-a"]
        assert len(portkey.requests) == 1

        (file,) = (tmp_path / "state" / "completions").iterdir()
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert KEY not in file.name + file.read_text()
        os.utime(file, (time.time() - 61,) * 2)
        assert texts(complete(LINE, **settings)) == ["workspace_id=ws-a"]
        assert len(portkey.requests) == 2
        complete(LINE, **{**settings, "PORTKEY_API_KEY": "another-key-of-the-tests"})
        assert len(portkey.requests) == 3


def test_a_name_that_somebody_chose_is_no_command_in_the_shell(complete):
    slugs = ["$(touch x)", "a b", "a;b", "`x`", "ws-\x1b[2J", "ok-1"]
    rows = [{"slug": slug, "name": "x\ty\x1b[2J"} for slug in slugs]
    with FakePortkey() as portkey:
        portkey.script([Answer(body={"total": len(rows), "data": rows})])
        lines = complete(LINE, PORTKEY_API_KEY=KEY, **portkey.settings)

    assert lines == [["plain", "workspace_id=ok-1", "x y\\u001b[2J"]]


@pytest.mark.parametrize("behaviour", [Answer(401), Answer(body=[]), "close", "silence"])
def test_what_goes_wrong_completes_nothing(complete, monkeypatch, behaviour):
    monkeypatch.setattr(completions, "TIMEOUT_S", 0.2)
    with FakePortkey() as portkey:
        portkey.script([behaviour])
        start = time.monotonic()

        assert complete(LINE, PORTKEY_API_KEY=KEY, **portkey.settings) == []
        assert time.monotonic() - start < 5
        count = len(portkey.requests)
        complete(LINE, PORTKEY_API_KEY=KEY, **portkey.settings)
        assert len(portkey.requests) == count  # nothing is waited for at the next key


@pytest.mark.parametrize(
    "variables",
    [{}, {"PORTKEY_BASE_URL": "nonsense"}, {"PORTKEY_TOOLSETS": "nonsense"}],
    ids=["no key", "a wrong address", "a wrong toolset"],
)
def test_wrong_settings_complete_nothing(complete, variables):
    assert complete(LINE, **variables) == []


def test_a_policy_that_has_lists_confirmed_asks_nobody(complete, run, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(json.dumps({"rules": [{"action": "confirm", "tool": "list_*"}]}))

    line = "call get_workspace --sandbox workspace_id="
    assert complete(line, PORTKEY_POLICY_FILE=str(policy)) == []
    assert complete(line) != []
    assert json.loads(run("approvals", "--sandbox", "--json").stdout)["approvals"] == []


@pytest.fixture
def program(tmp_path):
    """The command under its name on the PATH, and the environment for it."""
    (tmp_path / "bin").mkdir()
    file = tmp_path / "bin" / "portkey-admin-mcp"
    file.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    file.chmod(0o755)
    environment = tree_environment({"HOME": str(tmp_path), "TERM": "dumb"})
    return {**environment, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{environment['PATH']}"}


def output_of(arguments, environment):
    return subprocess.run(
        arguments, env=environment, check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_bash_completes(program):
    bash = require_program("bash")
    script = """
        eval "$(portkey-admin-mcp completion bash)"
        COMP_LINE='portkey-admin-mcp call no_such_tool x' COMP_POINT=37
        _portkey_admin_mcp_completion portkey-admin-mcp x no_such_tool
        printf '%s\n' "${#COMPREPLY[@]}"
        COMP_LINE='portkey-admin-mcp call create_api_key type=or --sandbox' COMP_POINT=44
        _portkey_admin_mcp_completion portkey-admin-mcp or =
        printf '%s\\n' "${COMPREPLY[@]}"
        complete -p portkey-admin-mcp
    """

    none, first, second = output_of([bash, "--norc", "-c", script], program).splitlines()
    assert (none, first) == ("0", "organisation")
    assert second == "complete -F _portkey_admin_mcp_completion portkey-admin-mcp"


def test_fish_completes(program):
    if not (fish := shutil.which("fish")):
        pytest.skip("fish is not installed")
    script = """
        portkey-admin-mcp completion fish | source
        complete -C 'portkey-admin-mcp call create_api_key type=or'
    """

    assert output_of([fish, "--no-config", "-c", script], program) == "type=organisation\n"


def test_zsh_reads_the_script(program):
    if not (zsh := shutil.which("zsh")):
        pytest.skip("zsh is not installed")
    script = """
        compdef() { print -r -- "$@" }
        eval "$(portkey-admin-mcp completion zsh)"
        words=(portkey-admin-mcp call create_api_key type=or) CURRENT=4
        _describe() { print -r -- "$@" ${(P)3} }
        _portkey_admin_mcp
    """

    assert output_of([zsh, "-f", "-c", script], program).splitlines() == [
        "_portkey_admin_mcp portkey-admin-mcp",
        "-V values plain type=organisation:",
    ]


def test_what_the_shell_runs_starts_no_server(program):
    """A server on standard input would take what a person types."""
    variables = {
        "COMP_LINE": "portkey-admin-mcp desc",
        "_PORTKEY_ADMIN_MCP_COMPLETE": "zsh_complete",
    }
    shown = output_of([*COMMAND, "completion"], {**program, **variables})

    assert shown.split("\t")[:2] == ["plain", "describe"]
    assert sys.executable in COMMAND

"""`portkey-admin-mcp install` and `uninstall`."""

import json
import os
import shlex
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from rich.console import Console

from portkey_admin_mcp.assembly import selected_offer
from portkey_admin_mcp.cli import install_server
from portkey_admin_mcp.cli.command_line import main
from portkey_admin_mcp.cli.demo import print_client_setup
from portkey_admin_mcp.clients.jsonc import parse
from portkey_admin_mcp.clients.launcher import launcher, typed_command
from portkey_admin_mcp.clients.places import file_of, this_system
from portkey_admin_mcp.clients.table import BY_KEY, CLIENTS
from portkey_admin_mcp.door_assembly import where_to_approve
from portkey_admin_mcp.server.loading import load_offer
from portkey_admin_mcp.settings.folders import Folders
from portkey_admin_mcp.settings.settings import Settings
from programs import tree_environment

KEY = "pk-of-the-tests-0123456789"
CHANGED = ["claude-code", "claude-desktop", "cursor", "vscode", "vscode-insiders"]
URL = "https://mcp.acme.example/mcp"
REFERENCES = {
    "claude-code": "${PORTKEY_API_KEY}",
    "cursor": "${env:PORTKEY_API_KEY}",
    "vscode": "${input:portkey-api-key}",
    "vscode-insiders": "${input:portkey-api-key}",
    "gemini-cli": "$PORTKEY_API_KEY",
    "copilot-cli": "${PORTKEY_API_KEY}",
    "windsurf": "${env:PORTKEY_API_KEY}",
    "opencode": "{env:PORTKEY_API_KEY}",
}
TOOL_SETTINGS = {
    "claude-code": {},
    "cursor": {"PORTKEY_TOOL_MODE": "search"},
    "vscode": {"PORTKEY_TOOLSETS": "default,governance"},
    "vscode-insiders": {"PORTKEY_TOOLSETS": "default,governance"},
}
"""What keeps the tools within the limit of a client, if nothing else chooses them."""
FILES = {
    "claude-code": ".claude.json",
    "claude-desktop": ".config/Claude/claude_desktop_config.json",
    "cursor": ".cursor/mcp.json",
    "vscode": ".config/Code/User/mcp.json",
    "vscode-insiders": ".config/Code - Insiders/User/mcp.json",
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home directory, which is not the working directory."""
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    monkeypatch.chdir(project)
    return home


@pytest.fixture
def run(home):
    """Run a command with an empty home, and return its result."""
    names = ("XDG_CONFIG_HOME", "APPDATA", "CLAUDE_CONFIG_DIR", "PORTKEY_API_KEY")

    def run(*arguments, input=None, **variables):
        environment = dict.fromkeys(names) | {"HOME": str(home)} | variables
        return CliRunner().invoke(main, [*map(str, arguments)], input=input, env=environment)

    return run


def entry_in(file, client, name="portkey"):
    value = parse(file.read_text(encoding="utf-8"))
    for step in (*BY_KEY[client].form.section, name):
        value = value[step]
    return value


def files_in(home):
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def paths(client, system, **folders):
    base = Folders(HOME="/home/ada", **folders)
    return str(file_of(BY_KEY[client], "user", base, Path("/p"), system))


# Installing


@pytest.mark.skipif(this_system() != "linux", reason="the paths are those of Linux")
@pytest.mark.parametrize("client", CHANGED)
def test_an_empty_home_gets_one_private_file(run, home, client):
    result = run("install", client, "--sandbox")

    assert result.exit_code == 0, result.output
    assert files_in(home) == [FILES[client]]
    file = home / FILES[client]
    assert entry_in(file, client)["args"][-1] == "--sandbox"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("client", [each for each in CHANGED if each != "claude-desktop"])
def test_the_key_is_a_reference_and_is_never_written(run, home, client):
    result = run("install", client, PORTKEY_API_KEY=KEY)

    entry = entry_in(home / FILES[client], client)
    assert entry["env"] == {**TOOL_SETTINGS[client], "PORTKEY_API_KEY": REFERENCES[client]}
    assert KEY not in (home / FILES[client]).read_text() + result.output
    assert "PORTKEY_API_KEY" in result.stderr


@pytest.mark.parametrize("client", TOOL_SETTINGS)
def test_a_client_that_takes_few_tools_is_offered_few(run, home, client):
    result = run("install", client, "--sandbox")

    env = entry_in(home / FILES[client], client).get("env", {})
    assert env == TOOL_SETTINGS[client]
    assert ("--env PORTKEY_TOOL_MODE=full" in result.stderr) == bool(env)
    variables = {"PORTKEY_SANDBOX": True, **env}
    lists = selected_offer(Settings.model_validate(variables)).lists
    offered = len(json.loads(b"{%b}" % lists["tools/list"])["tools"])
    assert offered <= (BY_KEY[client].max_tools or offered)


@pytest.mark.parametrize(
    "choice",
    ["PORTKEY_TOOL_MODE=full", "PORTKEY_TOOLSETS=users", "PORTKEY_TOOLS=list_workspaces"],
)
@pytest.mark.parametrize("client", ["cursor", "vscode"])
def test_what_is_given_decides_which_tools_a_client_is_offered(run, home, client, choice):
    name, _, value = choice.partition("=")
    (home / "key.env").write_text(f"PORTKEY_API_KEY={KEY}\n{choice}\n")

    by_option = printed(run("install", client, "--print", "--sandbox", "--env", choice), client)
    by_file = printed(run("install", client, "--print", "--env-file", home / "key.env"), client)

    assert by_option["env"] == {name: value}
    assert "env" not in by_file


def test_vscode_is_told_to_ask_for_the_key(run, home):
    run("install", "vscode")

    (question,) = parse((home / FILES["vscode"]).read_text())["inputs"]
    assert question["id"] == "portkey-api-key"
    assert question["password"] is True


def test_what_is_written_starts_the_server(run, home):
    run("install", "cursor", "--sandbox", "--env", "PORTKEY_TOOLSETS=users")
    entry = entry_in(home / FILES["cursor"], "cursor")

    done = subprocess.run(
        [entry["command"], *entry["args"]],
        input='{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n',
        env=tree_environment({"HOME": str(home), **entry["env"]}),
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    assert json.loads(done.stdout)["id"] == 1
    assert Path(entry["command"]).is_absolute()


@pytest.mark.parametrize("client", CHANGED)
def test_everything_else_in_the_file_stays(run, home, client):
    form = BY_KEY[client].form
    file = home / FILES[client]
    file.parent.mkdir(parents=True, exist_ok=True)
    old = (
        '// mine\r\n{\r\n\t"theme": "dark", // at night\r\n'
        f'\t"{form.section[0]}": {{\r\n\t\t"other": {{"command": "x"}}\r\n\t}}\r\n}}\r\n'
    )
    file.write_bytes(b"\xef\xbb\xbf" + old.encode())
    file.chmod(0o640)

    added = run("install", client, "--sandbox")
    new = file.read_bytes()
    again = run("install", client, "--sandbox")
    removed = run("uninstall", client)

    assert (added.exit_code, again.exit_code, removed.exit_code) == (0, 0, 0)
    assert "Nothing to do" in again.output
    assert new.startswith(b"\xef\xbb\xbf// mine\r\n")
    assert b"// at night" in new
    assert file.read_bytes() == b"\xef\xbb\xbf" + old.encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    copies = sorted(file.parent.glob(f"{file.name}.*.bak"))
    assert {copy.read_bytes() for copy in copies} == {b"\xef\xbb\xbf" + old.encode(), new}
    assert all(stat.S_IMODE(copy.stat().st_mode) == 0o640 for copy in copies)


def test_a_dry_run_shows_the_change_without_values_of_others(run, home):
    file = home / ".claude.json"
    file.write_text('{"mcpServers": {"other": {"env": {"TOKEN": "secret-of-another"}}}}')
    before = file.read_bytes()

    result = run("install", "claude-code", "--write-key", "--dry-run", PORTKEY_API_KEY=KEY)

    assert file.read_bytes() == before
    assert files_in(home) == [".claude.json"]
    assert "+" in result.output
    assert '"*****"' in result.output
    assert "secret-of-another" not in result.output
    assert KEY not in result.output


def test_a_link_keeps_leading_to_the_file_that_is_changed(run, home):
    (home / "dotfiles").mkdir()
    real = home / "dotfiles/claude.json"
    real.write_text("{}")
    (home / ".claude.json").symlink_to(real)

    run("install", "claude-code", "--sandbox")

    assert (home / ".claude.json").is_symlink()
    assert entry_in(real, "claude-code")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"mcpServers": {', "line 1"),
        (b'{"mcpServers": []}', "is no object"),
        (b'{"mcpServers": {"a": 1, "a": 2}}', "is there twice"),
        (b"\xff\xfe{}", "is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_changed_is_left_with_a_reason(run, home, content, why):
    file = home / ".claude.json"
    file.write_bytes(content)

    result = run("install", "claude-code", "--sandbox")

    assert result.exit_code == 1
    assert why in result.output
    assert "was left as it is" in result.output
    assert ('"--sandbox"' in result.output) == (b"\xff" not in content)  # what to paste
    assert files_in(home) == [".claude.json"]
    assert file.read_bytes() == content


def test_a_file_that_changes_meanwhile_is_left(run, home, tmp_path):
    from portkey_admin_mcp.clients.files import FileChanged, replace_file

    file = tmp_path / "mcp.json"
    file.write_text("new")

    with pytest.raises(FileChanged):
        replace_file(file, b"old", b"ours")

    assert file.read_text() == "new"
    assert files_in(tmp_path) == ["mcp.json"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs another user's file")
def test_a_file_keeps_its_owner(run, home):
    file = home / ".claude.json"
    file.write_text("{}")
    os.chown(file, 12345, 12345)

    run("install", "claude-code", "--sandbox")

    assert {(each.stat().st_uid, each.stat().st_gid) for each in home.glob(".claude.json*")} == {
        (12345, 12345)
    }


def test_an_entry_of_another_program_is_kept(run, home):
    file = home / ".cursor/mcp.json"
    file.parent.mkdir()
    content = '{"mcpServers": {"portkey": {"url": "https://mcp.portkey.ai/mcp"}}}'
    file.write_text(content)

    added = run("install", "cursor", "--sandbox")
    removed = run("uninstall", "cursor")
    beside = run("install", "cursor", "--sandbox", "--name", "portkey-admin", "--dry-run")
    forced = run("install", "cursor", "--sandbox", "--force")

    assert (added.exit_code, removed.exit_code, beside.exit_code) == (1, 1, 0)
    assert "--name" in added.output
    assert forced.exit_code == 0
    assert entry_in(file, "cursor")["args"] == ["--sandbox"]


def test_questions_that_others_ask_for_stay(run, home):
    file = home / FILES["vscode"]
    file.parent.mkdir(parents=True)
    file.write_text(
        '{"inputs": [{"id": "portkey-x"}, {"id": "portkey-api-key"}],'
        ' "servers": {"z": {"env": {"K": "${input:portkey-api-key}"}}}}'
    )

    run("install", "vscode")
    run("uninstall", "vscode")

    content = parse(file.read_text())
    assert [each["id"] for each in content["inputs"]] == ["portkey-x", "portkey-api-key"]
    assert [*content["servers"]] == ["z"]


def test_a_question_that_is_no_longer_needed_goes_with_its_reference(run, home):
    run("install", "vscode")
    run("install", "vscode", "--sandbox")

    assert parse((home / FILES["vscode"]).read_text())["inputs"] == []


@pytest.mark.parametrize("inputs", ['["x", 1, {"type": "promptString"}]', '"x"', "3"])
def test_inputs_of_any_form_are_read(run, home, inputs):
    file = home / FILES["vscode"]
    file.parent.mkdir(parents=True)
    file.write_text(f'{{"inputs": {inputs}}}')

    result = run("install", "vscode")

    is_array = inputs.startswith("[")
    assert result.exit_code == (0 if is_array else 1)
    assert is_array or "'inputs' is there, and is no array" in result.output


def test_uninstall_removes_the_question_with_the_entry(run, home):
    run("install", "vscode")
    run("uninstall", "vscode")

    assert parse((home / FILES["vscode"]).read_text()) == {"servers": {}, "inputs": []}


def test_the_files_of_a_project(run, home):
    for client in ("claude-code", "cursor", "vscode"):
        assert run("install", client, "--sandbox", "--scope", "project", "--uvx").exit_code == 0
    refused = run("install", "claude-desktop", "--sandbox", "--scope", "project")

    assert files_in(home.parent / "project") == [
        ".cursor/mcp.json",
        ".mcp.json",
        ".vscode/mcp.json",
    ]
    entry = entry_in(home.parent / "project/.mcp.json", "claude-code")
    assert (entry["command"], entry["args"]) == ("uvx", ["portkey-admin-mcp", "--sandbox"])
    assert "has no configuration for a project" in refused.output


def test_a_key_is_written_only_with_a_warning(run, home):
    result = run("install", "claude-desktop", "--write-key", PORTKEY_API_KEY=KEY)

    assert entry_in(home / FILES["claude-desktop"], "claude-desktop")["env"] == {
        "PORTKEY_API_KEY": KEY
    }
    assert "Warning" in result.stderr
    assert KEY not in result.output


def test_a_key_in_a_file_that_others_can_read_is_told(run, home):
    file = home / ".claude.json"
    file.write_text("{}")
    file.chmod(0o644)

    result = run("install", "claude-code", "--write-key", PORTKEY_API_KEY=KEY)

    assert "chmod 600" in result.stderr


def test_claude_desktop_reads_the_key_from_a_file(run, home):
    (home / "key.env").write_text(f"PORTKEY_API_KEY={KEY}\n")

    without = run("install", "claude-desktop")
    result = run("install", "claude-desktop", "--env-file", home / "key.env")

    assert without.exit_code == 2
    assert "--env-file FILE" in without.output
    assert result.exit_code == 0
    entry = entry_in(home / FILES["claude-desktop"], "claude-desktop")
    assert entry["args"][-2:] == ["--env-file", str(home / "key.env")]


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
@pytest.mark.parametrize(
    ("content", "mode", "warnings"),
    [
        (f"PORTKEY_API_KEY={KEY}", 0o600, []),
        (f"portkey_api_key={KEY}", 0o640, ["chmod 600"]),
        ("PORTKEY_API_KEY=", 0o600, ["no line PORTKEY_API_KEY=…"]),
        ("", 0o644, ["no line PORTKEY_API_KEY=…", "chmod 600"]),
    ],
)
def test_a_file_for_the_key_that_has_none_or_is_not_private_is_warned_of(
    run, home, content, mode, warnings
):
    (home / "key.env").write_text(content)
    (home / "key.env").chmod(mode)

    result = run("install", "claude-desktop", "--env-file", home / "key.env")

    assert result.exit_code == 0, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("Warning: ")]
    assert len(lines) == len(warnings)
    assert all(text in line for text, line in zip(warnings, lines, strict=True))


def test_a_file_for_the_key_that_is_no_text_is_refused(run, home):
    (home / "key.env").write_bytes(b"\xff\xfe")

    result = run("install", "claude-desktop", "--env-file", home / "key.env")

    assert result.exit_code == 2
    assert "must be readable, and UTF-8 text" in result.output
    assert files_in(home) == ["key.env"]


def test_a_hosted_service_is_configured_by_its_address(run, home):
    run("install", "cursor", "--url", f"{URL}?tools=users", "--bearer", "--caller-key")

    entry = entry_in(home / FILES["cursor"], "cursor")
    assert entry == {
        "url": f"{URL}?tools=users",
        "headers": {
            "Authorization": "Bearer ${env:PORTKEY_ADMIN_MCP_TOKEN}",
            "X-Portkey-Api-Key": "${env:PORTKEY_API_KEY}",
        },
    }
    assert run("uninstall", "cursor").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cursor", "--url", URL, "--sandbox"], "--sandbox is for a program"),
        (["cursor", "--bearer"], "--bearer needs --url"),
        (["cursor", "--url", "http://mcp.acme.example/mcp"], "--url must be https"),
        (["cursor", "--url", "https://me:pw@acme.example/mcp"], "without user"),
        (["cursor", "--url", "https://mcp.acme.example"], "https://mcp.acme.example/mcp"),
        (["claude-desktop", "--url", URL], "Add custom connector"),
        (["cursor", "--sandbox", "--write-key"], "--sandbox needs no key"),
        (["cursor", "--write-key"], "PORTKEY_API_KEY, which is not set"),
        (["cursor", "--write-key", "--scope", "project"], "which others get"),
        (["cursor", "--write-key", "--url", URL], "--write-key needs --bearer"),
        (["cursor", "--write-key", "--url", URL, "--bearer"], "PORTKEY_ADMIN_MCP_TOKEN, which"),
        (["cursor", "--write-key", "--url", URL, "--caller-key"], "PORTKEY_API_KEY, which"),
        (["cursor", "--env", "PORTKEY_API_KEY=x"], "looks like a secret"),
        (["cursor", "--env", "PORTKEY_TOOLSET=x"], "there is no setting PORTKEY_TOOLSET"),
        (["cursor", "--env", "x"], "write NAME=VALUE"),
        (["cursor", "--env", "PORTKEY_TOOL_MODE=abc"], "PORTKEY_TOOL_MODE: input should be 'full'"),
        (["cursor", "--env", "PORTKEY_TOOLSETS=user"], "users"),
        (["cursor", "--env", "PORTKEY_TOOLS=list_work"], "PORTKEY_TOOLS"),
        (["cursor", "--env", "PORTKEY_READ_ONLY=perhaps"], "PORTKEY_READ_ONLY: input should be"),
        (["cursor", "--env-key", "pk=1"], "not its value"),
        (["cursor", "--name", "portkey-admins"], "at most 13 letters"),
        (["cursor", "--env-file", "nowhere"], "does not exist"),
        (["codex"], "Use --print"),
        (["zed", "--print", "--write-key"], "shows no key"),
        (["zed", "--print", "--dry-run"], "changes no file"),
        (["copilot-cli", "--print", "--scope", "project"], "has no configuration for a project"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_do_not_fit_are_a_sentence_and_write_nothing(run, home, arguments, message):
    result = run("install", *arguments)

    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert files_in(home) == []


# Claude Code's entries for one folder


def local_entries(home, **folders):
    """Write what `claude mcp add` writes in these folders, and return the file."""
    entry = {"type": "stdio", "command": "portkey-admin-mcp", "args": ["--sandbox"], "env": {}}
    projects = {
        str(folder): {"allowedTools": [], "mcpServers": {"portkey": entry}}
        for folder in folders.values()
    }
    file = home / ".claude.json"
    file.write_text(json.dumps({"projects": projects}, indent=2))
    return file


@pytest.mark.parametrize("scope", ["user", "project"])
@pytest.mark.parametrize("is_repository", [True, False])
def test_install_says_that_another_entry_is_used_in_this_folder(
    run, home, monkeypatch, scope, is_repository
):
    project = Path.cwd()
    local_entries(home, here=project)
    if is_repository:  # Claude Code keeps the entries of a repository for its root
        (project / ".git").mkdir()
        (project / "deep").mkdir()
        monkeypatch.chdir(project / "deep")

    warned = run("install", "claude-code", "--sandbox", "--scope", scope)
    again = run("install", "claude-code", "--sandbox", "--scope", scope)
    other_name = run("install", "claude-code", "--sandbox", "--name", "other")

    cure = "claude mcp remove portkey --scope local"
    assert (warned.exit_code, again.exit_code) == (0, 0)
    assert cure in warned.stderr
    assert cure in again.stderr
    assert "scope local" not in other_name.stderr


def test_uninstall_removes_the_entry_for_this_folder_and_names_other_folders(run, home):
    file = local_entries(home, here=Path.cwd(), there="/elsewhere")
    run("install", "claude-code", "--sandbox")

    result = run("uninstall", "claude-code")
    again = run("uninstall", "claude-code")

    content = json.loads(file.read_text())
    assert result.exit_code == 0, result.output
    assert content["mcpServers"] == content["projects"][str(Path.cwd())]["mcpServers"] == {}
    assert [*content["projects"]["/elsewhere"]["mcpServers"]] == ["portkey"]
    assert "still there for /elsewhere" in result.stderr
    assert "Nothing to do" in again.stdout


def test_uninstall_keeps_an_entry_of_another_program_for_this_folder(run, home):
    file = local_entries(home, here=Path.cwd())
    file.write_text(file.read_text().replace("portkey-admin-mcp", "another"))
    before = file.read_text()

    refused = run("uninstall", "claude-code")

    assert refused.exit_code == 1
    assert "is not an entry of this program" in refused.output
    assert file.read_text() == before
    assert run("uninstall", "claude-code", "--force").exit_code == 0
    assert "another" not in file.read_text()


# Printing


def printed(result, client):
    language = BY_KEY[client].form.language
    read = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}[language]
    value = read(result.stdout)
    for step in (*BY_KEY[client].form.section, "portkey"):
        value = value[step]
    return value


@pytest.mark.parametrize("client", BY_KEY)
def test_each_configuration_is_printed_in_its_language(run, home, client):
    local = run(
        "install", "--print", client, "--env", "PORTKEY_READ_ONLY=true", PORTKEY_API_KEY=KEY
    )

    assert local.exit_code == 0, local.output
    text = json.dumps(printed(local, client))
    assert "portkey-admin-mcp" in text
    assert '"PORTKEY_READ_ONLY": "true"' in text
    if client in REFERENCES:
        assert f'"PORTKEY_API_KEY": "{REFERENCES[client]}"' in text
    assert KEY not in local.output
    assert BY_KEY[client].user_file.linux.rpartition("/")[2] in local.stderr
    assert files_in(home) == []


@pytest.mark.parametrize("client", [c.key for c in CLIENTS if c.form.hosted is not None])
def test_the_configuration_for_an_address_is_printed(run, client):
    hosted = run("install", "--print", client, "--url", URL, "--bearer", "--caller-key")

    text = json.dumps(printed(hosted, client))
    assert URL in text
    assert "PORTKEY_ADMIN_MCP_TOKEN" in text or "${input:portkey-token}" in text
    assert "X-Portkey-Api-Key" in text


@pytest.mark.parametrize("client", ["zed", "antigravity", "claude-desktop"])
def test_a_client_without_references_shows_where_the_key_goes(run, client):
    result = run("install", "--print", client)

    assert printed(result, client)["env"] == {"PORTKEY_API_KEY": "YOUR_PORTKEY_API_KEY"}
    note = next(line for line in result.stderr.splitlines() if "takes nothing from the env" in line)
    assert 0 < note.index("--env-file FILE") < note.index("YOUR_PORTKEY_API_KEY")


def test_an_address_is_given_no_advice_for_a_program(run):
    result = run("install", "--print", "zed", "--url", URL, "--bearer")

    assert "in place of YOUR_PORTKEY_ADMIN_MCP_TOKEN" in result.stderr
    assert "--env-file" not in result.stderr


@pytest.mark.parametrize("arguments", [[], ["--sandbox"], ["--url", URL]])
def test_goose_speaks_of_variables_only_if_it_asks_for_some(run, arguments):
    result = run("install", "--print", "goose", *arguments)

    assert ("goose asks for PORTKEY_API_KEY" in result.stderr) == (not arguments)
    assert ("keyring" in result.stderr) == (not arguments)


@pytest.mark.parametrize(
    ("client", "cures"),
    [
        ("codex", ["mcp_servers.portkey", "/.codex/config.toml", "skills remove --client codex"]),
        ("zed", ["context_servers.portkey", "zed/settings.json"]),
    ],
)
def test_uninstall_says_what_to_remove_where_it_changes_no_files(run, client, cures):
    result = run("uninstall", client)

    assert result.exit_code == 2
    assert all(cure in " ".join(result.output.split()) for cure in cures)


def test_codex_and_goose_name_the_variables_that_are_passed_on(run):
    codex = printed(run("install", "--print", "codex", "--env-key", "HTTPS_PROXY"), "codex")
    goose = printed(run("install", "--print", "goose"), "goose")
    hosted = printed(run("install", "--print", "codex", "--url", URL, "--bearer"), "codex")

    assert codex["env_vars"] == ["PORTKEY_API_KEY", "HTTPS_PROXY"]
    assert goose["env_keys"] == ["PORTKEY_API_KEY"]
    assert hosted["bearer_token_env_var"] == "PORTKEY_ADMIN_MCP_TOKEN"


# Places


def test_files_are_where_each_system_keeps_them():
    assert paths("vscode", "macos") == ("/home/ada/Library/Application Support/Code/User/mcp.json")
    assert paths("vscode", "linux", XDG_CONFIG_HOME="/xdg") == "/xdg/Code/User/mcp.json"
    assert paths("vscode", "linux", XDG_CONFIG_HOME="xdg") == "/home/ada/.config/Code/User/mcp.json"
    assert paths("claude-desktop", "windows", APPDATA="/data") == (
        "/data/Claude/claude_desktop_config.json"
    )
    assert paths("cursor", "windows") == "/home/ada/.cursor/mcp.json"
    assert paths("claude-code", "linux", CLAUDE_CONFIG_DIR="/c") == "/c/.claude.json"


# What starts the server


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("/home/ada/.cache/uv/archive-v0/aBc", ["uvx", "portkey-admin-mcp"]),
        ("/home/ada/.cache/pipx/0123abc", ["pipx", "run", "portkey-admin-mcp"]),
        ("/home/ada/.local/share/pipx/venvs/portkey-admin-mcp", None),
    ],
)
def test_an_environment_that_is_kept_only_for_a_while_is_not_named(monkeypatch, prefix, expected):
    monkeypatch.setattr(sys, "prefix", prefix)

    words = launcher(is_shared=True)

    assert words == (expected or words)
    assert (words[0] in ("uvx", "pipx")) == (expected is not None)
    where = where_to_approve(Settings.model_validate({"PORTKEY_SANDBOX": True}), None)
    assert where.approve("ID").startswith(f"`{shlex.join(words)} approve ID --sandbox`")
    assert where.thaw == f"`{shlex.join(words)} thaw --sandbox`"


def test_the_demo_names_what_starts_the_server_later(monkeypatch, capsys):
    monkeypatch.setattr(sys, "prefix", "/home/ada/.cache/uv/archive-v0/aBc")
    monkeypatch.setenv("PATH", "")

    print_client_setup(Console(width=300))

    shown = capsys.readouterr().out
    assert "claude mcp add portkey -- uvx portkey-admin-mcp --sandbox" in shown
    assert '{"command": "uvx", "args": ["portkey-admin-mcp", "--sandbox"], "env": {"PORTKEY_TO' in (
        shown
    )
    assert "archive-v0" not in shown


def test_a_program_on_the_path_is_typed_by_its_name(monkeypatch):
    (program,) = launcher()

    monkeypatch.setenv("PATH", str(Path(program).parent))
    assert typed_command() == "portkey-admin-mcp"
    monkeypatch.setenv("PATH", "")
    assert typed_command() == shlex.quote(program)


def test_code_mode_by_uvx_needs_the_extra(run):
    result = run("install", "--print", "cursor", "--uvx", "--env", "PORTKEY_TOOL_MODE=code")

    assert printed(result, "cursor")["args"][:2] == ["--from", "portkey-admin-mcp[code]"]


def test_the_longest_name_leaves_room_for_every_tool():
    name = "a" * 13

    assert install_server.NAME.fullmatch(name)
    assert max(len(f"mcp__{name}__{tool}") for tool in load_offer().tools) == 64


def test_help_names_the_clients(run):
    text = run("install", "--help").output

    assert all(client.key in text for client in CLIENTS)

"""`portkey-admin-mcp skills`: skills as folders, for clients that read files."""

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from portkey_admin_mcp.cli.command_line import main
from portkey_admin_mcp.cli.skills import READERS
from portkey_admin_mcp.clients.places import this_system
from portkey_admin_mcp.clients.table import BY_KEY, CLIENTS
from portkey_admin_mcp.errors import ConfigurationError
from portkey_admin_mcp.server.mcp.skills.built_in import built_in_skills
from portkey_admin_mcp.server.mcp.skills.folders import (
    RECORD,
    remove_skills,
    write_skills,
)
from portkey_admin_mcp.server.mcp.skills.front_matter import NAME, split
from portkey_admin_mcp.server.mcp.skills.skill import Skill

NAMES = [skill.name for skill in built_in_skills().values()]
SPECIFIED = {"name", "description", "license", "allowed-tools", "metadata", "compatibility"}
"""The fields of the Agent Skills specification."""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **variables):
        return CliRunner().invoke(main, ["skills", *arguments], env=variables)

    return run


def states(written):
    return {each.name: each.state for each in written}


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in folder.rglob("*")
        if file.is_file()
    }


def skill(name="close-tickets", **files):
    text = f"---\nname: {name}\ndescription: d\n---\n\nb\n"
    return Skill(f"o/{name}", {"name": name, "description": "d"}, {"SKILL.md": text, **files})


def test_each_folder_is_a_skill_by_the_specification(run, tmp_path):
    result = run("install", "there")

    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0] == "there:"
    folders = [each for each in (tmp_path / "there").iterdir() if each.is_dir()]
    assert {each.name for each in folders} == {*NAMES}
    for folder in folders:
        source, body = split((folder / "SKILL.md").read_text())
        fields = yaml.safe_load(source)
        assert fields.keys() <= SPECIFIED
        assert fields["name"] == folder.name
        assert NAME.fullmatch(fields["name"])
        assert 1 <= len(fields["description"]) <= 1024
        assert len(fields["compatibility"]) <= 500
        assert len(body.splitlines()) < 500


@pytest.mark.parametrize("client", READERS)
def test_a_client_has_a_folder_in_the_home(run, tmp_path, client):
    assert run("install", "--client", client).exit_code == 0

    assert (tmp_path / BY_KEY[client].skills.user / "audit-access" / "SKILL.md").is_file()


def test_written_again_nothing_changes_and_removed_nothing_is_left(tmp_path):
    dry = write_skills(tmp_path, dry_run=True)
    assert contents(tmp_path) == {}
    first = write_skills(tmp_path)
    texts = contents(tmp_path)
    second = write_skills(tmp_path)

    assert states(dry) == states(first) == dict.fromkeys(NAMES, "new")
    assert states(second) == dict.fromkeys(NAMES, "unchanged")
    assert contents(tmp_path) == texts
    assert states(remove_skills(tmp_path, dry_run=True)) == dict.fromkeys(NAMES, "removed")
    assert contents(tmp_path) == texts
    assert states(remove_skills(tmp_path)) == dict.fromkeys(NAMES, "removed")
    assert [*tmp_path.iterdir()] == []
    assert remove_skills(tmp_path) == []


def test_a_new_version_replaces_what_was_not_changed(tmp_path):
    write_skills(tmp_path, skills=[skill(**{"references/old.md": "old"})])

    written = write_skills(tmp_path, skills=[skill(**{"references/new.md": "new"})])

    assert states(written) == {"close-tickets": "updated"}
    assert contents(tmp_path / "close-tickets").keys() == {"SKILL.md", "references/new.md"}


@pytest.mark.parametrize("written_before", [True, False])
def test_a_changed_or_foreign_skill_is_kept(run, tmp_path, written_before):
    if written_before:
        write_skills(tmp_path)
    own = tmp_path / "audit-access" / "SKILL.md"
    own.parent.mkdir(exist_ok=True)
    own.write_text("mine")
    (own.parent / "notes.md").write_text("mine too")

    result = run("install", str(tmp_path))

    assert "audit-access            kept: a file in its folder is not ours" in result.output
    assert own.read_text() == "mine"
    assert not (own.parent / "references").exists() or written_before
    assert states(remove_skills(tmp_path)).get("audit-access", "kept") == "kept"
    # Its files name each other, so a changed skill stays as a whole.
    others = {"audit-access/references/workflows.md"} if written_before else set()
    assert contents(tmp_path).keys() - {RECORD} == {
        *("audit-access/SKILL.md", "audit-access/notes.md"),
        *others,
    }


def test_nothing_is_written_through_a_link(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = tmp_path / "skills"
    folder.mkdir()
    (folder / "close-tickets").symlink_to(elsewhere)

    assert states(write_skills(folder, skills=[skill()])) == {"close-tickets": "kept"}
    assert contents(elsewhere) == {}


@pytest.mark.parametrize("record", ["no JSON", "[]", '{"files": 1}', '{"files": {"../x/y": "z"}}'])
def test_a_damaged_record_removes_nothing(tmp_path, record):
    (tmp_path / RECORD).write_text(record)

    assert remove_skills(tmp_path) == []


def test_the_second_of_two_skills_of_one_name_is_kept_out(tmp_path):
    written = write_skills(tmp_path, skills=[skill(), skill(**{"more.md": "other"})])

    assert [each.state for each in written] == ["new", "kept"]
    assert contents(tmp_path / "close-tickets").keys() == {"SKILL.md"}


def test_a_folder_that_cannot_be_written_is_a_sentence(run, tmp_path):
    Path(tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="skills cannot be written: Not a directory"):
        write_skills(tmp_path / "file")
    assert run("install", "file").exit_code == 1


@pytest.mark.parametrize("arguments", [[], ["there", "--client", "codex"]])
def test_a_folder_or_a_client_is_named(run, arguments):
    assert "Name a FOLDER or a --client" in run("install", *arguments).output
    assert "Name a FOLDER or a --client" in run("remove", *arguments).output


def test_the_list_names_what_each_is_for(run):
    lines = run("list").output.splitlines()
    entries = json.loads(run("list", "--json").output)

    assert lines[0].startswith(f"{'onboard-team':22}  Set up a workspace with people, a budget, ")
    assert [entry["frontmatter"]["name"] for entry in entries] == NAMES


def test_the_organisations_skills_are_read_with_its_key(run):
    sandbox = run("list", "--organisation", "--sandbox")
    refused = run("list", "--organisation", PORTKEY_SANDBOX="true", PORTKEY_API_KEY="scopeless")

    assert sandbox.exit_code == 0, sandbox.output
    assert len(sandbox.output.splitlines()) == len(NAMES)
    assert refused.exit_code == 1
    assert "The organisation's skills were not read" in refused.stderr


# With the configuration of a client


ENTRY = {
    "claude-code": (".claude.json", ".claude/skills"),
    "cursor": (".cursor/mcp.json", ".cursor/skills"),
    "vscode": (".config/Code/User/mcp.json", ".copilot/skills"),
}


@pytest.fixture
def command(run, monkeypatch):
    """Run a command of this program: `command("install", "cursor")`."""
    for name in ("XDG_CONFIG_HOME", "APPDATA", "CLAUDE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: CliRunner().invoke(main, arguments)


@pytest.mark.skipif(this_system() != "linux", reason="the paths are those of Linux")
@pytest.mark.parametrize("client", ENTRY)
def test_install_writes_the_skills_and_uninstall_removes_them(command, tmp_path, client):
    entry, folder = (tmp_path / path for path in ENTRY[client])

    dry = command("install", client, "--sandbox", "--skills", "--dry-run")
    assert f"{folder}, as it would be:\n  onboard-team            new" in dry.output
    assert contents(tmp_path) == {}
    result = command("install", client, "--sandbox", "--skills")

    assert result.exit_code == 0, result.output
    assert entry.is_file()
    assert {each.parent.name for each in folder.glob("*/SKILL.md")} == {*NAMES}
    again = command("install", client, "--sandbox", "--skills")
    assert "Nothing to do" in again.output
    assert again.output.count("unchanged") == len(NAMES)
    assert command("uninstall", client, "--dry-run").output.count("removed") == len(NAMES)
    (folder / "audit-access" / "SKILL.md").write_text("mine")
    assert command("uninstall", client).output.count("removed") == len(NAMES) - 1
    skill_files = {"audit-access/SKILL.md", "audit-access/references/workflows.md"}
    assert contents(folder).keys() == {*skill_files, RECORD}


def test_the_skills_of_a_project_are_in_it(command, tmp_path):
    command("install", "vscode", "--sandbox", "--skills", "--scope", "project")

    assert (tmp_path / ".github/skills/audit-access/SKILL.md").is_file()
    assert not (tmp_path / ".copilot").exists()
    command("uninstall", "vscode", "--scope", "project")
    assert contents(tmp_path / ".github") == {}


def test_uninstall_leaves_skills_that_something_else_needs(command, tmp_path):
    folder = tmp_path / ".copilot" / "skills"
    command("install", "vscode", "--sandbox", "--skills")
    command("install", "vscode-insiders", "--sandbox", "--skills")
    texts = contents(folder).keys()

    shared = command("uninstall", "vscode")

    assert shared.output.count("kept: it was written for something else, too") == len(NAMES)
    assert contents(folder).keys() == texts
    assert "audit-access" not in command("uninstall", "vscode").output
    command("uninstall", "vscode-insiders")
    assert contents(folder) == {}


def test_uninstall_leaves_skills_that_it_did_not_write(command, tmp_path):
    command("skills", "install", "--client", "cursor")
    command("install", "cursor", "--sandbox")
    texts = contents(tmp_path / ".cursor" / "skills")

    result = command("uninstall", "cursor")

    assert result.exit_code == 0
    assert "audit-access" not in result.output
    assert contents(tmp_path / ".cursor" / "skills") == texts
    assert command("skills", "remove", "--client", "cursor").output.count("removed") == len(NAMES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["claude-desktop"], "reads no skills from files. Leave out --skills"),
        (["codex"], "skills install --client codex` writes its skills"),
        (["cursor", "--print"], "leave out --dry-run, --force, --write-key, --skills"),
    ],
)
def test_skills_that_are_not_written_are_told_before_anything_is(
    command, tmp_path, arguments, message
):
    result = command("install", *arguments, "--sandbox", "--skills")

    assert result.exit_code == 2
    assert message in result.stderr
    assert contents(tmp_path) == {}


def test_a_folder_of_skills_that_cannot_be_written_is_a_sentence(command, tmp_path):
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor" / "skills").write_text("")

    result = command("install", "cursor", "--sandbox", "--skills")

    assert result.exit_code == 1
    assert "skills cannot be written: Not a directory" in result.stderr


def test_the_folder_of_claude_code_moves_with_its_configuration(command, tmp_path, monkeypatch):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "moved"))

    command("skills", "install", "--client", "claude-code")

    assert (tmp_path / "moved/skills/audit-access/SKILL.md").is_file()


def test_the_page_names_the_folders():
    page = (Path(__file__).parents[2] / "docs" / "skills.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| `(\S+)` \| `(\S+)` \|$", page, re.MULTILINE)

    assert rows == [
        (client.key, client.skills.user, client.skills.project)
        for client in CLIENTS
        if client.skills is not None
    ]

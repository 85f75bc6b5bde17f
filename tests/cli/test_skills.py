"""`portkey-admin-mcp skills`: skills as folders, for clients that read files."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from portkey_admin_mcp.cli.command_line import main
from portkey_admin_mcp.cli.skills import CLIENTS
from portkey_admin_mcp.errors import ConfigurationError
from portkey_admin_mcp.server.mcp.skills.built_in import built_in_skills
from portkey_admin_mcp.server.mcp.skills.folders import (
    DIRECTORIES,
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


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_has_a_folder_in_the_home(run, tmp_path, client):
    assert run("install", "--client", client).exit_code == 0

    assert (tmp_path / DIRECTORIES[client] / "audit-access" / "SKILL.md").is_file()


def test_the_clients_are_those_with_a_folder():
    assert set(CLIENTS) == DIRECTORIES.keys()


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
    assert contents(tmp_path).keys() - {RECORD} == {
        "audit-access/SKILL.md",
        "audit-access/notes.md",
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

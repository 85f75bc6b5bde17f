"""`portkey-admin-mcp tools` and `describe`."""

import json
import shlex
import sys
from functools import cache

import pytest
from click.testing import CliRunner

from each import for_each
from portkey_admin_mcp.cli.calls import CommandCalls
from portkey_admin_mcp.cli.command_line import main
from portkey_admin_mcp.cli.describe import description_of, example
from portkey_admin_mcp.cli.tool_arguments import read_words
from portkey_admin_mcp.clients.launcher import typed_command
from portkey_admin_mcp.errors import Forbidden, NotFound
from portkey_admin_mcp.server.calls.arguments import arguments_model
from portkey_admin_mcp.server.calls.schema import accepted_schema
from portkey_admin_mcp.server.loading import load_offer
from portkey_admin_mcp.server.mcp.definitions import all_tools


@pytest.fixture
def tools():
    def tools(*arguments, **variables):
        return CliRunner().invoke(main, ["tools", *arguments], env=variables)

    return tools


@pytest.fixture
def describe():
    def describe(*arguments, **variables):
        return CliRunner().invoke(main, ["describe", *arguments], env=variables)

    return describe


def test_the_digest_is_that_of_the_offer(tools):
    digest = load_offer().digest

    assert tools("--digest").output.strip() == digest
    assert json.loads(tools("--digest", "--agent").stdout) == {"digest": digest}
    assert tools("--digest", PORTKEY_TOOLSETS="configs").output.strip() != digest
    assert tools("--digest", "--domain", "configs").exit_code == 2


def test_tools_are_listed_with_their_effect(tools):
    lines = tools("--domain", "configs").output.splitlines()

    assert lines[0].split()[:2] == ["list_configs", "read"]
    assert len(lines) == sum(t.domain == "configs" for t in load_offer().tools.values())
    assert json.loads(tools("--domain", "configs", "--json").output)[0]["name"] == "list_configs"


def test_the_option_for_the_sandbox_is_taken_and_changes_nothing(tools, describe):
    assert tools("--sandbox", "--digest").output == tools("--digest").output
    of_sandbox = describe("get_config", "--sandbox")
    assert (of_sandbox.exit_code, of_sandbox.output) == (0, describe("get_config").output)


def test_words_find_tools(tools):
    lines = tools("rotate", "a", "key").output.splitlines()

    assert lines[0].split()[0] == "rotate_api_key"
    assert len(lines) == 10
    assert "no tool matches 'xyzzyq'" in tools("xyzzyq").output


def test_an_agent_gets_names_and_first_sentences(tools):
    rows = json.loads(tools(CLAUDECODE="1").stdout)["tools"]

    assert len(rows) == len(load_offer().tools)
    assert rows[0] == {
        "name": "list_all_users",
        "domain": "users",
        "effect": "read",
        "summary": rows[0]["summary"],
    }


def test_a_wrong_domain_or_setting_is_a_sentence(tools):
    wrong = tools("--domain", "config")
    setting = tools(PORTKEY_TOOLSETS="nothing")

    assert wrong.exit_code == 2
    assert "there is no domain 'config'; there are" in wrong.output
    assert setting.exit_code == 3
    assert "PORTKEY_TOOLSETS" in setting.output


def test_a_tool_is_described_with_all_that_one_needs_to_call_it(describe):
    text = describe("create_api_key").output

    for line in (
        "Endpoint:  POST /api-keys/{type}/{sub_type}",
        "Risk:      low; high if the key acts on the whole organisation (type=organisation)",
        "Its answer holds a secret, only once; PORTKEY_SECRET_SINK says where it goes.",
        f"Example:   {typed_command()} call create_api_key type=organisation sub_type=service "
        "name=NAME scopes=SCOPES",
    ):
        assert line in text.splitlines()
    assert "string, required; organisation|workspace. Where it is valid." in text
    assert "rate_limits.0.unit " in text


def test_a_description_is_json_for_programs(describe):
    description = json.loads(describe("delete_workspace", "--json").output)

    assert description["risk"] == "high: what is deleted cannot be restored"
    assert description["arguments"][0] == {
        "name": "workspace_id",
        "type": "string",
        "required": True,
        "description": "Workspace id or slug.",
    }
    assert description["input_schema"]["required"] == ["workspace_id"]
    assert json.loads(describe("delete_workspace", CLAUDECODE="1").stdout) == description


def test_where_uvx_starts_the_program_every_command_that_is_named_begins_with_it(
    describe, monkeypatch
):
    monkeypatch.setattr(sys, "prefix", "/home/ada/.cache/uv/archive-v0/aBc")

    example_line = "Example:   uvx portkey-admin-mcp call list_workspaces"
    assert example_line in describe("list_workspaces").output
    assert "`uvx portkey-admin-mcp tools`" in describe("zzzzzz").output
    wrong = describe("list_workspaces", PORTKEY_TIMEOUT_MS="soon").output
    assert "`uvx portkey-admin-mcp doctor --setting NAME`" in wrong


def test_an_unknown_or_excluded_tool_is_told(describe):
    unknown = describe("rotate_key")
    excluded = describe("delete_workspace", PORTKEY_READ_ONLY="true")

    assert (unknown.exit_code, excluded.exit_code) == (2, 7)
    assert "Did you mean rotate_api_key" in unknown.output


async def test_every_example_of_a_read_runs_on_the_sandbox_or_waits_for_a_real_id():
    commands = CommandCalls(sandbox=True, env_file=None, state=None)
    refused = {}
    for listed in load_offer().tools.values():
        if listed.effect != "read":
            continue
        text = example(listed.name, listed.input_schema)
        schema = accepted_schema(arguments_model(commands.calls.tool(listed.name)))
        given = read_words(shlex.split(text)[3:], schema)
        outcome = await commands.calls(listed.name, given)
        placeholders = [value for name, value in given.items() if value == name.upper()]
        is_about_one = isinstance(outcome.error, NotFound | Forbidden) or any(
            f"'{each}'" in outcome.texts[0] for each in placeholders
        )
        if outcome.is_error and not (placeholders and is_about_one):
            refused[text] = outcome.texts[0]
    commands.calls.portkey().retire()

    assert refused == {}


@cache
def offered_tools():
    return load_offer().tools


@for_each(all_tools(), name_of=lambda tool: tool.name)
def test_every_example_has_all_that_is_required_in_its_types(tool):
    listed = offered_tools()[tool.name]
    program, command, name, *words = shlex.split(example(tool.name, listed.input_schema))
    model = arguments_model(tool)

    given = read_words(words, accepted_schema(model))

    assert shlex.quote(program) == typed_command()
    assert (command, name) == ("call", tool.name)
    assert {*listed.input_schema.get("required", ())} <= given.keys()
    for argument, value in given.items():
        types = {str: "string", bool: "boolean", int: "integer", list: "array", dict: "object"}
        announced = listed.input_schema["properties"][argument]["type"]
        assert types.get(type(value), "number") == announced or announced == "number"
    assert description_of(listed)["risk"].split(";")[0].split(":")[0] in ("low", "medium", "high")

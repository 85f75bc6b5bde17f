"""How a session on stdio starts, and how many modules it imports: counted, not timed."""

import json
import re
import subprocess
import sys

import pytest

from fake_portkey import Answer
from initialization import INITIALIZE, INITIALIZED
from portkey_admin_mcp.cli.stdio import SETTINGS_OF_LISTS, TOOL_MODE
from portkey_admin_mcp.domains import DOMAINS
from portkey_admin_mcp.settings.environment import variable_names
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings
from programs import tree_environment

OPENING = [INITIALIZE, INITIALIZED, {"id": 2, "method": "tools/list"}]
MAX_MODULES = 85
"""For a session that only lists tools. It imported 72 when this limit was set."""


def imported(messages, tmp_path, **env):
    """What a session imported, and what it answered.

    Input stays open until a call is answered: after its end, only half a second is left for that.
    Without a call it ends at once: an idle server imports what the first call will need.
    """
    lines = "".join(json.dumps({"jsonrpc": "2.0", **m}) + "\n" for m in messages)
    log = tmp_path / "imports"
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "portkey_admin_mcp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=tmp_path,
            env=tree_environment({"HOME": str(tmp_path), **env}),
        ) as process,
    ):
        process.stdin.write(lines)
        process.stdin.flush()
        if not any(m["method"] == "tools/call" for m in messages):
            process.stdin.close()
        answers = [json.loads(process.stdout.readline()) for m in messages if "id" in m]
        process.stdin.close()
        assert process.stdout.read() == ""
    assert process.returncode == 0
    names = re.findall(r"^import time:.*\| +(\S+)$", log.read_text(), re.MULTILINE)
    return names, answers


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """What a session that only lists imported in the usual mode, and what it answered."""
    return imported(OPENING, tmp_path_factory.mktemp("full"))


def test_a_session_that_only_lists_imports_few_modules(full):
    names, answers = full

    assert [answer["id"] for answer in answers] == [0, 2]
    assert len(answers[1]["result"]["tools"]) > 180
    packages = {name.partition(".")[0] for name in names}
    assert not packages & {"mcp", "mcp_types", "pydantic", "asyncio", "click", "aiohttp"}
    assert len(names) <= MAX_MODULES


@pytest.mark.parametrize("mode", ["search", "code"])
def test_other_modes_start_with_no_more_imports(tmp_path, full, mode):
    names_in_full, _answers = full
    names, answers = imported(OPENING, tmp_path, PORTKEY_TOOL_MODE=mode)

    assert len(answers[1]["result"]["tools"]) < 10
    # Code mode checks whether its package is installed.
    assert {*names} - {*names_in_full} <= {"importlib.util", "importlib._abc"}


@pytest.mark.parametrize(
    ("mode", "tool", "arguments"),
    [
        ("search", "call_tool", {"name": "list_configs"}),
        ("search", "search_tools", {"query": "configs"}),
        ("code", "search", {"query": "configs"}),
        ("code", "get_schema", {"tools": ["list_configs"]}),
    ],
)
def test_the_tools_of_other_modes_do_without_the_sdk(
    tmp_path, fake, portkey_env, mode, tool, arguments
):
    fake.script([Answer(body={"total": 0, "data": []})])
    params = {"name": tool, "arguments": arguments}
    call = {"id": 3, "method": "tools/call", "params": params}

    names, answers = imported([*OPENING, call], tmp_path, PORTKEY_TOOL_MODE=mode, **portkey_env)

    assert answers[-1]["result"]["isError"] is False
    assert not {name.partition(".")[0] for name in names} & {"mcp", "mcp_types"}


def test_a_call_imports_its_own_domain_and_not_the_sdk(tmp_path, fake, portkey_env):
    fake.script([Answer(body={"total": 0, "data": []})])
    call = {"id": 3, "method": "tools/call", "params": {"name": "list_configs", "arguments": {}}}

    names, answers = imported([*OPENING, call], tmp_path, **portkey_env)

    assert answers[-1]["result"]["structuredContent"] == {
        "has_more": False,
        "total": 0,
        "data": [],
        "notes": [
            "This covers one workspace only: the key's own, or an organisation key's default. "
            "`workspace_id` chooses another."
        ],
    }
    assert not {name.partition(".")[0] for name in names} & {"mcp", "mcp_types"}
    models = {name.rpartition(".")[2] for name in names if ".models." in name}
    assert models & {*DOMAINS} == {"configs"}


def test_the_settings_that_decide_what_is_listed_are_known_before_they_are_read():
    fields = ("toolsets", "tools", "exclude_tools", "tool_mode", "read_only", "fast_path")
    names = {n for field in fields for n in variable_names(Settings.model_fields[field])}
    narrowed = ("policy_file", "workspaces")
    names |= {n for field in narrowed for n in variable_names(SafetySettings.model_fields[field])}

    assert names == {*SETTINGS_OF_LISTS, TOOL_MODE}


@pytest.mark.parametrize(
    ("env", "count"),
    [
        ({"PORTKEY_TOOLSETS": "collections"}, 5),
        ({"portkey_toolsets": "collections"}, 5),
        ({"PORTKEY_TOOLS": "list_configs"}, 1),
        ({"PORTKEY_TOOLSETS": "collections", "PORTKEY_READ_ONLY": "true"}, 2),
    ],
)
def test_only_what_the_settings_choose_is_listed_and_called(start, env, count):
    with start("--sandbox", env=env) as server:
        server.open()
        assert len(server.ask("tools/list")["tools"]) == count
        refused = server.call("list_workspaces")

    assert refused["isError"] is True
    assert "There is no tool 'list_workspaces'" in refused["content"][0]["text"]


def test_prompts_and_resources_need_the_tools_they_name(start):
    with start("--sandbox", env={"PORTKEY_TOOLS": "get_config"}) as server:
        greeting = server.open()
        templates = server.ask("resources/templates/list")["resourceTemplates"]

    assert "prompts" not in greeting["capabilities"]
    assert [each["name"] for each in templates] == ["configs"]


def test_a_cancelled_call_is_not_answered_and_the_next_one_is(start, fake, portkey_env):
    fake.script(["silence", Answer(body={"total": 7})])
    with start(env=portkey_env) as server:
        server.open()
        request_id = server.request("tools/call", name="list_workspaces", arguments={})
        fake.wait_for(1)
        server.tell("notifications/cancelled", requestId=request_id)

        assert server.call("list_workspaces")["structuredContent"]["total"] == 7

    assert request_id not in [line["id"] for line in server.lines]


def test_an_id_in_use_is_refused_and_its_first_request_is_answered(start, fake, portkey_env):
    fake.script([Answer(body={"total": 1}, after_s=0.3)])
    with start(env=portkey_env) as server:
        server.open()
        request_id = server.request("tools/call", name="list_workspaces", arguments={})
        server.write(
            json.dumps({"jsonrpc": "2.0", "id": request_id, "method": "prompts/list"}).encode()
        )
        refused, answer = server.next_line(), server.next_line()

    assert refused["error"]["code"] == -32600
    assert answer["result"]["structuredContent"] == {"total": 1}


def test_calls_go_on_while_the_sdk_is_being_imported(start, fake, portkey_env):
    fake.script([Answer(body={"total": n}) for n in range(3)])
    with start(env=portkey_env) as server:
        server.open()
        server.call("list_workspaces")
        prompt = server.request("prompts/get", name="audit_access", arguments={})
        call = server.request("tools/call", name="list_workspaces", arguments={})
        first, second = server.next_line(), server.next_line()

    assert [first["id"], second["id"]] == [call, prompt]


def test_the_fast_path_may_be_turned_off(start):
    with start("--sandbox", env={"MCP_FAST_PATH": "off"}) as server:
        server.open()
        assert len(server.ask("tools/list")["tools"]) > 180
        assert server.call("list_workspaces")["structuredContent"]["total"] == 3

"""Code mode: three tools, and what code can do with the others."""

import json
import os
import subprocess
import sys

import pytest
from mcp import Client
from pydantic import SecretStr

from mcp_texts import texts
from portkey_admin_mcp.emulator.core.app import InProcess
from portkey_admin_mcp.errors import ConfigurationError
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.loading import load_offer
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.server.modes import code_run, search_mode
from portkey_admin_mcp.settings.settings import load_settings
from programs import tree_environment
from servers import build_calls, build_server

READS = [tool for tool in all_tools() if tool.effect == "read"]


# Tools and descriptions


async def test_three_tools_are_listed_and_every_hint_is_stated(coding):
    async with coding() as client:
        tools = (await client.list_tools()).tools

    assert [tool.name for tool in tools] == ["search", "get_schema", "execute"]
    assert all(None not in tool.annotations.model_dump().values() for tool in tools)
    assert [tool.annotations.read_only_hint for tool in tools] == [True, True, False]
    assert tools[2].annotations.destructive_hint


@pytest.mark.parametrize(("mode", "calls"), [("code", "execute"), ("search", "call_tool")])
async def test_a_tool_that_calls_only_reading_tools_is_read_only(api, mode, calls):
    server = build_server(lambda: api, offered=READS, mode=mode)
    async with Client(server) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}

    assert tools[calls].annotations.read_only_hint
    assert not tools[calls].annotations.destructive_hint


async def test_tools_are_found_and_described_in_few_words(coding):
    async with coding() as client:
        matches = texts(await client.call_tool("search", {"query": "make a prompt folder"}))[0]
        nothing = texts(await client.call_tool("search", {"query": "zzzz"}))[0]
        names = ["list_configs", "list_config"]
        described = texts(await client.call_tool("get_schema", {"tools": names}))[0]
        unknown = await client.call_tool("get_schema", {"tools": ["list_config"]})

    assert "create_collection(name): Create a folder for prompts." in matches.splitlines()[:3]
    assert len(matches.splitlines()) == search_mode.DEFAULT_LIMIT
    assert nothing.startswith("No tool matches these words.")
    first, second = described.split("\n\n")
    assert first.startswith("list_configs: ")
    assert "\nworkspace_id?: " in first
    assert "\nAnswers {total, " in first
    assert second.startswith("There is no tool 'list_config'. Did you mean list_configs")
    assert unknown.is_error


# What code can do


CHAIN = """
import asyncio

keys, page = [], 0
while True:
    answer = await call_tool("list_api_keys", {"page_size": 4, "current_page": page})
    keys += answer["data"]
    if not answer["has_more"]:
        break
    page += 1
period = {
    "time_of_generation_min": "2026-10-01T00:00:00Z",
    "time_of_generation_max": "2026-11-02T09:00:00Z",
}
workspaces, users, usage = await asyncio.gather(
    call_tool("list_workspaces"),
    call_tool("list_all_users"),
    call_tool("get_analytics_group", {"group_by": "api_key", "columns": ["requests"], **period}),
)
names = {each["id"]: each["name"] for each in workspaces["data"]}
people = {each["id"]: each["first_name"] for each in users["data"]}
requests = {each["api_key"]: each["requests"] for each in usage["data"]}
return [
    [key["name"], names.get(key["workspace_id"]), people.get(key["user_id"])]
    for key in sorted(keys, key=lambda key: key["name"])
    if key["status"] == "active" and not requests.get(key["id"])
]
"""


async def test_a_chain_of_five_calls_is_one_call(returned, emulator):
    emulator.log.clear()

    table = await returned(CHAIN)

    assert table == [
        ["Admin", None, None],
        ["Sandbox owner", None, "Ada"],
        ["Scopeless", None, None],
        ["Workspace service", "Support", None],
        ["Workspace user", "Support", "Emi"],
    ]
    # One more request names the keys of the analytics. The last one is of the call that checks
    # whether the server still answers.
    assert len(emulator.log) == 6 + 1


async def test_a_tool_answers_code_as_it_answers_a_client_that_asks_for_all_fields(ask, returned):
    complete = await ask("list_all_users", page_size=2, fields="*")
    short = await ask("list_all_users", page_size=2, fields="email")

    call = 'return await call_tool("list_all_users", {"page_size": 2%s})'
    assert await returned(call % "") == complete
    assert await returned(call % ', "fields": "email"') == short


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_user", {}),
        ("get_user", {"user_id": "no-such-user"}),
        ("list_configs", {"page_sise": 1}),
        ("create_api_key", {"type": "organisation", "name": "x"}),
    ],
)
async def test_a_failing_tool_raises_the_advice_it_gives_outside(
    refusal, returned, stopped, tool, arguments
):
    outside = await refusal(tool, **arguments)
    call = f"await call_tool({tool!r}, {arguments!r})"

    assert await stopped(call) == outside
    caught = f"try:\n    {call}\nexcept RuntimeError as error:\n    return [str(error)]"
    assert await returned(caught) == [outside]


async def test_an_unknown_tool_is_answered_with_the_nearest(stopped):
    assert await stopped('await call_tool("list_confgs")') == (
        "There is no tool 'list_confgs'. Did you mean list_configs or list_changes "
        "or list_config_versions?"
    )
    assert "There is no tool 'execute'" in await stopped('await call_tool("execute", {"code": ""})')
    assert "are a dict" in await stopped('await call_tool("list_configs", [1])')


async def test_only_what_is_offered_is_found_described_and_called(coding, stopped):
    async with coding(offered=READS) as client:
        matches = await client.call_tool("search", {"query": "delete a prompt", "limit": 20})
        described = await client.call_tool("get_schema", {"tools": ["delete_prompt"]})

    assert {line.partition("(")[0] for line in texts(matches)[0].splitlines()} <= {
        tool.name for tool in READS
    }
    assert described.is_error
    call = 'await call_tool("delete_prompt", {"prompt_id": "x"})'
    assert "There is no tool 'delete_prompt'" in await stopped(call, offered=READS)


async def test_the_client_refuses_a_write_from_code_too(stopped, emulator):
    """The tool is offered here: the client of Portkey's API refuses the write."""
    key = SecretStr(emulator.keys()["owner"])
    settings = load_settings(PORTKEY_API_KEY=key, PORTKEY_READ_ONLY=True)
    reading = Portkey(settings, InProcess(emulator))
    emulator.log.clear()

    message = await stopped('await call_tool("create_workspace", {"name": "A"})', portkey=reading)

    assert "This server only reads" in message
    assert all(line.startswith("GET ") for line in emulator.log)


async def test_printed_text_is_returned_up_to_a_length_and_goes_nowhere_else(execute, capfd):
    result = await execute('print("seen", 1)\nreturn 2')
    long = await execute('for _ in range(100_000):\n    print("much")\nreturn 2')
    failed = await execute('print("so far")\n1 / 0')

    assert texts(result) == ["2", "Printed:\nseen 1\n"]
    assert len(texts(long)[1]) < code_run.MAX_PRINTED_CHARS + 100
    assert texts(long)[1].endswith("…")
    assert texts(failed)[1] == "Printed:\nso far\n"
    assert capfd.readouterr().out == ""


async def test_arguments_that_are_not_sent_are_named_for_calls_from_code_too(execute):
    call = 'await call_tool("invite_user", {"email": "a@b.example", "role": "member", '
    result = await execute(f'{call}"first_name": "A", "workspaces": []}})\nreturn 1')

    assert "first_name" in texts(result)[1]


async def test_text_is_returned_unchanged_and_no_value_as_null(execute):
    assert texts(await execute('return "name,cost\\nA,1"')) == ["name,cost\nA,1"]
    assert texts(await execute("x = 1")) == ["null"]


async def test_code_finds_workspaces_by_their_names_without_icons(ask, returned):
    outside = (await ask("list_workspaces"))["data"]
    code = 'return (await call_tool("list_workspaces", {}))["data"]'.replace
    inside = await returned(code("{}", "{}"))
    shown = await returned(code("{}", '{"name_format": "display"}'))
    (science,) = [row for row in inside if row["name"] == "Science"]
    arguments = f'{{"workspace_id": "{science["slug"]}"}}'
    one = await returned(f'return await call_tool("get_workspace", {arguments})')

    assert "🔬 Science" in {row["name"] for row in outside}
    assert "🔬 Science" in {row["name"] for row in shown}
    assert science["icon"] == one["icon"] == "🔬"
    assert one["name"] == "Science"


@pytest.mark.parametrize(
    ("mode", "tool", "arguments"),
    [
        ("code", "execute", {"code": 'return await call_tool("list_workspaces")'}),
        ("search", "call_tool", {"name": "list_workspaces"}),
    ],
)
async def test_an_answer_is_sent_once_because_no_output_schema_asks_for_more(
    api, mode, tool, arguments
):
    calls = build_calls(lambda: api, mode=mode)

    outcome = await calls(tool, arguments)

    assert json.loads(outcome.texts[0])["data"]
    assert outcome.structured is None
    assert not any("outputSchema" in tool for tool in calls.offer.mode_tools.values())


# Its dependency


def test_other_modes_do_without_the_sandbox(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)

    load_offer()
    load_offer("search")
    with pytest.raises(ConfigurationError, match=r"pip install 'portkey-admin-mcp\[code\]'"):
        load_offer("code")


def test_the_sandbox_is_never_imported_by_the_server():
    code = (
        "import asyncio, sys; from servers import build_calls; "
        "calls = build_calls(lambda: None, mode='code'); "
        "asyncio.run(calls('search', {'query': 'keys'})); "
        "print('pydantic_monty' in sys.modules)"
    )

    process = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=tree_environment({"PYTHONPATH": os.pathsep.join(sys.path)}),
    )

    assert process.stdout.strip() == "False"

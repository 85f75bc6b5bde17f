"""Every revision of the protocol, in plain lines and through the official client."""

import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager

import pytest
from mcp import Client, ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import (
    ClientCapabilities,
    Implementation,
    InitializedNotification,
    InitializeRequest,
    InitializeRequestParams,
    InitializeResult,
)

from fake_portkey import Answer
from portkey_admin_mcp import __version__
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.server.offer.offer import SKILLS
from programs import tree_environment

HANDSHAKE = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
LATEST_PROTOCOL = "2026-07-28"
NAMES = [tool.name for tool in all_tools()]
ONE_WORKSPACE = {"total": 1, "data": [{"id": "w-1", "slug": "ws-one", "name": "Eins – né"}]}


@pytest.fixture(scope="module", params=[*HANDSHAKE, LATEST_PROTOCOL])
def version(request):
    return request.param


@pytest.fixture(scope="module")
def sandbox(start, version):
    with start("--sandbox") as server:
        server.greeting = server.open(version)
        yield server


def test_initialize_agrees_on_the_version_and_names_the_capabilities(sandbox, version):
    greeting = sandbox.greeting

    assert greeting["capabilities"] == {
        "tools": {},
        "prompts": {},
        "resources": {},
        "completions": {},
        **({"extensions": {SKILLS: {"directoryRead": True}}} if version == LATEST_PROTOCOL else {}),
    }
    assert "list_ tools" in greeting["instructions"]
    if version == LATEST_PROTOCOL:
        assert version in greeting["supportedVersions"]
    else:
        assert greeting["protocolVersion"] == version
        assert greeting["serverInfo"] == {"name": "portkey-admin", "version": __version__}


def test_all_tools_come_in_one_page(sandbox):
    listed = sandbox.ask("tools/list")

    assert [tool["name"] for tool in listed["tools"]] == NAMES
    assert "nextCursor" not in listed


def test_an_answer_is_the_same_as_text_and_as_structure(sandbox):
    result = sandbox.call("list_workspaces")

    assert result["isError"] is False
    assert result["structuredContent"]["total"] == 3
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


def test_a_refusal_of_portkey_comes_with_status_and_advice(sandbox):
    result = sandbox.call("get_workspace", workspace_id="ws-nobody-knows")

    assert result["isError"] is True
    what_happened, what_to_do = result["content"][0]["text"].splitlines()
    assert what_happened.startswith("Portkey answered 404 AB08 to GET /admin/workspaces/")
    assert (
        what_to_do
        == "There is no such thing, or this key may not see it: check with list_workspaces."
    )


def test_an_unknown_tool_is_answered_with_the_nearest_one(sandbox):
    result = sandbox.call("list_workspace")

    assert result["isError"] is True
    assert "no tool 'list_workspace'" in result["content"][0]["text"]
    assert "Did you mean list_workspaces" in result["content"][0]["text"]


def test_a_wrong_argument_is_named_with_the_nearest_one(sandbox):
    result = sandbox.call("get_workspace", workspace="ws-any")

    assert result["isError"] is True
    assert (
        "workspace: there is no such argument; did you mean workspace_id?"
        in (result["content"][0]["text"])
    )
    assert "workspace_id: is required" in result["content"][0]["text"]


def test_a_cancelled_call_is_not_answered_and_the_end_of_input_ends_the_server(
    start, fake, portkey_env, version
):
    fake.script(["silence", Answer(body=ONE_WORKSPACE)])
    with start(env=portkey_env) as server:
        server.open(version)

        cancelled = server.request("tools/call", name="list_workspaces", arguments={})
        fake.wait_for(1)
        server.tell("notifications/cancelled", requestId=cancelled, reason="no longer wanted")
        fake.wait_for(1, abandoned=1)

        answer = server.call("list_workspaces")["structuredContent"]
        assert answer == ONE_WORKSPACE | {"has_more": False}
        server.close_input()
        assert server.wait_for_exit() == 0
        assert cancelled not in [line["id"] for line in server.lines]


@pytest.fixture
def connect(version, tmp_path):
    """Connect the official client at a given version, also one that it would not choose."""

    @asynccontextmanager
    async def to(*arguments, env=None):
        command = ["-m", "portkey_admin_mcp", *arguments]
        server = StdioServerParameters(
            command=sys.executable, args=command, env=tree_environment(env), cwd=str(tmp_path)
        )
        with (tmp_path / "stderr").open("w") as log:
            if version == LATEST_PROTOCOL:
                async with Client(stdio_client(server, log), mode=version) as client:
                    yield client.session
            else:
                async with stdio_client(server, log) as pipes, ClientSession(*pipes) as session:
                    await shake_hands(session, version)
                    yield session

    return to


async def shake_hands(session, version):
    params = InitializeRequestParams(
        protocol_version=version,
        capabilities=ClientCapabilities(),
        client_info=Implementation(name="tests", version="1"),
    )
    result = await session.send_request(InitializeRequest(params=params), InitializeResult)
    session.adopt(result)
    await session.send_notification(InitializedNotification())


async def test_the_official_client_is_answered_and_may_cancel(connect, fake, portkey_env, version):
    not_found = {"success": False, "data": {"message": "Not found", "errorCode": "AB08"}}
    one = Answer(body=ONE_WORKSPACE)
    fake.script([one, Answer(404, not_found), "silence", one])

    async with connect(env=portkey_env) as session:
        listed = await session.list_tools()
        answer = await session.call_tool("list_workspaces", {})
        refusal = await session.call_tool("get_workspace", {"workspace_id": "ws-nobody-knows"})
        unknown_tool = await session.call_tool("list_workspace", {})
        wrong_argument = await session.call_tool("get_workspace", {"workspace": "ws-any"})
        cancelled = asyncio.create_task(session.call_tool("list_workspaces", {}))
        await asyncio.to_thread(fake.wait_for, 3)
        cancelled.cancel()
        await asyncio.to_thread(fake.wait_for, 3, abandoned=1)
        again = await session.call_tool("list_workspaces", {})
        leaving = time.monotonic()

    # The client would have killed a server that stays for two seconds.
    assert time.monotonic() - leaving < 1
    assert session.protocol_version == version
    assert [tool.name for tool in listed.tools] == NAMES
    assert listed.next_cursor is None
    for success in (answer, again):
        assert not success.is_error
        assert success.structured_content == ONE_WORKSPACE | {"has_more": False}
        assert json.loads(success.content[0].text) == ONE_WORKSPACE | {"has_more": False}
    advised = [
        (refusal, "404 AB08"),
        (unknown_tool, "list_workspaces"),
        (wrong_argument, "workspace_id?"),
    ]
    for failure, advice in advised:
        assert failure.is_error
        assert advice in failure.content[0].text

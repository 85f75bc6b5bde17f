"""Code mode over both transports, with other clients at the same time, and with fewer tools."""

import asyncio
import json
import os
import time
from contextlib import ExitStack
from functools import cache

import pytest
from mcp import Client
from pydantic import SecretStr

from asgi_server import serve_app
from mcp_texts import texts
from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.server.modes.code_child import PROCESS
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.settings import Settings
from programs import children_running
from servers import hosted

CODE = {"PORTKEY_TOOL_MODE": "code", "PORTKEY_SANDBOX": "true"}
COUNT = 'return (await call_tool("list_workspaces"))["total"]'


def serve(session_mode):
    """Serve the emulator's organisation in code mode."""
    emulator = Emulator("acme", frozen_time)
    key = SecretStr(emulator.keys()["owner"])
    api = Portkey(Settings(PORTKEY_API_KEY=key), InProcess(emulator), frozen_time)

    def app(port):
        settings = {"MCP_PORT": port, "MCP_SESSION_MODE": session_mode}
        hosting = Hosting(MCP_ALLOW_UNAUTHENTICATED_HTTP=True, **settings)
        return hosted(lambda: api, hosting, mode="code")

    return serve_app(app)


@pytest.fixture(scope="module")
def address():
    """The address of a service by its session mode; each is started once."""
    with ExitStack() as services:
        yield cache(lambda session_mode: services.enter_context(serve(session_mode)))


def test_code_runs_over_stdio_and_stdout_carries_answers_only(start):
    with start(env=CODE) as server:
        server.open()
        listed = server.ask("tools/list")
        counted = server.call("execute", code=f"print('aside')\n{COUNT}")
        failed = server.call("execute", code="1 / 0")
        server.close_input()
        assert server.wait_for_exit() == 0

        assert [tool["name"] for tool in listed["tools"]] == ["search", "get_schema", "execute"]
        assert [block["text"] for block in counted["content"]] == ["3", "Printed:\naside\n"]
        assert failed["isError"]
        assert len(server.lines) == 4


def test_the_end_of_input_also_ends_a_loop(start, wait_until):
    with start(env=CODE) as server:
        server.open()
        server.call("execute", code="return 1")
        server.request("tools/call", name="execute", arguments={"code": "while True: pass"})
        wait_until(lambda: children_running(server.pid, PROCESS))
        server.close_input()

        server.wait_for_exit()


@pytest.mark.parametrize("session_mode", ["stateful", "stateless"])
@pytest.mark.parametrize("generation", ["legacy", "2026-07-28"])
async def test_code_runs_over_http_in_both_generations_and_both_modes(
    address, session_mode, generation
):
    async with Client(f"{address(session_mode)}/mcp", mode=generation) as client:
        result = await client.call_tool("execute", {"code": COUNT})

    assert texts(result) == ["3"]


@pytest.mark.parametrize("session_mode", ["stateful", "stateless"])
async def test_other_clients_are_answered_while_a_loop_runs(wait_until, session_mode):
    with serve(session_mode) as url:
        async with Client(f"{url}/mcp") as busy, Client(f"{url}/mcp") as other:
            loop = asyncio.create_task(busy.call_tool("execute", {"code": "while True: pass"}))
            await asyncio.to_thread(wait_until, lambda: children_running(os.getpid(), PROCESS))
            started = time.monotonic()
            counted = await other.call_tool("execute", {"code": COUNT})
            listed = await other.call_tool("list_workspaces", {})
            waited = time.monotonic() - started
            assert not loop.done()
            loop.cancel()

    assert texts(counted) == ["3"]
    assert not listed.is_error
    assert waited < 3


async def test_a_client_that_asks_for_fewer_tools_has_fewer_inside_too(address):
    call = 'return (await call_tool("{}"))["total"]'
    async with Client(f"{address('stateless')}/mcp?tools=workspaces") as client:
        matches = await client.call_tool("search", {"query": "list virtual keys", "limit": 20})
        described = await client.call_tool("get_schema", {"tools": ["list_virtual_keys"]})
        inside = await client.call_tool("execute", {"code": call.format("list_workspaces")})
        outside = await client.call_tool("execute", {"code": call.format("list_virtual_keys")})

    domain = {tool.name: tool.domain for tool in all_tools()}
    names = [line.partition("(")[0] for line in texts(matches)[0].splitlines()]
    assert {domain[name] for name in names} == {"workspaces"}
    assert described.is_error
    assert json.loads(texts(inside)[0]) == 3
    assert outside.is_error
    assert "There is no tool 'list_virtual_keys'" in texts(outside)[0]

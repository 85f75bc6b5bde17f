"""Which tools the settings leave, and that a server that only reads sends no write."""

import pytest
from mcp import Client
from pydantic import SecretStr

from drawn_calls import Drawn
from portkey_admin_mcp.assembly import mcp_server, selected_offer, tool_calls
from portkey_admin_mcp.domains import CHANGES, GROUPS, LEGACY_ALIASES, TOOLSETS
from portkey_admin_mcp.emulator.core.app import InProcess
from portkey_admin_mcp.errors import ConfigurationError, ReadOnly
from portkey_admin_mcp.models.configs import ConfigDraft
from portkey_admin_mcp.models.prompt_runs import Rendering
from portkey_admin_mcp.models.workspaces import WorkspaceFilter
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.server.offer.selection import nearest, selected_tools
from portkey_admin_mcp.settings.safety import load_safety
from portkey_admin_mcp.settings.settings import load_settings
from portkey_admin_mcp.tools.configs import create_config
from portkey_admin_mcp.tools.prompts import render_prompt
from portkey_admin_mcp.tools.workspaces import list_workspaces
from servers import build_server

TOOLS = all_tools()
WRITES = [tool for tool in TOOLS if tool.effect != "read"]


def names(**variables):
    return [tool.name for tool in selected_tools(load_settings(**variables), TOOLS)]


def of(*domains):
    return [tool.name for tool in TOOLS if tool.domain in domains]


def test_everything_is_offered_unless_something_is_said():
    assert names() == [tool.name for tool in TOOLS]


@pytest.mark.parametrize("variable", ["PORTKEY_TOOLSETS", "PORTKEY_TOOL_DOMAINS"])
@pytest.mark.parametrize(
    ("value", "domains"),
    [
        ("users", ["users"]),
        ("users, configs", ["users", "configs"]),
        ("secret-references", ["secret_references"]),
        ("observability", GROUPS["observability"]),
        ("mcp,users", [*GROUPS["mcp"], "users"]),
        ("keys", ["api_keys", "virtual_keys"]),
        ("all", list(TOOLSETS)),
    ],
)
def test_toolsets_are_domains_or_groups_under_either_name(monkeypatch, variable, value, domains):
    monkeypatch.setenv(variable, value)

    assert names() == of(*domains) != []


def test_single_tools_are_added_or_alone_and_excluded_ones_go(monkeypatch):
    monkeypatch.setenv("PORTKEY_TOOLS", "list_configs,get_log")
    assert names() == ["list_configs", "get_log"]
    monkeypatch.setenv("PORTKEY_TOOLSETS", "feedback")
    assert names() == ["list_configs", "get_log", "create_feedback", "update_feedback"]
    monkeypatch.setenv("PORTKEY_EXCLUDE_TOOLS", "list_configs")
    assert names() == ["get_log", "create_feedback", "update_feedback"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PORTKEY_TOOLSETS", "confgs", "did you mean configs"),
        ("PORTKEY_TOOLSETS", "zzz", "there are users, workspaces"),
        ("PORTKEY_TOOLS", "list_config", "did you mean list_configs"),
        ("PORTKEY_EXCLUDE_TOOLS", "zzz", "`portkey-admin-mcp tools` lists them all"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigurationError, match=f"{variable}: there is no '{value}'; {message}"):
        names()


def test_settings_that_leave_nothing_are_refused(monkeypatch):
    monkeypatch.setenv("PORTKEY_TOOLSETS", "feedback")
    monkeypatch.setenv("PORTKEY_READ_ONLY", "true")

    with pytest.raises(ConfigurationError, match="leave no tool to offer"):
        names()


def test_every_domain_is_in_a_group_and_every_group_of_domains():
    grouped = {d for name, group in GROUPS.items() if name != "all" for d in group}

    assert grouped == set(TOOLSETS)
    assert {d for group in LEGACY_ALIASES.values() for d in group} <= set(TOOLSETS)


async def test_a_server_that_only_reads_offers_no_write(monkeypatch):
    monkeypatch.setenv("PORTKEY_READ_ONLY", "true")
    monkeypatch.setenv("PORTKEY_SANDBOX", "true")

    settings = load_settings()
    calls = tool_calls(settings, load_safety(), selected_offer(settings))
    async with Client(mcp_server(calls, settings)) as client:
        offered = {tool.name for tool in (await client.list_tools()).tools}
        read = await client.call_tool("list_workspaces", {})
        refused = await client.call_tool("create_workspace", {"name": "A"})

    assert offered == {tool.name for tool in TOOLS} - {tool.name for tool in WRITES}
    assert not read.is_error
    assert "There is no tool 'create_workspace'" in refused.content[0].text


@pytest.fixture
def reading(emulator):
    """A client that may only read."""
    key = SecretStr(emulator.keys()["owner"])
    settings = load_settings(PORTKEY_API_KEY=key, PORTKEY_READ_ONLY=True)
    return Portkey(settings, InProcess(emulator))


async def test_the_client_refuses_a_write_of_a_tool_that_is_not_listed(
    reading, emulator, workspace
):
    slug = emulator.store.table("prompts").rows()[0]["slug"]
    await list_workspaces(reading, WorkspaceFilter())
    await render_prompt(reading, slug, Rendering(variables={}))
    emulator.log.clear()

    draft = ConfigDraft(name="A", config={"virtual_key": "a"}, workspace_id=workspace("Support"))
    with pytest.raises(ReadOnly, match="POST /configs is not sent"):
        await create_config(reading, draft)

    assert not emulator.log


@pytest.fixture
def writing_calls():
    """Valid arguments for each of Portkey's tools that writes."""
    tools = [tool for tool in WRITES if tool.domain != CHANGES]
    return {tool.name: Drawn(tool.name).arguments() for tool in tools}


async def test_the_client_refuses_every_tool_that_writes(reading, emulator, writing_calls):
    """The tools are offered here and called with valid arguments: only reads are sent."""
    async with Client(build_server(lambda: reading)) as client:
        for name, arguments in writing_calls.items():
            emulator.log.clear()
            result = await client.call_tool(name, arguments)
            assert result.is_error, name
            assert all(line.startswith("GET ") for line in emulator.log), name


@pytest.mark.parametrize(("count", "named"), [(49, True), (50, False)])
def test_all_names_are_given_where_they_are_few(count, named):
    names = [f"n{number:02}" for number in range(count)]

    assert ("there are n00, n01" in nearest("zzzz", names)) == named

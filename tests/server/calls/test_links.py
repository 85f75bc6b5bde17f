"""Answers about one object link to the page of Portkey's dashboard on which it stands."""

import json

import pytest
from pydantic import SecretStr

from portkey_admin_mcp.emulator.core.app import InProcess
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.calls.links import PAGES, page_of
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.settings.settings import Settings
from servers import build_calls

LISTS = {
    "get_api_key": ("list_api_keys", "id", "id"),
    "get_config": ("list_configs", "slug", "slug"),
    "get_integration": ("list_integrations", "slug", "slug"),
    "get_prompt": ("list_prompts", "prompt_id", "slug"),
    "get_provider": ("list_providers", "slug", "slug"),
    "get_virtual_key": ("list_virtual_keys", "slug", "slug"),
}
"""For each tool with a link: the list, the argument, and the field of a row that it takes."""


@pytest.fixture
def first(ask, workspace):
    """The arguments that read the first object of a kind."""

    async def arguments(tool):
        """The arguments of the tool and those of the list."""
        name, argument, field = LISTS[tool]
        name_of_workspace = "Science" if tool == "get_provider" else "Support"
        where = {"workspace_id": workspace(name_of_workspace)}
        if tool == "get_provider":
            await ask("create_provider", name="Ours", integration_id="openai", slug="ours", **where)
        kind = {"type": "all"} if name == "list_integrations" else where
        rows = (await ask(name, **kind))["data"]
        is_named = tool in ("get_provider", "get_virtual_key")
        return {argument: rows[0][field], **(where if is_named else {})}, kind

    return arguments


def test_each_page_is_of_a_tool_that_reads_one_object():
    tools = {tool.name: page_of(tool) for tool in all_tools() if page_of(tool)}

    assert tools.keys() == LISTS.keys()
    assert {*tools.values()} == {*PAGES.values()}


@pytest.mark.parametrize("tool", LISTS)
async def test_an_object_has_a_link_in_one_field_and_a_row_of_a_list_has_none(ask, first, tool):
    arguments, of_list = await first(tool)
    answer = await ask(tool, **arguments)
    rows = await ask(LISTS[tool][0], **of_list)

    links = [name for name, value in answer.items() if "app.portkey.ai" in json.dumps(value)]
    assert links == ["dashboard"]
    assert answer["dashboard"] == f"https://app.portkey.ai/{PAGES[_endpoint(tool)]}"
    assert not any("dashboard" in row for row in rows["data"])


async def test_chosen_fields_have_no_link_and_all_fields_have_it(ask, first):
    key, _of_list = await first("get_api_key")

    assert "dashboard" not in await ask("get_api_key", **key, fields="name")
    assert "dashboard" in await ask("get_api_key", **key, fields="*")


@pytest.mark.parametrize(
    ("variables", "link"),
    [
        ({"PORTKEY_DASHBOARD_URL": "https://portkey.example/"}, "https://portkey.example/configs"),
        ({"PORTKEY_DASHBOARD_URL": "off"}, None),
        ({"PORTKEY_BASE_URL": "https://portkey.example/v1"}, None),
        ({"PORTKEY_SANDBOX": True}, None),
    ],
)
async def test_the_setting_and_the_sandbox_decide_whether_there_are_links(
    emulator, first, variables, link
):
    settings = Settings(PORTKEY_API_KEY=SecretStr(emulator.keys()["owner"]), **variables)
    api = Portkey(settings, InProcess(emulator), frozen_time)
    arguments, _of_list = await first("get_config")
    outcome = await build_calls(lambda: api)("get_config", arguments)

    assert outcome.structured.get("dashboard") == link


def _endpoint(tool):
    return next(each.endpoints[0] for each in all_tools() if each.name == tool)

"""Finding tools by intent, and the short list of the search mode."""

import json
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
import quicktok
from mcp import Client

from portkey_admin_mcp.server.calls.result_size import compact
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.server.modes.search import ToolSearch
from portkey_admin_mcp.server.modes.search_mode import SearchMode
from portkey_admin_mcp.server.modes.search_words import HINTS
from servers import build_server

INTENTS = json.loads((Path(__file__).parents[2] / "search/intents.json").read_text())
TOOLS = all_tools()
DOMAIN = {tool.name: tool.domain for tool in TOOLS}


@cache
def o200k():
    """The encoding that counts tokens; loading it takes a while."""
    return quicktok.get_encoding("o200k_base")


@pytest.fixture(scope="module")
def matches():
    """The first three tools for each intent."""
    search = ToolSearch(TOOLS)
    return {intent: search.find(intent, 3) for intent in INTENTS}


def test_the_intents_name_existing_tools_of_every_domain():
    names_in_intents = {name for names in INTENTS.values() for name in names}

    assert len(INTENTS) >= 150
    assert names_in_intents <= set(DOMAIN)
    assert {DOMAIN[name] for name in names_in_intents} == set(DOMAIN.values())


def test_the_right_tool_is_among_the_first_three_matches(matches):
    hits = {intent: bool({*matches[intent]} & {*INTENTS[intent]}) for intent in INTENTS}
    first = [matches[intent][:1] and matches[intent][0] in INTENTS[intent] for intent in INTENTS]
    by_domain = defaultdict(list)
    for intent, hit in hits.items():
        by_domain[DOMAIN[INTENTS[intent][0]]].append(hit)

    assert sum(hits.values()) >= 0.95 * len(hits), [i for i, hit in hits.items() if not hit]
    assert sum(map(bool, first)) >= 0.75 * len(first)
    shares = {domain: sum(each) / len(each) for domain, each in by_domain.items()}
    assert {domain: share for domain, share in shares.items() if share < 0.85} == {}


@pytest.mark.parametrize("query", ["", "?!", "zzzz qqqq", "the of and", "é" * 5000])
def test_a_query_without_meaning_finds_nothing(query):
    assert ToolSearch(TOOLS).find(query, 3) == []


def test_hints_are_for_existing_tools():
    assert set(HINTS) <= set(DOMAIN)


@pytest.fixture
def searched(api):
    """A client of a server in search mode."""
    return lambda **more: Client(build_server(lambda: api, mode="search", **more))


async def test_the_list_is_short_and_stays_the_same(searched):
    async with searched() as client:
        before = (await client.list_tools()).tools
        await client.call_tool("search_tools", {"query": "spend"})
        after = (await client.list_tools()).tools

    assert [tool.name for tool in before] == [*ALWAYS_IN_ORDER, "search_tools", "call_tool"]
    assert before == after
    definitions = [
        {"name": t.name, "description": t.description, "inputSchema": t.input_schema}
        for t in before
    ]
    assert sum(len(o200k().encode(compact(each))) for each in definitions) <= 1_500
    assert all(None not in t.annotations.model_dump().values() for t in before)


ALWAYS_IN_ORDER = [tool.name for tool in TOOLS if tool.name in SearchMode.listed]


async def test_a_tool_is_found_with_its_arguments_and_called(searched, workspace):
    async with searched() as client:
        answer = await client.call_tool("search_tools", {"query": "make a prompt folder"})
        tools = json.loads(answer.content[0].text)["tools"]
        result = await client.call_tool(
            "call_tool",
            {
                "name": tools[0]["name"],
                "arguments": {"name": "New", "workspace_id": workspace("Support")},
            },
        )

    assert tools[0]["name"] == "create_collection"
    assert "name" in tools[0]["inputSchema"]["properties"]
    assert len(tools) == 5
    assert not result.is_error
    assert result.structured_content["id"]


async def test_hidden_tools_may_be_called_by_name_as_well(searched):
    async with searched() as client:
        answer = await client.call_tool("list_integrations", {})

    assert not answer.is_error


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("list_config", "There is no tool 'list_config'. Did you mean list_configs or"),
        ("zzz", "There is no tool 'zzz'. search_tools finds tools by what you want to do."),
        ("search_tools", "Call search_tools by itself, not with call_tool."),
    ],
)
async def test_an_unknown_tool_is_refused_with_the_nearest_or_where_to_look(searched, name, advice):
    async with searched() as client:
        answer = await client.call_tool("call_tool", {"name": name})

    assert answer.is_error
    assert answer.content[0].text.startswith(advice)


async def test_arguments_that_do_not_fit_are_named(searched):
    async with searched() as client:
        answer = await client.call_tool("search_tools", {"query": "", "limt": 3})

    assert answer.is_error
    assert "query: String should have at least 1 character" in answer.content[0].text
    assert "limt: there is no such argument; did you mean limit?" in answer.content[0].text
    assert "call search_tools again" in answer.content[0].text


async def test_only_what_is_offered_is_found_and_called(searched):
    reads = [tool for tool in TOOLS if tool.effect == "read"]
    async with searched(offered=reads) as client:
        answer = await client.call_tool("search_tools", {"query": "delete a prompt", "limit": 20})
        refused = await client.call_tool("call_tool", {"name": "delete_prompt"})

    names = {tool["name"] for tool in json.loads(answer.content[0].text)["tools"]}
    assert names <= {tool.name for tool in reads}
    assert refused.is_error


async def test_a_refusal_is_advice_through_the_proxy_too(searched):
    async with searched() as client:
        answer = await client.call_tool("call_tool", {"name": "get_user", "arguments": {}})

    assert answer.is_error
    assert "user_id: is required" in answer.content[0].text

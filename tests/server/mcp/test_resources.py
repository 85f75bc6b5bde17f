"""MCP resources: guides, and objects that are read live."""

import json
import logging
import re

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from portkey_admin_mcp.models.core.gateway_config import check_gateway_config
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.server.mcp.guide_texts import GUIDES
from portkey_admin_mcp.server.mcp.prompts import PROMPTS
from portkey_admin_mcp.server.mcp.resources import LIVE
from servers import build_server

TOOLS = all_tools()


@pytest.fixture
def client(connect):
    def with_key(key="owner", **more):
        return Client(build_server(lambda: connect(key), **more))

    return with_key


@pytest.fixture
def read(client):
    """The text of a resource."""

    async def text(uri, **more):
        async with client(**more) as connected:
            (content,) = (await connected.read_resource(uri)).contents
            return content.text

    return text


async def test_guides_and_templates_are_listed(client):
    async with client() as connected:
        resources = (await connected.list_resources()).resources
        templates = (await connected.list_resource_templates()).resource_templates

    assert [str(resource.uri) for resource in resources] == [
        "portkey://guides/workflows",
        "portkey://guides/configs",
        "portkey://guides/guardrails",
        "portkey://guides/errors",
        "portkey://guides/scopes",
        "portkey://organisation",
        *(f"skill://portkey-admin/{plan.__name__.replace('_', '-')}/SKILL.md" for plan in PROMPTS),
    ]
    assert [t.uri_template for t in templates] == [f"portkey://{kind}/{{slug}}" for kind in LIVE]
    assert all(each.title and each.description for each in [*resources, *templates])


async def test_a_resource_that_portkey_does_not_find_is_a_line_in_the_log(client, caplog):
    caplog.set_level(logging.INFO)

    async with client() as connected:
        with pytest.raises(MCPError, match="404"):
            await connected.read_resource("portkey://configs/pc-nobody")

    (record,) = [each for each in caplog.records if "pc-nobody" in each.getMessage()]
    assert "404" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert [each for each in caplog.records if each.exc_info] == []


async def test_the_configs_of_the_guide_are_configs(read):
    guide = await read("portkey://guides/configs")

    examples = re.findall(r"```json\n(.*?)```", guide, re.S)
    assert len(examples) == 3
    for example in examples:
        check_gateway_config(json.loads(example))


async def test_the_checks_of_the_guide_are_in_its_table_and_written_without_a_note(read, call):
    guide = await read("portkey://guides/guardrails")
    (example,) = re.findall(r"```json\n(.*?)```", guide, re.S)

    answer = await call("create_guardrail", json.loads(example))

    assert not answer.is_error
    notes = answer.structured_content["notes"]
    assert [note for note in notes if not note.startswith(("Sent", "This covers"))] == []
    assert guide.count("\n| `") >= 46
    assert "| `default.wordCount` | the number of words is in range | `minWords` number" in guide
    assert "**`categories`** list of EMAIL_ADDRESS, PHONE_NUMBER, LOCATION_ADDRESS, NAME" in guide


async def test_the_guides_name_only_existing_tools(read):
    names = {tool.name for tool in TOOLS}
    for guide in GUIDES:
        text = await read(f"portkey://guides/{guide}")
        named = set(re.findall(r"`((?:get|list|create|update|reset)_\w+)`", text))
        assert named
        assert named <= names


async def test_every_tool_has_its_scope_in_the_table(read):
    table = await read("portkey://guides/scopes")

    assert "| `create_config` | configs.create | all |" in table
    assert table.count("\n| `") == len(TOOLS)


async def test_the_organisation_has_a_summary(read):
    content = json.loads(await read("portkey://organisation"))

    assert content["workspaces"]["total"] == 3
    assert "ada@acme.example" in str(content["people"]) or "Ada" in str(content["people"])
    assert set(content) == {"workspaces", "people", "api_keys", "integrations"}


async def test_the_summary_names_what_the_key_may_not_read(read):
    content = json.loads(await read("portkey://organisation", key="workspace-service"))

    assert "403" in content["people"]["not_readable"]
    assert content["api_keys"]["total"] >= 1


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("workspaces", "workspaces"),
        ("configs", "configs"),
        ("prompts", "prompts"),
        ("guardrails", "guardrails"),
        ("integrations", "integrations"),
    ],
)
async def test_an_object_is_read_live_by_its_slug(read, emulator, kind, table):
    row = emulator.store.table(table).rows()[0]

    content = json.loads(await read(f"portkey://{kind}/{row['slug']}"))

    assert (content["slug"], content["name"].endswith(row["name"])) == (row["slug"], True)


async def test_a_key_is_read_without_its_secret(read, key_id_of):
    content = await read(f"portkey://api-keys/{key_id_of('admin')}")

    assert "*****" in json.loads(content)["key"]


@pytest.fixture
def key_id_of(emulator):
    rows = emulator.store.table("api_keys").rows()
    return lambda name: next(row["id"] for row in rows if row.get("_seed") == name)


async def test_a_refusal_is_advice(client):
    async with client() as connected:
        with pytest.raises(Exception, match="404") as refused:
            await connected.read_resource("portkey://configs/pc-none")

    assert "There is no such thing, or this key may not see it: check with list_" in str(
        refused.value
    )


async def test_only_what_is_offered_is_read(client):
    offered = [tool for tool in TOOLS if tool.name == "get_config"]
    async with client(offered=offered) as connected:
        resources = (await connected.list_resources()).resources
        templates = (await connected.list_resource_templates()).resource_templates

    assert "portkey://organisation" not in [str(each.uri) for each in resources]
    assert [each.uri_template for each in templates] == ["portkey://configs/{slug}"]


@pytest.mark.parametrize(
    "uri", ["portkey://no/such", "portkey://configs/", "portkey://configs/%2e%2e", "http://x"]
)
async def test_what_is_no_resource_is_named_in_the_refusal(client, uri):
    async with client() as connected:
        with pytest.raises(Exception, match="Resource not found") as refused:
            await connected.read_resource(uri)

    assert refused.value.error.code == -32602
    assert refused.value.error.data == {"uri": uri}

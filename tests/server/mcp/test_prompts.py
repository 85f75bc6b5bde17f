"""MCP prompts: an administrator's workflows."""

import pytest
from mcp import Client

from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.server.mcp.prompts import PROMPTS, tools_named_in
from servers import build_server

TOOLS = {tool.name: tool for tool in all_tools()}


@pytest.fixture
def client(api):
    return lambda **more: Client(build_server(lambda: api, **more))


async def test_all_prompts_are_listed_with_their_arguments(client):
    async with client() as connected:
        listed = (await connected.list_prompts()).prompts

    assert [prompt.name for prompt in listed] == [each.__name__ for each in PROMPTS]
    for prompt in listed:
        assert prompt.title
        assert prompt.description.endswith(".")
        assert all(argument.description for argument in prompt.arguments)


async def test_a_prompt_is_a_plan_with_the_arguments_in_it(client):
    async with client() as connected:
        answer = await connected.get_prompt(
            "onboard_team", {"team": "Growth", "emails": "a@acme.example"}
        )

    (message,) = answer.messages
    assert message.role == "user"
    assert "Growth" in message.content.text
    assert "a@acme.example" in message.content.text
    assert "wait for my yes" in message.content.text


@pytest.mark.parametrize("function", PROMPTS, ids=lambda each: each.__name__)
def test_a_plan_names_tools_that_there_are(function):
    named = tools_named_in(function)

    assert len(named) >= 4
    assert named <= set(TOOLS)


@pytest.mark.parametrize(
    ("function", "reads"), [("audit_access", True), ("review_guardrails", True)]
)
def test_a_review_names_only_tools_that_read(function, reads):
    (plan,) = [each for each in PROMPTS if each.__name__ == function]

    assert all(TOOLS[name].effect == "read" for name in tools_named_in(plan))


async def test_a_prompt_whose_tools_are_not_offered_is_not_offered(client):
    reads = [tool for tool in TOOLS.values() if tool.effect == "read"]
    async with client(offered=reads) as connected:
        listed = {prompt.name for prompt in (await connected.list_prompts()).prompts}

    assert listed == {"audit_access", "review_guardrails"}


async def test_a_prompt_that_is_not_offered_cannot_be_had(client):
    reads = [tool for tool in TOOLS.values() if tool.effect == "read"]
    async with client(offered=reads) as connected:
        with pytest.raises(Exception, match="Unknown prompt: 'onboard_team'"):
            await connected.get_prompt("onboard_team", {"team": "x"})


async def test_without_prompts_none_are_announced(client):
    async with client(offered=[TOOLS["list_configs"]]) as connected:
        assert connected.server_capabilities.prompts is None
    async with client() as connected:
        assert connected.server_capabilities.prompts is not None


async def test_a_missing_argument_is_named(client):
    async with client() as connected:
        with pytest.raises(Exception, match="workspace"):
            await connected.get_prompt("set_budgets", {})

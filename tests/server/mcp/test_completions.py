"""Completions of ids and slugs, for prompts and resource templates."""

import pytest
from mcp import Client
from mcp_types import PromptReference, ResourceTemplateReference
from pydantic import SecretStr

from fake_portkey import Answer, FakePortkey
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.transport import Network
from portkey_admin_mcp.server.calls.list_rows import MAX_PAGES, MAX_WORKSPACES, matching
from portkey_admin_mcp.server.mcp.completions import (
    OF_PROMPT_ARGUMENTS,
    OF_TEMPLATES,
)
from portkey_admin_mcp.server.mcp.completions import complete as complete_values
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.server.mcp.prompts import PROMPTS
from portkey_admin_mcp.server.mcp.resources import LIVE
from portkey_admin_mcp.settings.settings import Settings
from servers import build_calls, build_server


@pytest.fixture
def complete(connect):
    """The values for what is typed into an argument."""

    async def values(reference, argument, typed="", key="owner", **more):
        server = build_server(lambda: connect(key), **more)
        async with Client(server) as client:
            answer = await client.complete(reference, {"name": argument, "value": typed})
        return answer.completion.values

    return values


def template(kind):
    return ResourceTemplateReference(type="ref/resource", uri=f"portkey://{kind}/{{slug}}")


def prompt(name):
    return PromptReference(type="ref/prompt", name=name)


async def test_a_slug_is_completed_by_its_own_letters_or_by_a_name(complete, emulator):
    slugs = {row["name"]: row["slug"] for row in emulator.store.table("workspaces").rows()}

    assert set(await complete(template("workspaces"), "slug")) == set(slugs.values())
    assert await complete(template("workspaces"), "slug", "SUPP") == [slugs["Support"]]
    assert await complete(template("workspaces"), "slug", "shared team") == [
        slugs["Shared Team Workspace"]
    ]
    assert await complete(template("workspaces"), "slug", "zzz") == []


async def test_arguments_of_prompts_are_completed(complete):
    assert await complete(prompt("offboard_person"), "person", "emi") == ["emi@acme.example"]
    assert len(await complete(prompt("audit_access"), "workspace")) == 3
    assert await complete(prompt("rotate_keys_safely"), "older_than_days", "9") == []


@pytest.mark.parametrize("kind", LIVE)
async def test_every_template_has_a_list_behind_it(complete, kind):
    assert f"portkey://{kind}/{{slug}}" in OF_TEMPLATES
    assert isinstance(await complete(template(kind), "slug"), list)


def test_every_argument_that_is_completed_is_one_of_a_prompt():
    arguments = {name for function in PROMPTS for name in function.__annotations__}

    sources = [*OF_TEMPLATES.values(), *OF_PROMPT_ARGUMENTS.values()]
    assert {*OF_PROMPT_ARGUMENTS} <= arguments
    assert {source.tool for source in sources} <= {t.name for t in all_tools()}


async def test_a_key_that_may_not_list_gets_no_help_and_no_error(complete):
    assert await complete(template("workspaces"), "slug", key="scopeless") == []
    assert await complete(template("configs"), "slug", key="scopeless") == []


async def test_an_admin_key_that_must_name_the_workspace_gets_the_same_help(complete):
    values = await complete(template("configs"), "slug")

    assert values
    assert await complete(template("configs"), "slug", key="admin") == values


async def test_only_offered_lists_are_asked(complete):
    offered = [tool for tool in all_tools() if tool.name == "get_config"]

    assert await complete(template("configs"), "slug", offered=offered) == []


async def test_what_is_not_offered_is_not_completed(complete):
    """Neither an unknown prompt or argument, nor a prompt whose tools are not offered."""
    lists = [tool for tool in all_tools() if tool.name == "list_all_users"]

    assert await complete(prompt("no_such_prompt"), "person", "a") == []
    assert await complete(prompt("set_budgets"), "person", "a") == []
    assert await complete(prompt("offboard_person"), "person", "ada", offered=lists) == []


def test_names_that_begin_with_what_was_typed_come_first():
    rows = [
        {"slug": "ws-1", "name": "My Lab"},
        {"slug": "ws-2", "name": "Labels"},
        {"slug": "lab-3", "name": "Third"},
        {"slug": "ws-4", "name": "Other"},
    ]

    assert matching(rows, "slug", "lab") == ["ws-2", "lab-3", "ws-1"]


async def test_a_template_is_completed_by_its_own_argument_only(complete):
    assert await complete(template("workspaces"), "name") == []
    assert await complete(template("no-such-kind"), "slug") == []


async def test_at_most_a_hundred_values_are_given_and_whether_there_are_more(ask, api):
    calls = build_calls(lambda: api)
    reference = {"type": "ref/resource", "uri": "portkey://workspaces/{slug}"}
    for number in range(100 - (await ask("list_workspaces"))["total"]):
        await ask("create_workspace", name=f"Team {number}")

    exactly = await complete_values(calls, reference, "slug", "")
    await ask("create_workspace", name="One more")
    more = await complete_values(calls, reference, "slug", "")

    assert (len(exactly.values), exactly.total, exactly.has_more) == (100, 100, False)
    assert (len(more.values), more.total, more.has_more) == (100, 101, True)


@pytest.mark.parametrize(
    ("kind", "table"),
    [("configs", "configs"), ("prompts", "prompts"), ("guardrails", "guardrails")],
)
async def test_what_belongs_to_a_workspace_is_completed_in_all_of_them(
    complete, emulator, kind, table
):
    rows = emulator.store.table(table).rows()
    slugs = {row["slug"] for row in rows if row["workspace_id"] is not None}

    assert slugs
    assert set(await complete(template(kind), "slug")) == slugs
    assert set(await complete(template(kind), "slug", key="workspace")) < slugs


async def test_the_prompt_of_promote_prompt_safely_is_completed_in_all_workspaces(
    complete, emulator
):
    slugs = {row["slug"] for row in emulator.store.table("prompts").rows()}

    assert set(await complete(prompt("promote_prompt_safely"), "prompt")) == slugs


def test_a_name_is_found_without_the_icon_that_precedes_it():
    rows = [{"slug": "ws-1", "name": "Our Science"}, {"slug": "ws-2", "name": "🔬 Science"}]

    assert matching(rows, "slug", "sci") == ["ws-2", "ws-1"]


CASES = [
    # the pages of Portkey's list, how many requests, how many values, the total, whether more
    ([100, 30], 2, 100, 130, True),
    ([100], 1, 100, 100, False),
    ([100] * 12, MAX_PAGES, 100, None, True),
    ([100, 403], 2, 100, None, True),
    ([403], 1, 0, 0, False),
]


async def completed(kind, script):
    """The completion of nothing typed with these answers of Portkey, and the requests for them."""
    reference = {"type": "ref/resource", "uri": f"portkey://{kind}/{{slug}}"}
    with FakePortkey() as fake:
        fake.script(script)
        settings = Settings(PORTKEY_API_KEY=SecretStr("k"), **fake.settings)
        network = Network(settings)
        calls = build_calls(lambda: Portkey(settings, network))
        try:
            return await complete_values(calls, reference, "slug", ""), fake.requests
        finally:
            await network.close()


@pytest.mark.parametrize(("pages", "requests", "count", "total", "has_more"), CASES)
async def test_pages_are_followed_up_to_a_limit_and_the_total_is_true(
    pages, requests, count, total, has_more
):
    all_rows = sum(each for each in pages if each != 403)
    numbers = iter(range(10_000))
    answers = [
        Answer(status=403, body={"message": "no"})
        if size == 403
        else Answer(
            body={
                "total": all_rows + 100 * (403 in pages),
                "data": [{"slug": f"i-{next(numbers):05}"} for _ in range(size)],
            }
        )
        for size in pages
    ]
    completion, sent = await completed("integrations", answers)

    assert len(sent) == requests
    assert all("page_size=100" in request.target for request in sent)
    assert len({request.target for request in sent}) == requests
    assert (len(completion.values), completion.total, completion.has_more) == (
        count,
        total,
        has_more,
    )


async def test_a_value_of_a_later_page_is_found(ask, api):
    for number in range(104):
        await ask("create_workspace", name=f"Team {number}")
    first = (await ask("list_workspaces", page_size=100))["data"]
    last = (await ask("list_workspaces", page_size=100, current_page=1))["data"]
    (slug, *_others) = [row["slug"] for row in last]

    assert slug not in [row["slug"] for row in first]
    reference = {"type": "ref/resource", "uri": "portkey://workspaces/{slug}"}
    completion = await complete_values(build_calls(lambda: api), reference, "slug", slug)
    assert completion.values == [slug]


@pytest.mark.parametrize(
    ("count", "requests", "total", "has_more"),
    [(MAX_WORKSPACES, MAX_WORKSPACES + 1, 1, False), (MAX_WORKSPACES + 1, 51, None, True)],
)
async def test_of_very_many_workspaces_only_some_are_asked_for_their_lists(
    count, requests, total, has_more
):
    workspaces = [{"slug": f"ws-{number}"} for number in range(count)]
    script = [
        Answer(body={"total": count, "data": workspaces}),
        Answer(body={"total": 1, "data": [{"slug": "pc-a"}]}),
    ]
    completion, sent = await completed("configs", script)

    assert len(sent) == requests
    assert (completion.values, completion.total, completion.has_more) == (["pc-a"], total, has_more)

"""Skills over MCP (SEP-2640): the server's own, and those that an organisation keeps in Portkey."""

import hashlib
import re
from contextlib import asynccontextmanager
from typing import Any

import mcp_types
import pytest
import yaml
from mcp import Client
from mcp.shared.exceptions import MCPError
from pydantic import ConfigDict

from portkey_admin_mcp.models.partials import PartialDraft, PartialPatch, Publication
from portkey_admin_mcp.safety.caller import Caller, current_caller
from portkey_admin_mcp.server.calls.tool_calls import ToolFailed
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.server.mcp.prompts import PROMPTS, tools_named_in
from portkey_admin_mcp.server.mcp.skills import organisation
from portkey_admin_mcp.server.mcp.skills.front_matter import FrontMatterInvalid, read, split
from portkey_admin_mcp.server.mcp.skills.methods import PROBLEMS_KEY, OfferedSkills
from portkey_admin_mcp.server.offer.offer import SKILLS
from portkey_admin_mcp.server.offer.toolsets import Selection, narrowed_to
from portkey_admin_mcp.tools.partials import (
    create_prompt_partial,
    publish_partial,
    update_prompt_partial,
)
from servers import build_calls, build_server

AUDIT = "skill://portkey-admin/audit-access/SKILL.md"
NAMES = [plan.__name__.replace("_", "-") for plan in PROMPTS]
HEAD = "---\nname: close-tickets\ndescription: How we close tickets.\n---\n"
TOOLS = all_tools()


class Asked(mcp_types.Request[dict[str, Any], str]):
    """Any request."""

    method: str
    params: dict[str, Any]


class Answered(mcp_types.Result):
    """Any result."""

    model_config = ConfigDict(extra="allow")


@pytest.fixture
def client(api):
    """The official client on a server with this key; `ask` sends any request."""

    @asynccontextmanager
    async def connected(**more):
        async with Client(build_server(lambda: api, **more)) as each:

            async def ask(method, **params):
                request = Asked(method=method, params=params)
                result = await each.session.send_request(request, Answered)
                return result.model_dump(by_alias=True)

            yield each, ask

    return connected


async def keep(api, text, name="Closing tickets", **more):
    """Keep a text as a partial of the organisation; returns its slug."""
    draft = PartialDraft(name=name, string=text, **more)
    created = await create_prompt_partial(api, draft)
    return created.answer()["slug"]


def recorded(emulator):
    """The targets of all requests from now on."""
    targets = []
    answer = emulator.answer
    emulator.answer = lambda *arguments: targets.append(arguments[1]) or answer(*arguments)
    return targets


async def texts_of(client, skill):
    """The texts of a skill's files; each must be what the entry says."""
    texts = {}
    for file in skill["resources"]:
        (content,) = (await client.read_resource(file["uri"])).contents
        data = content.text.encode()
        assert file["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert file["size"] == len(data)
        assert content.mime_type == "text/markdown"
        texts[file["uri"].removeprefix(skill["uri"].removesuffix("SKILL.md"))] = content.text
    return texts


async def test_each_prompt_is_a_skill_with_its_steps_and_guides(client):
    async with client() as (connected, ask):
        announced = connected.server_capabilities.extensions
        listed = await ask("skills/list")
        for skill, plan in zip(listed["skills"], PROMPTS, strict=True):
            texts = await texts_of(connected, skill)
            source, body = split(texts["SKILL.md"])

            assert yaml.safe_load(source) == skill["frontmatter"]
            assert skill["uri"] == f"skill://portkey-admin/{skill['frontmatter']['name']}/SKILL.md"
            assert {*re.findall(r"`([a-z]+(?:_[a-z]+)+)`", body)} >= tools_named_in(plan)
            assert {*re.findall(r"\]\((.+?)\)", body)} == texts.keys() - {"SKILL.md"}
            assert (await ask("skills/get", uri=skill["uri"]))["skill"] == skill

    assert announced == {SKILLS: {"directoryRead": True}}
    assert [each["frontmatter"]["name"] for each in listed["skills"]] == NAMES
    assert (listed["ttlMs"], listed["cacheScope"]) == (30_000, "private")
    assert listed["resultType"] == "complete"
    assert PROBLEMS_KEY not in listed["_meta"]


async def test_a_partial_with_front_matter_is_a_skill_of_the_organisation(client, api):
    slug = await keep(api, f"{HEAD}Say sorry.\u202e\r\n")
    uri = f"skill://organisation/{slug}/close-tickets/SKILL.md"

    async with client() as (connected, ask):
        listed = (await ask("skills/list"))["skills"]
        texts = await texts_of(connected, listed[-1])
        got = (await ask("skills/get", uri=uri))["skill"]
    async with client() as (connected, ask):  # another server, without the list
        again = await texts_of(connected, got)

    assert [each["frontmatter"]["name"] for each in listed] == [*NAMES, "close-tickets"]
    assert got == listed[-1]
    assert got["uri"] == uri
    assert texts == again
    text = texts["SKILL.md"]
    assert text.startswith(HEAD)
    marks = re.search(
        r"<data (\d{20})> written by people .+\nSay sorry\.\\u202e\n</data (\d+)>", text
    )
    assert marks[1] == marks[2]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("---\nname: a\ndescription: b", "no second line of ---"),
        ("---\nname: [\n---\n", "is not YAML"),
        ("---\n- name\n---\n", "not a list of fields"),
        ("---\nname: Close Tickets\ndescription: b\n---\n", "lower-case letters"),
        (f"---\nname: {'a' * 65}\ndescription: b\n---\n", "1 to 64 characters"),
        ("---\nname: a--b\ndescription: b\n---\n", "single hyphens"),
        ("---\nname: a\n---\n", "its description must be text of 1 to 1024"),
        (f"---\nname: a\ndescription: {'b' * 1025}\n---\n", "its description must be text of 1 to"),
        ("---\nname: a\ndescription: 2026-01-01\n---\n", "its description must be text"),
        ('---\nname: a\ndescription: "b\\u202ec"\n---\n', "hidden character"),
        ("---\nname: a\ndescription: b\n# \u200f\n---\n", "hidden character"),
        ("---\nname: a\ndescription: b\nallowed-tools: Bash\n---\n", "grants no tools"),
        ("---\nname: a\ndescription: b\nhooks: c\n---\n", "there is no field 'hooks'"),
        ("---\nname: a\nname: b\ndescription: c\n---\n", "twice"),
        ("---\nname: &a a\ndescription: *a\n---\n", "alias"),
        ("---\nname: a\ndescription: b\nmetadata: {n: 1}\n---\n", "put numbers in quotes"),
        (
            "---\nname: a\ndescription: b\nmetadata: {io.modelcontextprotocol/x: y}\n---\n",
            "reserved",
        ),
        ("---\nname: a\ndescription: b\ncompatibility: ''\n---\n", "compatibility must be text"),
        (f"---\nname: a\ndescription: b\nlicense: {'[' * 3000}\n---\n", "nested too deep"),
        (f"---\nname: a\ndescription: b\n{'#' * 4000}\n---\n", "over 4000 characters"),
    ],
)
def test_front_matter_is_checked(text, why):
    with pytest.raises(FrontMatterInvalid, match=why):
        read(split(text)[0])


async def test_what_is_not_served_is_told_beside_what_is(client, api, emulator, monkeypatch):
    monkeypatch.setattr(organisation, "MAX_PARTIALS", 4)
    monkeypatch.setattr(organisation, "MAX_SKILL_CHARS", 500)
    await keep(api, "Kind regards")
    for text in ("---\nname: Close Tickets\ndescription: b\n---\n", f"{HEAD}{'a' * 500}", HEAD):
        await keep(api, text)

    requests = recorded(emulator)
    async with client() as (_connected, ask):
        listed = await ask("skills/list")
    names = [each["frontmatter"]["name"] for each in listed["skills"]]
    problems = "\n".join(listed["_meta"][PROBLEMS_KEY])

    assert names == [*NAMES, "close-tickets"]
    assert "is not served as a skill: its name must be lower-case" in problems
    assert "is not served as a skill: it has over 500 characters" in problems
    assert "Only 4 of 5 prompt partials were looked at." in problems
    assert sum("/partials/" in target for target in requests) == 4


async def test_a_failure_of_portkey_hides_no_skill_of_the_server(client, api, connect):
    refused = connect("scopeless")
    async with Client(build_server(lambda: refused)) as each:
        request = Asked(method="skills/list", params={})
        listed = (await each.session.send_request(request, Answered)).model_dump(by_alias=True)

    assert [skill["frontmatter"]["name"] for skill in listed["skills"]] == NAMES
    assert listed["ttlMs"] == 0
    (problem,) = listed["_meta"][PROBLEMS_KEY]
    assert "The organisation's skills were not read: " in problem


async def test_a_slow_portkey_is_waited_for_a_while(client, monkeypatch):
    monkeypatch.setattr(organisation, "TIMEOUT_S", 0)

    async with client() as (_connected, ask):
        listed = await ask("skills/list")

    assert len(listed["skills"]) == len(NAMES)
    assert "took over 0 seconds" in listed["_meta"][PROBLEMS_KEY][0]


async def test_the_organisations_skills_are_kept_for_a_moment(client, api, emulator):
    requests = recorded(emulator)
    async with client() as (_connected, ask):
        await ask("skills/list")
        count = len(requests)
        await keep(api, HEAD)
        listed = await ask("skills/list")

    assert count == 5  # the workspaces, the list of each, and one partial
    assert len(requests) == count + 1  # that of `keep`
    assert len(listed["skills"]) == len(NAMES)


async def test_a_skill_that_changed_is_read_as_the_server_describes_it_now(client, api):
    slug = await keep(api, HEAD)

    async with client() as (connected, ask):
        before = (await ask("skills/list"))["skills"][-1]
        await update_prompt_partial(api, slug, PartialPatch(string=f"{HEAD}Say sorry."))
        await publish_partial(api, slug, Publication(version=2))
        after = (await ask("skills/get", uri=before["uri"]))["skill"]
        texts = await texts_of(connected, after)

    assert "Say sorry." in texts["SKILL.md"]
    assert after["resources"] != before["resources"]


async def test_nobody_gets_the_skills_that_another_caller_may_read(api, connect):
    slug = await keep(api, HEAD)
    key = "owner"
    skills = OfferedSkills(build_calls(lambda: connect(key)))
    uri = f"skill://organisation/{slug}/close-tickets/SKILL.md"

    async def listed_by(principal, **selection):
        token = current_caller.set(Caller(principal))
        try:
            with narrowed_to(Selection(**selection)):
                listed = (await skills.listed())["skills"]
                return [each["uri"] for each in listed if "//organisation/" in each["uri"]]
        finally:
            current_caller.reset(token)

    assert await listed_by("bearer:ada") == [uri]
    key = "scopeless"
    assert await listed_by("bearer:ada") == [uri]  # from the cache
    assert await listed_by("bearer:eve") == []
    key = "owner"
    assert await listed_by("bearer:eve") == [uri]  # what failed is not kept
    key = "scopeless"
    assert await listed_by("bearer:ada", workspaces=(frozenset({"ws-none"}),)) == []
    with pytest.raises(ToolFailed):
        await skills.read(uri)


async def test_without_the_tools_nothing_is_looked_at_and_only_whole_skills_are_served(client):
    reads = [tool for tool in TOOLS if tool.effect == "read" and "partial" not in tool.name]

    async with client(offered=reads) as (connected, ask):
        listed = await ask("skills/list")
        (problem,) = listed["_meta"][PROBLEMS_KEY]
        with pytest.raises(MCPError, match="Resource not found"):
            await connected.read_resource("skill://portkey-admin/onboard-team/SKILL.md")
        with pytest.raises(MCPError, match="Resource not found"):
            await ask("skills/get", uri="skill://organisation/pl-a/close-tickets/SKILL.md")

    names = [each["frontmatter"]["name"] for each in listed["skills"]]
    assert names == ["audit-access", "review-guardrails"]
    assert (
        "were not looked at: list_prompt_partials or get_prompt_partial is not offered" in problem
    )


async def test_what_is_not_announced_is_not_served(client):
    (tool,) = [tool for tool in TOOLS if tool.name == "get_config"]

    async with client(offered=[tool]) as (connected, ask):
        assert connected.server_capabilities.extensions is None
        for method in ("skills/list", "skills/get", "resources/directory/read"):
            with pytest.raises(MCPError, match="Method not found"):
                await ask(method, uri=AUDIT)


async def test_older_revisions_have_no_skills(api):
    async with Client(build_server(lambda: api), mode="legacy") as connected:
        assert connected.server_capabilities.extensions is None
        for method in ("skills/list", "skills/get", "resources/directory/read"):
            request = Asked(method=method, params={"uri": AUDIT})
            with pytest.raises(MCPError, match="Method not found"):
                await connected.session.send_request(request, Answered)


@pytest.mark.parametrize(
    "uri",
    [
        "skill://portkey-admin/no-such/SKILL.md",
        "skill://portkey-admin/audit-access/../set-budgets/SKILL.md",
        "skill://organisation/pl-none/close-tickets/SKILL.md?x",
        "skill://organisation/../../SKILL.md",
        "portkey://guides/errors",
    ],
)
async def test_an_unknown_skill_is_an_invalid_parameter(client, uri):
    async with client() as (_connected, ask):
        with pytest.raises(MCPError, match="Resource not found") as error:
            await ask("skills/get", uri=uri)
        assert error.value.error.code == mcp_types.INVALID_PARAMS
        with pytest.raises(MCPError, match="Resource not found"):
            await ask("resources/directory/read", uri=uri)


async def test_a_partial_that_is_another_skill_by_now_is_not_read_as_the_old_one(client, api):
    slug = await keep(api, HEAD)

    async with client() as (_connected, ask):
        with pytest.raises(MCPError, match="Resource not found"):
            await ask("skills/get", uri=f"skill://organisation/{slug}/open-tickets/SKILL.md")
        with pytest.raises(MCPError, match="404"):
            await ask("skills/get", uri="skill://organisation/pl-gone/close-tickets/SKILL.md")


async def test_directories_are_read_level_by_level(client, api):
    slug = await keep(api, HEAD)

    async with client() as (_connected, ask):

        async def children(uri):
            return {
                child["uri"].removeprefix(f"{uri}/"): child["mimeType"]
                for child in (await ask("resources/directory/read", uri=uri))["resources"]
            }

        roots = await children("skill://portkey-admin")
        skill = await children("skill://portkey-admin/audit-access")
        references = await children("skill://portkey-admin/audit-access/references")
        organisation_root = await children("skill://organisation")
        own = await children(f"skill://organisation/{slug}/close-tickets")
        with pytest.raises(MCPError, match="one page"):
            await ask("resources/directory/read", uri="skill://portkey-admin", cursor="x")

    assert roots == dict.fromkeys(NAMES, "inode/directory")
    assert skill == {"SKILL.md": "text/markdown", "references": "inode/directory"}
    assert references == {"workflows.md": "text/markdown"}
    assert organisation_root == {slug: "inode/directory"}
    assert own == {"SKILL.md": "text/markdown"}

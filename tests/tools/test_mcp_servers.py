"""MCP servers of workspaces, as a model sees them."""

import pytest


@pytest.fixture
def support(workspace):
    return workspace("Support")


async def test_a_server_is_made_changed_listed_and_deleted(ask, refusal, support):
    created = await ask(
        "create_mcp_server", name="Second", mcp_integration_id="github", workspace_id=support
    )
    await ask("update_mcp_server", id=created["id"], description="For tests")
    read = await ask("get_mcp_server", id=created["slug"])
    listed = await ask("list_mcp_servers", workspace_id=support, search="second")

    assert (read["description"], read["mcp_integration_details"]["slug"]) == ("For tests", "github")
    assert [row["url"] for row in listed["data"]] == [
        f"https://mcp.portkey.ai/{created['slug']}/mcp"
    ]

    await ask("delete_mcp_server", id=created["id"])
    assert "403" in await refusal("get_mcp_server", id=created["id"])


async def test_a_capability_is_disabled_and_enabled_in_one_workspace(ask):
    name = {"id": "support-github"}

    async def triage():
        rows = (await ask("list_mcp_server_capabilities", **name))["data"]
        (answer,) = [row for row in rows if row["name"] == "triage"]
        return answer["enabled"], answer["integration_enabled"]

    async def turn(enabled):
        change = {"name": "triage", "type": "prompt", "enabled": enabled}
        await ask("update_mcp_server_capabilities", **name, capabilities=[change])

    before = await triage()
    await turn(False)
    off = await triage()
    await turn(True)

    assert (before, off, await triage()) == ((True, True), (False, True), (True, True))


async def test_people_are_let_in_by_name_and_by_default(ask, user):
    diego = user("Diego")
    await ask(
        "update_mcp_server_user_access",
        id="support-github",
        users=[{"user_id": diego, "enabled": True}],
        default_user_access="deny",
    )

    page = await ask("list_mcp_server_user_access", id="support-github", page_size=1)
    rest = await ask(
        "list_mcp_server_user_access", id="support-github", page_size=1, current_page=1
    )

    assert page["default_user_access"] == "deny"
    assert (page["has_more"], page["next_page"]) == (True, 2)
    answer = {row["user_id"]: row["enabled"] for row in page["data"] + rest["data"]}
    assert answer == {diego: True, user("Emi"): False}


async def test_an_access_that_says_nothing_is_not_sent(refusal, emulator):
    advice = await refusal("update_mcp_server_user_access", id="support-github")

    assert "give users" in advice
    assert list(emulator.log) == []


async def test_a_person_is_signed_out(ask, user):
    emi = user("Emi")
    before = await ask("list_mcp_server_connections", id="support-github")
    await ask("disconnect_mcp_server_connection", id="support-github", user_id=emi)
    after = await ask("list_mcp_server_connections", id="support-github", user_id=emi)

    assert [(row["user_id"], row["connected"]) for row in before["data"]] == [(emi, True)]
    assert after["total"] == 0


async def test_a_server_answers_has_metadata_and_may_be_used(ask):
    name = {"id": "support-github"}

    assert (await ask("test_mcp_server", **name))["success"] is True
    assert (await ask("get_mcp_server_metadata", **name))["sync_status"] == "pending"
    assert (await ask("check_mcp_server_access", **name))["has_access"] is True


async def test_the_registry_is_read_page_by_page(ask, emulator, support):
    await ask("create_mcp_server", name="Two", mcp_integration_id="github", workspace_id=support)

    first = await ask("list_mcp_registry", limit=1)
    cursor = first["metadata"]["nextCursor"]
    second = await ask("list_mcp_registry", limit=1, cursor=cursor)

    names = [each["server"]["name"] for each in first["servers"] + second["servers"]]
    assert names[1] == "ai.portkey/support-github"
    assert "nextCursor" not in second["metadata"]
    assert emulator.log[-1] == "GET /v0.1/servers"


async def test_the_registry_is_searched_by_name_workspace_and_time(ask, support, workspace):
    created = await ask(
        "create_mcp_server", name="Two", mcp_integration_id="github", workspace_id=support
    )
    github, two = "ai.portkey/support-github", f"ai.portkey/{created['slug']}"

    async def names(**arguments):
        answer = await ask("list_mcp_registry", **arguments)
        return [each["server"]["name"] for each in answer["servers"]]

    assert await names(search="gitHUB") == [github]
    assert await names(workspace_id=support) == [two, github]
    assert await names(workspace_id=workspace("Science")) == []
    # Half an hour before the second was made, written with an offset.
    assert await names(updated_since="2026-11-02T10:30:00+02:00") == [two]


async def test_the_registry_refuses_what_is_no_time(refusal):
    assert "updated_since" in await refusal("list_mcp_registry", updated_since="2026-13-01T00:00")

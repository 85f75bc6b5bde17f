"""MCP integrations, as a model sees them."""

import pytest

DRAFT = {"url": "https://mcp.example", "auth_type": "headers", "transport": "http"}


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.fixture
async def jira(ask, support):
    secret = {"authorization": "Bearer not-a-token"}
    return await ask(
        "create_mcp_integration",
        name="Jira",
        **DRAFT,
        custom_headers=secret,
        configurations={"timeout": 5, "client_secret": "not-a-secret"},
        workspace_id=support,
    )


async def test_an_integration_is_made_changed_listed_and_deleted(ask, refusal, jira, support):
    await ask("update_mcp_integration", id=jira["id"], name="Jira Cloud", description="Issues")
    read = await ask("get_mcp_integration", id=jira["slug"])
    listed = await ask("list_mcp_integrations", type="workspace", workspace_id=support)

    answer = (read["name"], read["description"], read["type"])
    assert answer == ("Jira Cloud", "Issues", "workspace")
    assert [row["id"] for row in listed["data"]] == [jira["id"]]

    await ask("delete_mcp_integration", id=jira["id"])
    assert "403" in await refusal("get_mcp_integration", id=jira["id"])


async def test_headers_go_among_the_settings_and_come_back_masked(ask, emulator, jira):
    stored = emulator.store.table("mcp_integrations")[jira["id"]]["configurations"]
    read = await ask("get_mcp_integration", id=jira["id"])

    assert stored == {
        "timeout": 5,
        "client_secret": "not-a-secret",
        "custom_headers": {"authorization": "Bearer not-a-token"},
    }
    assert read["configurations"] == {
        "timeout": 5,
        "client_secret": "*****",
        "custom_headers": {"authorization": "*****"},
    }


async def test_headers_alone_keep_the_other_settings_and_may_be_all_there_is(ask, emulator, jira):
    headers = {"x-team": "support"}
    created = await ask("create_mcp_integration", name="Own", **DRAFT, custom_headers=headers)

    stored = emulator.store.table("mcp_integrations")[created["id"]]["configurations"]
    assert stored == {"custom_headers": headers}


async def test_a_change_of_access_must_change_something(refusal, emulator):
    advice = await refusal("update_mcp_integration_workspaces", id="github", workspaces=[])

    assert "workspaces is empty: name one, or give global_workspace_access or" in advice
    assert list(emulator.log) == []


async def test_capabilities_are_paged_from_1_whichever_way_a_caller_counts(ask, emulator):
    by_page = await ask("list_mcp_integration_capabilities", id="github", page=2, page_size=2)
    from_0 = await ask(
        "list_mcp_integration_capabilities", id="github", current_page=1, page_size=2
    )
    last = await ask("list_mcp_integration_capabilities", id="github", page=3, page_size=2)
    tools = await ask("list_mcp_integration_capabilities", id="github", type="tool")

    assert by_page == from_0
    assert [row["name"] for row in by_page["data"]] == ["delete_repository", "triage"]
    assert (by_page["has_more"], by_page["next_page"]) == (True, 3)
    assert last["has_more"] is False
    assert (tools["total"], tools["counts"]["prompts"]["total"]) == (3, 1)


async def test_a_page_of_capabilities_is_named_in_one_way(refusal, emulator):
    pages = {"page": 1, "current_page": 0}

    advice = await refusal("list_mcp_integration_capabilities", id="github", **pages)

    assert "give page (from 1) or current_page (from 0), not both" in advice
    assert list(emulator.log) == []


async def test_what_is_disabled_here_is_off_in_every_server(ask):
    off = [{"name": "delete_repository", "type": "tool", "enabled": False}]
    on = [{"name": "delete_repository", "type": "tool", "enabled": True}]

    await ask("update_mcp_integration_capabilities", id="github", capabilities=off)
    answer = await ask("update_mcp_server_capabilities", id="support-github", capabilities=on)

    assert "delete_repository is still disabled" in answer["notes"][0]
    rows = (await ask("list_mcp_server_capabilities", id="support-github"))["data"]
    answer = next(row for row in rows if row["name"] == "delete_repository")
    assert (answer["enabled"], answer["integration_enabled"]) == (False, False)


async def test_workspaces_are_added_replaced_and_all_let_in(ask, workspace, support):
    science = workspace("Science")
    update, listing = "update_mcp_integration_workspaces", "list_mcp_integration_workspaces"

    await ask(update, id="github", workspaces=[{"id": science, "enabled": False}])
    added = await ask(listing, id="github")
    await ask(
        update,
        id="github",
        workspaces=[],
        override_existing_workspace_access=True,
        global_workspace_access={"enabled": True},
    )
    replaced = await ask(listing, id="github", version="v2")

    assert {row["id"]: row["enabled"] for row in added["workspaces"]} == {
        support: True,
        science: False,
    }
    assert (replaced["data"], replaced["global_workspace_access"]) == ([], {"enabled": True})


async def test_a_server_that_does_not_answer_is_told_and_no_error(ask, support):
    draft = {**DRAFT, "url": "https://unreachable.example"}
    created = await ask("create_mcp_integration", name="Gone", **draft, workspace_id=support)

    good = await ask("test_mcp_integration", id="github")
    bad = await ask("test_mcp_integration", id=created["id"])

    assert (good["success"], good["status_code"]) == (True, 200)
    assert (bad["success"], bad["error"]) == (False, "connect ECONNREFUSED")
    assert (await ask("get_mcp_integration_metadata", id="github"))["sync_status"] == "pending"


UNKNOWN = {"name": "delete_repo", "type": "tool", "enabled": False}


@pytest.mark.parametrize(
    ("tool", "id"),
    [
        ("update_mcp_integration_capabilities", "github"),
        ("update_mcp_server_capabilities", "support-github"),
    ],
)
async def test_a_capability_that_does_not_exist_is_named_with_the_nearest(ask, tool, id):
    triage = {"name": "triage", "type": "tool", "enabled": False}
    other = {"name": "zzz", "type": "resource_template", "enabled": True}
    right = {"name": "delete_repository", "type": "tool", "enabled": False}

    wrong = await ask(tool, id=id, capabilities=[UNKNOWN, triage, other, right])
    good = await ask(tool, id=id, capabilities=[right])

    assert wrong["notes"][:3] == [
        "There is no tool 'delete_repo', so nothing was disabled; did you mean delete_repository?",
        "There is no tool 'triage', so nothing was disabled; it is a prompt.",
        "There is no resource template 'zzz', so nothing was enabled; "
        "there is no resource template at all.",
    ]
    assert good["notes"] == [f'Sent to id "{id}": capabilities (1).']


async def test_what_stays_off_by_the_integration_is_said(ask):
    change = {"name": "triage", "type": "prompt"}
    await ask(
        "update_mcp_integration_capabilities",
        id="github",
        capabilities=[{**change, "enabled": False}],
    )

    answer = await ask(
        "update_mcp_server_capabilities",
        id="support-github",
        capabilities=[{**change, "enabled": True}],
    )

    assert "triage is still disabled" in answer["notes"][0]


async def test_a_grant_that_has_no_effect_is_no_success(ask, jira, support, workspace):
    science = workspace("Science")
    grant = {"id": jira["id"], "workspaces": [{"id": science, "enabled": True}]}

    theirs = await ask("update_mcp_integration_workspaces", **grant)
    own = await ask(
        "update_mcp_integration_workspaces",
        id=jira["id"],
        workspaces=[{"id": support, "enabled": True}],
    )
    everyone = await ask(
        "update_mcp_integration_workspaces",
        id=jira["id"],
        workspaces=[],
        global_workspace_access={"enabled": True},
    )
    shared = await ask("update_mcp_integration_workspaces", **grant | {"id": "github"})

    assert f"belongs to workspace {support}, so a grant to any other" in theirs["notes"][0]
    assert "create its integration with `organisation_id`" in theirs["notes"][0]
    assert everyone["notes"][0] == theirs["notes"][0]
    assert all(len(answer["notes"]) == 1 for answer in (own, shared))

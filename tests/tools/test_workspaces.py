"""Workspaces and their members through MCP, and through the functions."""

import pytest

from portkey_admin_mcp.errors import Conflict, Forbidden, NotFound, Rejected
from portkey_admin_mcp.models.core.limits import RateLimit, UsageLimits
from portkey_admin_mcp.models.workspaces import (
    MemberDraft,
    MemberFilter,
    MemberPatch,
    WorkspaceDeletion,
    WorkspaceDraft,
    WorkspaceFilter,
    WorkspacePatch,
)
from portkey_admin_mcp.tools.users import get_user
from portkey_admin_mcp.tools.workspaces import (
    add_workspace_member,
    create_workspace,
    delete_workspace,
    get_workspace,
    get_workspace_member,
    list_workspace_members,
    list_workspaces,
    remove_workspace_member,
    update_workspace,
    update_workspace_member,
)


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.fixture
def stored(emulator, support):
    """What the store keeps of Support."""
    return lambda: emulator.store.table("workspaces")[support]


async def test_a_workspace_is_made_with_people_budget_and_defaults(api, user):
    draft = WorkspaceDraft(
        name="🚀 Rockets",
        description="Goes up",
        metadata={"team": "rockets"},
        users=[user("Ben")],
        usage_limits=[UsageLimits(type="cost", credit_limit=500, periodic_reset="monthly")],
        rate_limits=[RateLimit(type="requests", unit="rpm", value=60)],
    )

    created = await create_workspace(api, draft)

    answer = (await get_workspace(api, created.slug)).answer()
    assert (answer["name"], answer["icon"], answer["description"]) == (
        "🚀 Rockets",
        "🚀",
        "Goes up",
    )
    assert answer["defaults"]["metadata"] == {"team": "rockets"}
    assert answer["usage_limits"] == [
        {"type": "cost", "credit_limit": 500, "periodic_reset": "monthly"}
    ]
    assert answer["rate_limits"] == [{"type": "requests", "unit": "rpm", "value": 60}]
    assert [member["email"] for member in answer["users"]] == ["ben@acme.example"]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["Support", "🔬 Science", "Shared Team Workspace"]),
        ({"name": "Su"}, ["Support"]),
        ({"exact_name": "Science"}, ["🔬 Science"]),
        ({"status": "archived"}, []),
        ({"page_size": 1, "current_page": 2}, ["Shared Team Workspace"]),
    ],
)
async def test_workspaces_are_filtered_and_paged_from_zero(api, filters, names):
    page = await list_workspaces(api, WorkspaceFilter(**filters))

    assert [row.name for row in page.data] == names


async def test_a_workspace_is_named_by_id_or_slug(api, support):
    by_id = await get_workspace(api, support)
    by_slug = await get_workspace(api, by_id.slug)

    assert by_slug == by_id
    assert [member.email for member in by_id.users] == ["diego@acme.example", "emi@acme.example"]


@pytest.mark.parametrize("field", ["usage_limits", "rate_limits"])
async def test_null_clears_a_limit_and_absence_keeps_it(ask, stored, support, field):
    one = {"usage_limits": [{"credit_limit": 9}], "rate_limits": [{"unit": "rpm", "value": 9}]}
    await ask("update_workspace", workspace_id=support, **one)

    await ask("update_workspace", workspace_id=support, description="New")
    assert {name: stored()[name] for name in one} == one

    await ask("update_workspace", workspace_id=support, **{field: None})
    assert {name: stored()[name] for name in one} == {**one, field: None}
    assert stored()["description"] == "New"


async def test_null_takes_the_default_config_away_and_absence_keeps_it(
    api, ask, emulator, stored, support
):
    slug = next(iter(emulator.store.table("configs").rows()))["slug"]
    await ask("update_workspace", workspace_id=support, user_api_key_config=slug)
    await ask("update_workspace", workspace_id=support, input_guardrails=["pg-in"])
    assert stored()["defaults"]["user_api_key_config"] == slug

    await ask("update_workspace", workspace_id=support, user_api_key_config=None)

    assert stored()["defaults"] == {
        "metadata": {"team": "support"},
        "is_default": 0,
        "input_guardrails": ["pg-in"],
        "output_guardrails": [],
        "user_api_key_config": None,
    }


async def test_null_where_it_clears_nothing_is_not_sent(ask, stored, support):
    await ask("update_workspace", workspace_id=support, name=None, description="New")

    assert (stored()["name"], stored()["description"]) == ("Support", "New")


async def test_a_new_name_keeps_the_slug_and_an_empty_icon_clears_it(api, workspace):
    before = await get_workspace(api, workspace("Science"))

    await update_workspace(api, before.id, WorkspacePatch(name="Arts", icon=""))

    after = await get_workspace(api, before.id)
    assert (after.name, after.slug) == ("Arts", before.slug)


async def test_a_slug_that_is_taken_is_a_conflict(api, support, workspace):
    taken = (await get_workspace(api, workspace("Science"))).slug

    with pytest.raises(Conflict, match="slug"):
        await create_workspace(api, WorkspaceDraft(name="New", slug=taken))
    with pytest.raises(Conflict, match="slug"):
        await update_workspace(api, support, WorkspacePatch(slug=taken))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "name: String should have at least 1 character"),
        ({"is_default": 2}, "is_default: Input should be less than or equal to 1"),
        (
            {"usage_limits": [{"credit_limit": 50, "alert_threshold": 50}]},
            "alert_threshold is an amount and must be below credit_limit",
        ),
        (
            {"usage_limits": [{"periodic_reset": "weekly", "periodic_reset_days": 7}]},
            "not both",
        ),
        ({"rate_limits": [{"unit": "rps"}]}, "rate_limits.0.unit: Input should be 'rpd'"),
        ({"usage_limit": []}, "did you mean usage_limits?"),
    ],
)
async def test_a_workspace_that_cannot_be_is_not_sent(refusal, emulator, arguments, message):
    advice = await refusal("create_workspace", **{"name": "x", **arguments})

    assert message in advice
    assert list(emulator.log) == []


async def test_a_deletion_needs_the_name(api, workspace):
    with pytest.raises(Rejected, match="name does not match"):
        await delete_workspace(api, workspace("Science"), WorkspaceDeletion(name="Arts"))

    await delete_workspace(api, workspace("Science"), WorkspaceDeletion(name="Science"))

    rest = await list_workspaces(api, WorkspaceFilter())
    archived = await list_workspaces(api, WorkspaceFilter(status="archived"))
    assert [row.name for row in rest.data] == ["Support", "Shared Team Workspace"]
    assert [row.name for row in archived.data] == ["🔬 Science"]


async def test_a_user_joins_changes_role_and_leaves(api, support, user):
    ben = user("Ben")

    await add_workspace_member(api, support, MemberDraft(user_id=ben, role="manager"))
    joined = await get_workspace_member(api, support, ben)
    assert (joined.email, joined.role, joined.org_role) == ("ben@acme.example", "manager", "admin")

    await update_workspace_member(api, support, ben, MemberPatch(role="member"))
    assert (await get_workspace_member(api, support, ben)).role == "member"

    await remove_workspace_member(api, support, ben)
    with pytest.raises(NotFound):
        await get_workspace_member(api, support, ben)
    assert (await get_user(api, ben)).role == "admin"


async def test_nobody_joins_twice_and_nobody_unknown_joins(api, support, user):
    with pytest.raises(Conflict, match="already a member"):
        await add_workspace_member(api, support, MemberDraft(user_id=user("Emi"), role="admin"))
    with pytest.raises(NotFound):
        await add_workspace_member(api, support, MemberDraft(user_id="nobody", role="admin"))


@pytest.mark.parametrize(
    ("filters", "names", "total"),
    [
        ({}, ["Chitra", "Emi", "Diego"], 3),
        ({"role": "manager"}, ["Chitra", "Emi"], 2),
        ({"email": "diego@acme.example"}, ["Diego"], 1),
        ({"page_size": 2, "current_page": 1}, ["Diego"], 3),
    ],
)
async def test_members_are_filtered_and_paged_from_zero(api, support, user, filters, names, total):
    await add_workspace_member(api, support, MemberDraft(user_id=user("Chitra"), role="manager"))

    page = await list_workspace_members(api, support, MemberFilter(**filters))

    assert [member.answer()["first_name"] for member in page.data] == names
    assert page.total == total


async def test_a_workspace_key_reads_its_own_workspace_and_members_only(
    connect, support, workspace
):
    service, science = connect("workspace-service"), workspace("Science")

    assert (await get_workspace(service, support)).id == support
    assert (await list_workspace_members(service, support, MemberFilter())).total == 2
    for request in (
        get_workspace(service, science),
        list_workspace_members(service, science, MemberFilter()),
    ):
        with pytest.raises(Forbidden):
            await request


async def test_a_workspace_key_lists_its_own_workspace(connect, support):
    page = await list_workspaces(connect("workspace-service"), WorkspaceFilter())

    assert [row.id for row in page.data] == [support]
    assert page.total == 1


@pytest.mark.parametrize(("form", "name"), [("plain", "Science"), ("display", "🔬 Science")])
async def test_names_are_listed_with_the_icon_or_without(ask, form, name):
    listed = await ask("list_workspaces", exact_name="Science", name_format=form)

    assert [row["name"] for row in listed["data"]] == [name]


async def test_an_update_of_nothing_is_not_sent(refusal, emulator, support):
    assert "give something to change" in await refusal("update_workspace", workspace_id=support)
    assert list(emulator.log) == []


async def test_a_model_moves_a_person_between_workspaces(ask, support, workspace, user):
    emi, science = user("Emi"), workspace("Science")

    await ask("add_workspace_member", workspace_id=science, user_id=emi, role="member")
    gone = await ask("remove_workspace_member", workspace_id=support, user_id=emi)

    assert gone == {"success": True}
    assert (await ask("list_workspace_members", workspace_id=support))["total"] == 1
    row = await ask("get_workspace_member", workspace_id=science, user_id=emi)
    assert row["workspace_id"] == science


async def test_a_slug_that_names_nothing_is_refused_with_advice(refusal):
    advice = await refusal("get_workspace", workspace_id="ws-none")

    assert "Portkey answered 404 AB08 to GET /admin/workspaces/{workspace_id}: " in advice
    assert '"Not found: workspace ws-none"' in advice
    assert "this key may not see it: check with list_workspaces." in advice


@pytest.mark.parametrize("name", ["Science", "🔬 Science"])
@pytest.mark.parametrize("argument", ["name", "exact_name"])
async def test_a_workspace_is_found_by_its_name_with_and_without_the_icon(ask, argument, name):
    rows = (await ask("list_workspaces", **{argument: name}))["data"]

    assert [row["name"] for row in rows] == ["🔬 Science"]

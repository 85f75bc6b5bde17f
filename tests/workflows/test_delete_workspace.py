"""Deleting a workspace by its id alone, against the emulator."""

import pytest

from portkey_admin_mcp.errors import Conflict, Forbidden, NotFound, Rejected
from portkey_admin_mcp.models.workspaces import WorkspaceDraft, WorkspaceFilter
from portkey_admin_mcp.tools.workspaces import create_workspace, get_workspace, list_workspaces
from portkey_admin_mcp.workflows.delete_workspace import DeletionOptions, delete_workspace


@pytest.mark.parametrize(
    "draft",
    [
        {"name": "Rockets"},
        {"name": "🚀 Rockets"},
        {"name": "☀️ Rockets"},
        {"name": "Rockets", "icon": "🚀"},
        {"name": "🚀"},
        {"name": "🚀🚀 Rockets"},
        {"name": "— Rockets"},
        {"name": "Rockets", "icon": "R"},
    ],
)
async def test_the_id_is_enough_whatever_the_name(api, draft):
    created = await create_workspace(api, WorkspaceDraft(**draft))

    assert (await delete_workspace(api, created.id, DeletionOptions())).success

    with pytest.raises(Forbidden):
        await get_workspace(api, created.id)


async def test_the_slug_will_do_as_well(api, emulator):
    created = await create_workspace(api, WorkspaceDraft(name="Rockets"))
    emulator.log.clear()

    await delete_workspace(api, created.slug, DeletionOptions())

    target = f"/v1/admin/workspaces/{created.slug}"
    assert list(emulator.log) == [f"GET {target}", f"DELETE {target}"]


async def test_a_given_name_is_a_check_and_saves_the_reading(api, emulator):
    created = await create_workspace(api, WorkspaceDraft(name="🚀 Rockets"))
    emulator.log.clear()

    with pytest.raises(Rejected, match="name does not match"):
        await delete_workspace(api, created.id, DeletionOptions(name="Planes"))
    await delete_workspace(api, created.id, DeletionOptions(name="Rockets"))

    target = f"/v1/admin/workspaces/{created.id}"
    assert list(emulator.log) == [f"DELETE {target}", f"DELETE {target}"]


@pytest.mark.parametrize("name", ["— Rockets", "№ 5 Rockets", "« Rockets »"])
async def test_a_sign_in_a_given_name_is_no_icon(api, name):
    created = await create_workspace(api, WorkspaceDraft(name=name))

    assert (await delete_workspace(api, created.id, DeletionOptions(name=name))).success


async def test_a_wrong_name_stops_even_a_forced_deletion(api, workspace):
    support = workspace("Support")

    with pytest.raises(Rejected, match="name does not match"):
        await delete_workspace(api, support, DeletionOptions(name="Science", force_delete=True))

    assert (await get_workspace(api, support)).name == "Support"


async def test_a_workspace_that_holds_something_goes_only_when_forced(api, emulator, workspace):
    support = workspace("Support")

    with pytest.raises(Conflict, match="ensure that all Virtual Keys are deleted"):
        await delete_workspace(api, support, DeletionOptions())
    with pytest.raises(Conflict):
        await delete_workspace(api, support, DeletionOptions(force_delete=False))
    assert (await get_workspace(api, support)).id == support

    await delete_workspace(api, support, DeletionOptions(force_delete=True))
    rest = await list_workspaces(api, WorkspaceFilter())
    assert [row.name for row in rest.data] == ["🔬 Science", "Shared Team Workspace"]
    assert set(emulator.keys()) == {"owner", "admin", "scopeless", "revoked"}


async def test_the_default_workspace_stays(api, workspace):
    shared = workspace("Shared Team Workspace")

    with pytest.raises(Rejected, match="Default workspace cannot be deleted"):
        await delete_workspace(api, shared, DeletionOptions(force_delete=True))


async def test_a_workspace_that_is_not_there_is_not_deleted(api, emulator, workspace):
    science = workspace("Science")
    await delete_workspace(api, science, DeletionOptions())
    emulator.log.clear()

    with pytest.raises(Forbidden):
        await delete_workspace(api, science, DeletionOptions())
    with pytest.raises(NotFound):
        await delete_workspace(api, "ws-none", DeletionOptions())

    assert [line.partition(" ")[0] for line in emulator.log] == ["GET", "GET"]


async def test_a_workspace_key_may_not_delete_its_workspace(connect, workspace):
    support = workspace("Support")

    with pytest.raises(Forbidden):
        await delete_workspace(
            connect("workspace-service"), support, DeletionOptions(force_delete=True)
        )


async def test_a_model_is_told_what_is_in_the_way_and_then_forces(ask, refusal, workspace):
    support = workspace("Support")

    advice = await refusal("delete_workspace", workspace_id=support)
    assert "409 AB07 to DELETE /admin/workspaces/{workspace_id}" in advice
    assert "something still depends on it" in advice

    gone = await ask("delete_workspace", workspace_id=support, force_delete=True)
    assert gone == {"success": True}


async def test_a_model_whose_name_is_wrong_is_told_so(refusal, workspace):
    advice = await refusal("delete_workspace", workspace_id=workspace("Science"), name="Arts")

    assert "Workspace name does not match" in advice
    assert "Nothing was changed." in advice


async def test_the_name_as_it_is_shown_will_do(ask, workspace):
    science = workspace("Science")
    shown = (await ask("get_workspace", workspace_id=science))["name"]

    await ask("delete_workspace", workspace_id=science, name=shown)

    assert shown == "🔬 Science"
    assert science not in [w["id"] for w in (await ask("list_workspaces"))["data"]]

"""SCIM mappings, as a model sees them."""

import pytest


@pytest.fixture
def science(workspace):
    return workspace("Science")


async def test_a_group_gets_a_role_and_loses_it(ask, science):
    groups = await ask("list_scim_groups", search="eng")
    created = await ask(
        "create_scim_workspace_mapping",
        workspace_id=science,
        role="manager",
        scim_group_id=groups["data"][0]["id"],
    )
    listed = await ask("list_scim_workspace_mappings", workspace_id=science)
    gone = await ask("delete_scim_workspace_mapping", mapping_id=created["id"])
    after = await ask("list_scim_workspace_mappings", workspace_id=science)

    assert listed["mappings"] == [created]
    assert (created["scim_group"], created["role"]) == ("Engineering", "manager")
    assert gone == {"success": True}
    assert after["total_count"] == 0


async def test_mappings_are_paged_by_page_from_0(ask, science):
    group = {"scim_group_name": "Everybody", "role": "member"}
    await ask("create_scim_workspace_mapping", workspace_id=science, **group)

    first = await ask("list_scim_workspace_mappings", page_size=1)
    last = await ask("list_scim_workspace_mappings", page_size=1, page=1)

    assert (first["has_more"], first["next_page"], first["total_count"]) == (True, 1, 2)
    assert last["has_more"] is False
    assert first["mappings"] != last["mappings"]


@pytest.mark.parametrize("group", [{}, {"scim_group_id": "a", "scim_group_name": "b"}])
async def test_one_group_is_named_before_anything_is_sent(refusal, emulator, science, group):
    advice = await refusal(
        "create_scim_workspace_mapping", workspace_id=science, role="member", **group
    )

    assert "one of them" in advice
    assert list(emulator.log) == []

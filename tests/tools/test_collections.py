"""Collections, as a model sees them."""

import pytest


@pytest.fixture
def support(workspace):
    return workspace("Support")


async def test_a_collection_is_made_read_renamed_listed_and_deleted(ask, refusal, support):
    created = await ask("create_collection", name="Refunds", workspace_id=support)
    inner = await ask(
        "create_collection", name="Late", workspace_id=support, parent_collection_id=created["id"]
    )
    renamed = await ask("update_collection", collection_id=created["slug"], name="Money back")
    read = await ask("get_collection", collection_id=created["id"])
    listed = await ask("list_collections", workspace_id=support, search="money")

    assert renamed["success"] is True
    assert renamed["notes"] == [f'Sent to collection_id "{created["slug"]}": name "Money back".']
    assert (read["name"], read["slug"]) == ("Money back", created["slug"])
    assert [child["id"] for child in read["child_collections"]] == [inner["id"]]
    assert read["child_collections"][0]["parent_collection_id"] == created["id"]
    assert "parent_collection_id" not in read
    assert [row["id"] for row in listed["data"]] == [created["id"]]

    await ask("delete_collection", collection_id=created["id"])
    assert "403" in await refusal("get_collection", collection_id=created["id"])


async def test_every_workspace_has_a_collection_that_stays(ask, refusal):
    workspace = await ask("create_workspace", name="New")

    (default,) = (await ask("list_collections", workspace_id=workspace["id"]))["data"]

    assert default["is_default"]
    assert "404" in await refusal("delete_collection", collection_id=default["id"])


async def test_a_list_says_whether_more_follows(ask, support):
    first = await ask("list_collections", workspace_id=support, page_size=1)
    last = await ask("list_collections", workspace_id=support, page_size=1, current_page=1)

    assert (first["total"], first["has_more"], first["next_page"]) == (2, True, 1)
    assert (last["has_more"], last.get("next_page")) == (False, None)


async def test_a_description_alone_is_not_sent(refusal, emulator):
    advice = await refusal("update_collection", collection_id="co-x", description="x")

    assert "give name" in advice
    assert list(emulator.log) == []

"""Partials of prompts, as a model sees them."""

import pytest

from portkey_admin_mcp.models.partials import PartialPatch


@pytest.fixture
def support(workspace):
    return workspace("Support")


@pytest.fixture
async def partial(ask, support):
    return await ask(
        "create_prompt_partial", name="Greeting", string="Hello {{name}}", workspace_id=support
    )


async def test_a_partial_is_made_read_listed_and_deleted(ask, refusal, partial, support):
    read = await ask("get_prompt_partial", prompt_partial_id=partial["slug"])
    listed = await ask("list_prompt_partials", workspace_id=support)

    assert (read["string"], read["version"], read["status"]) == ("Hello {{name}}", 1, "active")
    assert [row["name"] for row in listed["data"]] == ["Greeting", "Closing"]
    assert "workspace_id" not in read

    await ask("delete_prompt_partial", prompt_partial_id=partial["id"])
    assert "403" in await refusal("get_prompt_partial", prompt_partial_id=partial["id"])


async def test_new_text_is_in_force_only_when_it_is_published(ask, partial):
    name = {"prompt_partial_id": partial["id"]}
    await ask("update_prompt_partial", **name, string="Hi {{name}}", description="Shorter")
    before = await ask("get_prompt_partial", **name)
    versions = await ask("list_partial_versions", **name)
    await ask("publish_partial", **name, version=2)
    after = await ask("get_prompt_partial", **name)

    assert before["string"] == "Hello {{name}}"
    assert [(v["version"], v.get("description", "")) for v in versions["data"]] == [
        ("2", "Shorter"),
        ("1", ""),
    ]
    assert [v["prompt_version_status"] for v in versions["data"]] == ["archived", "active"]
    assert (after["string"], after["version"]) == ("Hi {{name}}", 2)


def test_the_description_of_a_version_is_sent_under_both_of_its_names():
    described = PartialPatch(string="Hi", description="Shorter")

    assert described.wire() == {
        "string": "Hi",
        "description": "Shorter",
        "version_description": "Shorter",
    }
    assert PartialPatch(string="Hi").wire() == {"string": "Hi"}


async def test_a_new_name_makes_no_version(ask, partial):
    name = {"prompt_partial_id": partial["id"]}

    await ask("update_prompt_partial", **name, name="Welcome")

    assert (await ask("get_prompt_partial", **name))["name"] == "Welcome"
    assert (await ask("list_partial_versions", **name))["total"] == 1


async def test_a_version_that_is_not_there_cannot_be_published(refusal, partial):
    advice = await refusal("publish_partial", prompt_partial_id=partial["id"], version=7)

    assert "404" in advice


@pytest.mark.parametrize("field", ["version", "prompt_partial_version_id"])
async def test_a_version_is_published_by_its_number_and_by_its_id(ask, partial, field):
    name = {"prompt_partial_id": partial["id"]}
    made = await ask("update_prompt_partial", **name, string="Hi")
    assert made["version"] == 2

    await ask("publish_partial", **name, version=made[field])

    assert (await ask("get_prompt_partial", **name))["version"] == 2


async def test_a_version_id_that_is_not_there_is_named(refusal, partial):
    advice = await refusal("publish_partial", prompt_partial_id=partial["id"], version="no-id")

    assert "there is no version no-id" in advice

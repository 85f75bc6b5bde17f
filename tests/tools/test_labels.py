"""Labels of prompt versions, as a model sees them."""

import pytest


@pytest.fixture
def support(workspace):
    return workspace("Support")


async def test_a_label_is_made_read_changed_listed_and_deleted(ask, refusal, support):
    created = await ask(
        "create_prompt_label", name="canary", workspace_id=support, color_code="#FF0000"
    )
    await ask("update_prompt_label", label_id=created["id"], name="canary-2", description="A few")
    read = await ask("get_prompt_label", label_id=created["id"])
    listed = await ask("list_prompt_labels", workspace_id=support, search="canary")

    assert (read["name"], read["description"], read["color_code"]) == (
        "canary-2",
        "A few",
        "#FF0000",
    )
    assert [row["name"] for row in listed["data"]] == ["canary-2"]

    await ask("delete_prompt_label", label_id=created["id"])
    assert "403" in await refusal("get_prompt_label", label_id=created["id"])


async def test_three_labels_are_built_in_and_stay(ask, refusal):
    labels = (await ask("list_prompt_labels"))["data"]

    assert {row["name"] for row in labels} == {"production", "staging", "development"}
    assert all(row["is_universal"] for row in labels)
    for row in labels:
        assert "400" in await refusal("delete_prompt_label", label_id=row["id"])
        assert "400" in await refusal("update_prompt_label", label_id=row["id"], description="x")


async def test_an_owner_must_be_named_before_anything_is_sent(refusal, emulator):
    assert "give workspace_id" in await refusal("create_prompt_label", name="canary")
    assert list(emulator.log) == []


@pytest.mark.parametrize("name", ["latest", "default", "7", "a b", "a@b"])
async def test_a_name_that_portkey_cannot_take_is_not_sent(refusal, support, emulator, name):
    message = "name: choose a name without spaces or @ that is not latest, default or a number"

    assert message in await refusal("create_prompt_label", name=name, workspace_id=support)
    assert message in await refusal("update_prompt_label", label_id="any", name=name)
    assert list(emulator.log) == []


@pytest.mark.parametrize("color", ["red", "#12345", "#1234567", "#GGGGGG"])
async def test_a_color_is_six_hexadecimal_digits(refusal, support, color):
    advice = await refusal("create_prompt_label", name="x", workspace_id=support, color_code=color)

    assert "color_code" in advice

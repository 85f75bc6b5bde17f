"""The organisation's own guardrails, as a model sees them."""

import pytest


@pytest.fixture
def organisation(emulator):
    return emulator.store.table("guardrails").rows()[0]["organisation_id"]


async def test_the_organisations_guardrails_are_set_side_by_side(ask, emulator):
    (row,) = emulator.store.table("guardrails").where(name="No secrets")

    await ask("update_organisation_defaults", input_guardrails=[row["slug"]])
    await ask("update_organisation_defaults", output_guardrails=row["id"])
    both = await ask("get_organisation_defaults")
    await ask("update_organisation_defaults", input_guardrails=[])
    one = await ask("get_organisation_defaults")

    named = [{"id": row["id"], "slug": row["slug"]}]
    assert both == {"input_guardrails": named, "output_guardrails": named}
    assert one == {"input_guardrails": [], "output_guardrails": named}


async def test_a_call_without_a_side_is_not_sent(refusal, emulator):
    assert "give input_guardrails" in await refusal("update_organisation_defaults")
    assert list(emulator.log) == []


@pytest.mark.parametrize("side", ["input", "output"])
async def test_a_workspace_is_left_out_and_taken_in_again(ask, organisation, workspace, side):
    listing = f"list_{side}_guardrail_workspace_exclusions"
    update = f"update_{side}_guardrail_workspace_exclusions"
    support, science = workspace("Support"), workspace("Science")

    async def excluded():
        rows = (await ask(listing, organisation_id=organisation))["data"]
        return [row["workspace_id"] for row in rows]

    async def set_to(*workspaces, **more):
        listed = [{"workspace_id": each, "excluded": flag} for each, flag in workspaces]
        await ask(update, organisation_id=organisation, workspaces=listed, **more)
        return await excluded()

    assert await set_to((support, True)) == [support]
    assert await set_to((science, True)) == [support, science]
    assert await set_to((support, False)) == [science]
    assert await set_to((support, True), override_existing=True) == [support]


async def test_the_defaults_can_be_written_back_as_they_are_read(ask, emulator):
    (row,) = emulator.store.table("guardrails").where(name="No secrets")
    await ask("update_organisation_defaults", input_guardrails=[row["slug"]])
    before = await ask("get_organisation_defaults")

    await ask("update_organisation_defaults", **before)

    assert await ask("get_organisation_defaults") == before
    assert before["input_guardrails"] == [{"id": row["id"], "slug": row["slug"]}]


async def test_an_object_without_a_slug_is_no_guardrail(refusal):
    advice = await refusal("update_organisation_defaults", input_guardrails=[{"name": "x"}])

    assert "input_guardrails.0: " in advice


async def test_the_organisation_id_is_where_the_description_says(ask, organisation):
    keys = await ask("list_api_keys", fields="organisation_id")

    assert {row["organisation_id"] for row in keys["data"]} == {organisation}

"""Notes beside an answer: what it covers, what was not understood, and what a write set."""

import json

import pytest
from pydantic import create_model

from portkey_admin_mcp.models.providers import ProviderPage
from portkey_admin_mcp.portkey.catalog import tool_of
from portkey_admin_mcp.server.calls.notes import notes_on
from portkey_admin_mcp.server.calls.presentation import present, presentation_arguments
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.tools.providers import list_providers

DAY = {
    "time_of_generation_min": "2026-11-02T00:00:00Z",
    "time_of_generation_max": "2026-11-03T00:00:00Z",
}
LISTS_OF_ONE_WORKSPACE = [
    "list_collections",
    "list_configs",
    "list_guardrails",
    "list_log_exports",
    "list_mcp_servers",
    "list_prompt_labels",
    "list_prompt_partials",
    "list_prompts",
    "list_providers",
    "list_rate_limits",
    "list_usage_limits",
    "list_virtual_keys",
]
GROUP = {"conditions": [{"key": "model", "value": "*"}], "group_by": [{"key": "api_key"}]}


@pytest.fixture
def notes(call):
    """The notes in the answer of a call."""

    async def notes_of(tool, **arguments):
        result = await call(tool, arguments)
        assert not result.is_error, result.content
        assert json.loads(result.content[0].text) == result.structured_content
        assert len(result.content) == 1
        return result.structured_content.get("notes", [])

    return notes_of


@pytest.mark.parametrize("tool", LISTS_OF_ONE_WORKSPACE)
async def test_a_list_without_a_workspace_says_that_it_covers_one(notes, workspace, tool):
    # An empty list of credentials has another note as well.
    note = (await notes(tool))[-1]

    assert note.startswith("This covers one workspace only: ")
    assert note.endswith("`workspace_id` chooses another.")
    named = await notes(tool, workspace_id=workspace("Support"))
    assert not [note for note in named if "one workspace" in note]


async def test_the_workspace_is_named_if_the_answer_tells_it(notes, emulator):
    rows = emulator.store.table("workspaces").rows()
    (default,) = [row["id"] for row in rows if row["defaults"]["is_default"]]

    assert default in (await notes("list_collections"))[0]


@pytest.mark.parametrize(
    "tool", [t.name for t in all_tools() if t.name.startswith("get_") and t.domain == "analytics"]
)
async def test_figures_without_a_workspace_say_what_they_count(notes, workspace, tool):
    more = {"get_analytics_group": {"group_by": "api_key"}}.get(tool, {})
    more |= {"metadata_key": "team"} if tool.endswith("_metadata") else {}
    texts = await notes(tool, **DAY, **more)
    named = await notes(tool, **DAY, **more, workspace_slug=workspace("Support"))

    covers_all = tool == "get_analytics_group_workspaces"
    assert any("`workspace_slug` chooses another." in text for text in texts) is not covers_all
    assert not any("one workspace only" in text for text in named)


async def test_a_group_by_workspace_covers_all(notes):
    assert await notes("get_analytics_group", **DAY, group_by="workspace") == []


async def test_a_list_of_an_organisation_or_of_a_folder_has_no_such_note(notes, ask, emulator):
    organisation = emulator.store.table("api_keys").rows()[0]["organisation_id"]
    folder = (await ask("list_collections"))["data"][0]["id"]

    assert await notes("list_guardrails", organisation_id=organisation) == []
    assert await notes("list_prompts", collection_id=folder) == []
    assert await notes("list_api_keys") == []


async def test_an_object_that_is_named_by_its_id_has_no_such_note(notes, ask, workspace):
    rows = (await ask("list_configs", workspace_id=workspace("Support")))["data"]

    assert await notes("get_config", slug=rows[0]["slug"]) == []


async def test_an_unknown_field_is_named_with_the_nearest_there_is(notes):
    (note,) = await notes("list_workspaces", fields="nmae,slug,zzzz")

    assert "there is no nmae (did you mean name?), zzzz (none is like it)." in note
    assert "slug" in note.partition("There are:")[2]
    assert await notes("list_workspaces", fields="name,slug") == []
    assert await notes("list_workspaces", fields="*") == []


async def test_a_field_that_portkey_does_not_send_here_comes_with_the_tool_that_shows_it(
    notes, ask, workspace, emulator
):
    prompt = (await ask("list_prompts", workspace_id=workspace("Support")))["data"][0]["slug"]
    where = "`get_prompt_version` reads them."

    assert await notes("list_prompt_versions", prompt_id=prompt, fields="model") == [
        f"Portkey sends no model here: {where}"
    ]
    assert await notes("list_prompt_versions", prompt_id=prompt, fields="*") == [
        f"Portkey sends no model, parameters, virtual_key here: {where}"
    ]
    (both,) = await notes("list_prompt_versions", prompt_id=prompt, fields="modle,virtual_key")
    assert both.startswith(
        f"Portkey sends no virtual_key here: {where} `fields`: there is no modle"
    )
    assert await notes("list_prompt_versions", prompt_id=prompt) == []


async def test_the_ai_provider_of_a_provider_is_shown_or_its_place_is_said():
    rows = [{"slug": "a", "name": "A", "integration_id": "i"}]
    with_provider = [{**row, "provider": "openai"} for row in rows]
    arguments = create_model("arguments", **presentation_arguments(ProviderPage))

    shown = present(ProviderPage.read({"data": with_provider}), arguments(), 80_000)
    assert shown.answer["data"] == with_provider
    (note,) = notes_on(
        tool_of(list_providers), ProviderPage.read({"data": rows}), arguments(fields="provider")
    )
    assert "Portkey sends no provider here: `list_integrations` has the ai_provider_id" in note


async def test_a_write_says_what_was_sent_and_masks_secrets(notes, ask, workspace):
    support = workspace("Support")
    texts = await notes(
        "create_virtual_key", workspace_id=support, name="V", provider="openai", key="sk-123"
    )
    slug = (await ask("list_virtual_keys", workspace_id=support))["data"][0]["slug"]
    changed = await notes(
        "update_virtual_key", slug=slug, workspace_id=support, key="sk-4", note="n"
    )

    assert texts == [f'Sent: name "V", provider "openai", key ***, workspace_id "{support}".']
    assert changed[-1].startswith(f'Sent to slug "{slug}", workspace_id "{support}": ')
    assert "key ***" in changed[-1]
    assert 'note "n"' in changed[-1]
    assert "sk-" not in texts[0] + changed[-1]


async def test_a_new_object_says_which_workspace_it_is_in(notes):
    texts = await notes("create_usage_limit", **GROUP, type="cost", credit_limit=5)

    assert "one workspace only" in texts[0]
    assert texts[1] == 'Sent: conditions (1), group_by (1), type "cost", credit_limit 5.'


async def test_a_dry_run_and_an_answer_that_shows_what_was_sent_say_no_more(notes):
    assert await notes("create_workspace", name="Next") == []


async def test_a_table_has_the_notes_after_its_rows(call):
    result = await call("list_collections", {"format": "csv"})

    table, _, rest = result.content[0].text.rpartition("\n")
    assert table.splitlines()[0].startswith("id,")
    assert json.loads(rest)["notes"] == result.structured_content["notes"]

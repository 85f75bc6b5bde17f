"""Groups of API keys come with names, which Portkey does not send."""

import pytest
from pydantic import SecretStr

from fake_portkey import Answer, FakePortkey
from portkey_admin_mcp.models.analytics import AnalyticsColumns, AnalyticsFilter
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.transport import Network
from portkey_admin_mcp.settings.settings import Settings
from portkey_admin_mcp.tools.api_keys import delete_api_key
from portkey_admin_mcp.workflows.get_analytics_group import NOT_NAMED, get_analytics_group

MONTH = {
    "time_of_generation_min": "2026-10-01T00:00:00Z",
    "time_of_generation_max": "2026-11-03T00:00:00Z",
}


@pytest.fixture
def shared(workspace):
    return MONTH | {"workspace_slug": workspace("Shared Team Workspace")}


async def test_each_key_has_its_name_after_its_id_for_one_request_more(ask, shared, emulator):
    emulator.log.clear()
    groups = await ask("get_analytics_group", group_by="api_key", **shared)

    assert [row["name"] for row in groups["data"]] == ["Dashboard", "Nightly batch"]
    assert [*groups["data"][0]] == ["api_key", "name", "requests"]
    assert "notes" not in groups
    assert len(emulator.log) == 2


@pytest.mark.parametrize("group_by", ["model", "config", "workspace", "prompt"])
async def test_other_groups_cost_no_further_request(ask, shared, emulator, group_by):
    emulator.log.clear()
    groups = await ask("get_analytics_group", group_by=group_by, **shared)

    assert len(emulator.log) == 1
    assert not any("name" in row for row in groups["data"])


async def test_a_page_without_keys_costs_no_further_request(ask, shared, emulator):
    emulator.log.clear()
    groups = await ask("get_analytics_group", group_by="api_key", current_page=9, **shared)

    assert groups["data"] == []
    assert len(emulator.log) == 1


async def test_a_key_that_is_not_in_the_list_has_no_name_and_a_note_says_so(ask, api, shared):
    before = (await ask("get_analytics_group", group_by="api_key", **shared))["data"]
    await delete_api_key(api, before[0]["api_key"])

    groups = await ask("get_analytics_group", group_by="api_key", **shared)
    assert groups["data"][0]["api_key"] == before[0]["api_key"]
    assert [row.get("name") for row in groups["data"]] == [None, "Nightly batch"]
    (note,) = groups["notes"]
    assert note.startswith("1 of these API keys")
    assert "`get_api_key`" in note


async def test_a_key_that_may_not_list_keys_gets_the_figures_and_a_note(ask, connect, shared):
    created = await ask(
        "create_api_key", type="organisation", sub_type="service", name="Figures",
        scopes=["analytics.view"],
    )  # fmt: skip

    groups = await get_analytics_group(
        connect(created["key"]), "api_key", AnalyticsFilter(**shared), AnalyticsColumns()
    )
    answer = groups.answer()
    assert len(answer["data"]) == 2
    assert not any("name" in row for row in answer["data"])
    assert answer["notes"] == [NOT_NAMED]


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({"data": [{"id": "k", "name": "Nightly"}]}, "Nightly"),
        ({"data": [{"id": "k", "name": 5, "scopes": 5}, "x", None]}, "5"),
        ({"data": [{"id": "k"}]}, None),
        ({"data": "x"}, None),
        ([], None),
    ],
)
async def test_any_form_of_the_list_of_keys_leaves_the_figures_as_they_are(keys, name):
    group = {"api_key": "k", "requests": 3}
    with FakePortkey() as fake:
        fake.script([Answer(body={"total": 1, "data": [group]}), Answer(body=keys)])
        settings = Settings(PORTKEY_API_KEY=SecretStr("k"), **fake.settings)
        network = Network(settings)
        try:
            groups = await get_analytics_group(
                Portkey(settings, network), "api_key", AnalyticsFilter(**MONTH), AnalyticsColumns()
            )
        finally:
            await network.close()

    (row,) = groups.answer()["data"]
    assert row == (group if name is None else {**group, "name": name})
    assert ("notes" in groups.answer()) == (name is None)

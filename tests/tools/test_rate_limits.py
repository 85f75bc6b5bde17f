"""Rate limits, as a model sees them."""

import pytest

from portkey_admin_mcp.models.core.policies import EVERYTHING

POLICY = {
    "conditions": [{"key": "model", "value": "*"}],
    "group_by": [{"key": "api_key"}],
    "type": "tokens",
    "unit": "rpw",
    "value": 60,
}


@pytest.fixture
def support(workspace):
    return workspace("Support")


async def test_a_rate_limit_is_made_read_changed_listed_and_archived(ask, refusal, support):
    created = await ask("create_rate_limit", **POLICY, target="mcp_tools", workspace_id=support)
    await ask("update_rate_limit", id=created["id"], value=90, unit="rpd", name="Tools")
    read = await ask("get_rate_limit", id=created["id"])
    listed = await ask("list_rate_limits", workspace_id=support, target="mcp_tools")

    assert {n: read[n] for n in POLICY} == {**POLICY, "value": 90, "unit": "rpd"}
    assert (read["name"], read["target"]) == ("Tools", "mcp_tools")
    assert [row["id"] for row in listed["data"]] == [created["id"]]

    await ask("delete_rate_limit", id=created["id"])
    assert "403" in await refusal("get_rate_limit", id=created["id"])
    assert (await ask("get_rate_limit", id=created["id"], status="archived"))["name"] == "Tools"


async def test_a_number_goes_as_it_came(ask, emulator, support):
    created = await ask("create_rate_limit", **POLICY, workspace_id=support)

    value = emulator.store.table("rate_limits")[created["id"]]["value"]

    assert (value, type(value)) == (60, int)


async def test_no_conditions_are_refused_with_those_for_every_request(refusal, ask, workspace):
    group = [{"key": "metadata._user"}]
    advice = await refusal(
        "create_rate_limit", conditions=[], group_by=group, type="requests", unit="rpm", value=5
    )
    assert 'for every request: [{"key": "api_key", "value": "*"}]' in advice

    created = await ask(
        "create_rate_limit",
        conditions=EVERYTHING,
        group_by=[{"key": "workspace_id"}],
        workspace_id=workspace("Support"),
        type="requests",
        unit="rpm",
        value=5,
    )
    assert created["id"]

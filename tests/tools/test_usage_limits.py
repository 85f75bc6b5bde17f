"""Usage limits, as a model sees them."""

import pytest

from portkey_admin_mcp.models.core.policies import EVERYTHING

POLICY = {
    "conditions": [{"key": "metadata.team", "value": ["a", "b"], "excludes": "c"}],
    "group_by": [{"key": "api_key"}],
    "type": "requests",
    "credit_limit": 60,
}


@pytest.fixture
def support(workspace):
    return workspace("Support")


async def test_a_usage_limit_is_made_read_changed_listed_and_archived(ask, refusal, support):
    created = await ask("create_usage_limit", **POLICY, name="Teams", workspace_id=support)
    await ask("update_usage_limit", id=created["id"], credit_limit=90, alert_threshold=80)
    read = await ask("get_usage_limit", id=created["id"])
    listed = await ask("list_usage_limits", workspace_id=support, type="requests")

    assert {name: read[name] for name in POLICY} == {**POLICY, "credit_limit": 90}
    assert (read["name"], read["alert_threshold"]) == ("Teams", 80)
    assert [row["id"] for row in listed["data"]] == [created["id"]]

    await ask("delete_usage_limit", id=created["id"])
    assert "403" in await refusal("get_usage_limit", id=created["id"])
    assert (await ask("get_usage_limit", id=created["id"], status="archived"))["name"] == "Teams"


async def test_null_ends_a_reset_and_absence_keeps_it(ask, support):
    created = await ask(
        "create_usage_limit", **POLICY, workspace_id=support, periodic_reset="weekly"
    )
    await ask("update_usage_limit", id=created["id"], name="Renamed")
    stored = await ask("get_usage_limit", id=created["id"])
    await ask("update_usage_limit", id=created["id"], periodic_reset=None)
    ended = await ask("get_usage_limit", id=created["id"])

    assert (stored["periodic_reset"], stored["next_usage_reset_at"]) == (
        "weekly",
        "2026-11-09T00:00:00.000Z",
    )
    assert (ended["periodic_reset"], ended["next_usage_reset_at"]) == (None, None)


async def test_a_group_that_is_exhausted_starts_again_or_gets_more(ask, support):
    (policy,) = (await ask("list_usage_limits", workspace_id=support))["data"]
    answer = await ask("list_usage_limit_entities", limit_id=policy["id"], status="exhausted")
    (diego,) = answer["data"]

    await ask("update_usage_limit", id=policy["id"], credit_limit=200)
    more = await ask("list_usage_limit_entities", limit_id=policy["id"], search="diego")
    await ask("reset_usage_limit_entity", limit_id=policy["id"], entity_id=diego["id"])
    again = await ask("list_usage_limit_entities", limit_id=policy["id"], search="diego")

    assert diego["value_key"] == "metadata._user:diego@acme.example"
    assert diego["current_usage"] >= 75
    assert (more["data"][0]["status"], more["data"][0]["id"]) == ("active", diego["id"])
    assert more["data"][0]["current_usage"] == diego["current_usage"]
    assert again["data"][0]["current_usage"] == 0


async def test_usage_is_shown_if_asked_for_and_reset_by_value(ask, support):
    (policy,) = (await ask("list_usage_limits", workspace_id=support))["data"]
    await ask("update_usage_limit", id=policy["id"], reset_usage_for_value="diego@acme.example")

    read = await ask("get_usage_limit", id=policy["id"], include_usage=True)

    usage = read["value_key_usage_map"]
    assert usage["metadata._user:diego@acme.example"] == {"current_usage": 0, "status": "active"}
    assert 0 < usage["metadata._user:emi@acme.example"]["current_usage"] < 75


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"alert_threshold": 60}, "below credit_limit"),
        ({"periodic_reset": "weekly", "periodic_reset_days": 3}, "not both"),
        ({"conditions": []}, "conditions"),
        ({"type": "dollars"}, "type"),
    ],
)
async def test_what_does_not_agree_is_not_sent(refusal, emulator, more, message):
    assert message in await refusal("create_usage_limit", **{**POLICY, **more})
    assert list(emulator.log) == []


async def test_no_conditions_are_refused_with_those_for_every_request(refusal, ask, workspace):
    group = [{"key": "metadata._user"}]
    advice = await refusal(
        "create_usage_limit", conditions=[], group_by=group, type="cost", credit_limit=5
    )
    assert 'for every request: [{"key": "api_key", "value": "*"}]' in advice

    created = await ask(
        "create_usage_limit",
        conditions=EVERYTHING,
        group_by=[{"key": "workspace_id"}],
        workspace_id=workspace("Support"),
        type="cost",
        credit_limit=5,
    )
    assert created["id"]

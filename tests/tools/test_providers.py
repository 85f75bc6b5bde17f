"""Providers of a workspace, as a model sees them."""

import pytest


@pytest.fixture
def science(workspace):
    return workspace("Science")


@pytest.fixture
async def provider(ask, science):
    return await ask(
        "create_provider",
        name="Ours",
        integration_id="openai",
        slug="ours",
        workspace_id=science,
        credit_limit=50,
        alert_threshold=40,
        rate_limit_value=9,
        rate_limit_unit="rph",
    )


async def test_a_provider_is_made_read_changed_listed_and_deleted(ask, refusal, provider, science):
    where = {"slug": provider["slug"], "workspace_id": science}
    await ask("update_provider", **where, note="New", credit_limit=60, usage_limit_type="tokens")
    read = await ask("get_provider", **where)
    listed = await ask("list_providers", workspace_id=science)

    assert (read["note"], read["rate_limits"]) == (
        "New",
        [{"type": "requests", "unit": "rph", "value": 9}],
    )
    await ask("update_provider", **where, note="Newer")
    assert (await ask("get_provider", **where))["usage_limits"] == read["usage_limits"]
    budget = {"type": "tokens", "periodic_reset": "monthly", "credit_limit": 60}
    assert {name: read["usage_limits"][name] for name in budget} == budget
    assert [row["slug"] for row in listed["data"]] == ["ours"]

    await ask("delete_provider", **where)
    assert "403" in await refusal("get_provider", **where)


async def test_a_provider_is_a_virtual_key_too(ask, provider, science):
    keys = await ask("list_virtual_keys", workspace_id=science)

    assert [key["slug"] for key in keys["data"]] == ["ours"]


async def test_a_provider_goes_with_its_integration(ask, refusal, provider, science):
    await ask("delete_integration", slug="openai")

    assert "403" in await refusal("get_provider", slug="ours", workspace_id=science)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"periodic_reset": "weekly"}, "needs credit_limit"),
        ({"credit_limit": 5, "alert_threshold": 5}, "below credit_limit"),
        ({"rate_limit_unit": "rpm"}, "needs rate_limit_value"),
        ({"rate_limit_value": 5, "rate_limits": []}, "rate_limit_value, not both"),
        ({"credit_limit": 5, "usage_limits": {"credit_limit": 6}}, "not both"),
        ({"expires_at": ["x"]}, "expires_at: Input should be a valid string"),
        ({"expires_at": 5}, "give a time such as"),
        ({}, "give something to change"),
    ],
)
async def test_what_does_not_agree_is_not_sent(refusal, emulator, arguments, message):
    assert message in await refusal("update_provider", slug="ours", **arguments)
    assert list(emulator.log) == []


async def test_null_takes_the_end_of_a_provider_away_and_absence_keeps_it(ask, provider, science):
    where = {"slug": provider["slug"], "workspace_id": science}

    async def ends(**arguments):
        await ask("update_provider", **where, **arguments)
        return (await ask("get_provider", **where))["expires_at"]

    end = "2027-01-01T00:00:00.000Z"
    assert await ends(expires_at=end) == end
    assert await ends(note="New") == end
    assert await ends(expires_at=None) is None


async def test_the_settings_of_a_providers_integration_are_read_if_asked_for(
    ask, provider, science
):
    where = {"slug": provider["slug"], "workspace_id": science}
    settings = {"openai_project": "p", "azure_entra_client_secret": "hidden"}
    await ask("update_integration", slug="openai", configurations=settings)

    plain = await ask("get_provider", **where)
    detailed = await ask("get_provider", **where, include_configurations=True)

    assert "configurations" not in plain
    assert detailed["configurations"]["openai_project"] == "p"
    assert "hidden" not in str(detailed)

"""Integrations, as a model sees them."""

import pytest


@pytest.fixture
def stored(emulator):
    """An integration as the emulator keeps it, by slug."""
    return lambda slug: emulator.store.table("integrations").where(slug=slug)[0]


async def test_an_integration_is_made_read_changed_listed_and_deleted(ask, refusal):
    created = await ask(
        "create_integration", name="Claude", ai_provider_id="anthropic", key="sk-ant-not-a-key"
    )
    name = {"slug": created["slug"]}
    await ask("update_integration", **name, description="For all", tags={"team": "x"})
    read = await ask("get_integration", **name)
    listed = await ask("list_integrations", type="organisation")

    assert (read["description"], read["masked_key"], read["tags"]) == (
        "For all",
        "sk*****key",
        {"team": "x"},
    )
    assert [row["slug"] for row in listed["data"]] == [created["slug"], "openai"]

    await ask("delete_integration", **name)
    assert "403" in await refusal("get_integration", **name)


async def test_azures_settings_are_sent_under_portkeys_names(ask, stored):
    await ask(
        "create_integration",
        name="Azure",
        ai_provider_id="azure-openai",
        slug="azure",
        key="not-a-key",
        api_version="2026-01-01",
        resource_name="acme",
        deployment_name="gpt-5",
    )

    assert stored("azure")["configurations"] == {
        "azure_auth_mode": "default",
        "azure_resource_name": "acme",
        "azure_deployment_config": [
            {
                "azure_api_version": "2026-01-01",
                "azure_deployment_name": "gpt-5",
                "azure_model_slug": "gpt-5",
                "is_default": True,
            }
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (
            {"aws_region": "eu-west-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"},
            {
                "aws_auth_type": "accessKey",
                "aws_region": "eu-west-1",
                "aws_access_key_id": "a",
                "aws_secret_access_key": "b",
            },
        ),
        (
            {"vertex_project_id": "p", "vertex_region": "europe-west1"},
            {
                "vertex_auth_type": "basic",
                "vertex_project_id": "p",
                "vertex_region": "europe-west1",
            },
        ),
        (
            {"custom_host": "https://h", "configurations": {"custom_headers": {"a": "b"}}},
            {"custom_host": "https://h", "custom_headers": {"a": "b"}},
        ),
        (
            {"configurations": {"aws_auth_type": "assumedRole"}, "aws_region": "us-east-1"},
            {"aws_auth_type": "assumedRole", "aws_region": "us-east-1"},
        ),
    ],
)
async def test_settings_are_given_flat_whole_or_both(ask, stored, arguments, sent):
    await ask("create_integration", name="A", ai_provider_id="x", slug="a", key="k", **arguments)

    assert stored("a")["configurations"] == sent


async def test_half_of_azure_is_not_sent(refusal, emulator):
    arguments = {"name": "A", "ai_provider_id": "azure-openai", "api_version": "1"}

    assert "Azure needs resource_name" in await refusal("create_integration", **arguments)
    assert list(emulator.log) == []


async def test_models_are_toggled_added_paged_and_deleted(ask, refusal):
    name = {"slug": "openai"}
    custom = {
        "slug": "ft:acme",
        "enabled": True,
        "is_finetune": True,
        "base_model_slug": "gpt-5",
        "pricing_config": {"type": "static", "pay_as_you_go": {"request_token": {"price": 1}}},
    }
    await ask(
        "update_integration_models", **name, models=[{"slug": "gpt-5", "enabled": False}, custom]
    )
    listed = await ask("list_integration_models", **name)
    page = await ask("list_integration_models", **name, page_size=1, current_page=1)
    await ask("delete_integration_model", **name, model_slug="ft:acme")
    after = await ask("list_integration_models", **name)

    enabled = {row["slug"]: row["enabled"] for row in listed["models"]}
    assert {name for name, on in enabled.items() if not on} == {"gpt-5"}
    assert {"gpt-5-mini", "gpt-4o", "ft:acme"} <= {*enabled}
    assert (page["models"], page["has_more"]) == (listed["models"][1:2], True)
    assert after["total"] == listed["total"] - 1
    advice = await refusal("delete_integration_model", **name, model_slug="gpt-5")
    assert "built in" in advice


async def test_workspaces_share_it_with_limits_and_get_a_provider(ask, workspace):
    support = workspace("Support")
    share = {"id": support, "enabled": True, "credit_limit": 50, "rate_limit_rpm": 60}
    await ask(
        "update_integration_workspaces",
        slug="openai",
        workspaces=[share],
        global_workspace_access_enabled=False,
    )
    listed = await ask("list_integration_workspaces", slug="openai")
    providers = await ask("list_providers", workspace_id=support)
    workspaces = await ask("list_workspaces")

    (slug,) = [each["slug"] for each in workspaces["data"] if each["id"] == support]

    assert listed["workspaces"][-1] == {
        "id": slug,
        "enabled": True,
        "usage_limits": [{"type": "cost", "periodic_reset": "monthly", "credit_limit": 50}],
        "rate_limits": [{"type": "requests", "unit": "rpm", "value": 60}],
    }
    assert [(row["slug"], row["note"]) for row in providers["data"]] == [
        ("openai", "Created automatically on integration access grant")
    ]


async def test_every_workspace_gets_a_budget_for_good_or_one_that_is_said_whole(ask, emulator):
    def stored():
        return emulator.store.table("integrations").where(slug="openai")[0]["_global"]

    arguments = {"slug": "openai", "workspaces": []}
    short = {"global_credit_limit": 50, "global_rate_limit_rpm": 60}
    await ask(
        "update_integration_workspaces", **arguments, **short, global_workspace_access_enabled=True
    )
    assert stored() == {
        "enabled": True,
        "usage_limits": [{"type": "cost", "credit_limit": 50}],
        "rate_limits": [{"type": "requests", "unit": "rpm", "value": 60}],
    }
    weekly = [{"type": "tokens", "credit_limit": 9, "periodic_reset": "weekly"}]
    access = {"enabled": True, "usage_limits": weekly}
    await ask("update_integration_workspaces", **arguments, global_workspace_access=access)

    assert stored() == access


async def test_null_takes_a_workspaces_limit_off_and_absence_keeps_it(ask, workspace):
    share = {"id": workspace("Science"), "enabled": True}
    limits = {"credit_limit": 50, "rate_limit_rpm": 60}

    async def shared(**more):
        await ask("update_integration_workspaces", slug="openai", workspaces=[{**share, **more}])
        listed = await ask("list_integration_workspaces", slug="openai")
        return listed["workspaces"][0]

    before = await shared(**limits)
    assert await shared() == before
    after = await shared(usage_limits=None)

    assert (after.get("usage_limits"), after["rate_limits"]) == (None, before["rate_limits"])


@pytest.mark.parametrize(
    ("share", "more", "message"),
    [
        (
            {"credit_limit": 5, "usage_limits": [{"credit_limit": 6}]},
            {},
            "(credit_limit), not both",
        ),
        ({"alert_threshold": 5}, {}, "alert_threshold needs credit_limit"),
        ({"credit_limit": 5, "alert_threshold": 5}, {}, "must be below credit_limit"),
        ({"rate_limit_rpm": 5, "rate_limits": []}, {}, "rate_limits or its short form"),
        (
            {},
            {"global_workspace_access_enabled": True, "global_alert_threshold": 5},
            "global_alert_threshold needs global_credit_limit",
        ),
        (
            {},
            {"global_workspace_access_enabled": True, "global_workspace_access": {}},
            "global_workspace_access or global_workspace_access_enabled, not both",
        ),
        ({}, {"global_credit_limit": 5}, "needs global_workspace_access_enabled"),
        ({}, {"global_workspace_access": {"usage_limits": []}}, "needs enabled, true or false"),
    ],
)
async def test_limits_that_do_not_agree_are_not_sent(refusal, emulator, share, more, message):
    arguments = {"workspaces": [{"id": "ws-a", "enabled": True, **share}], **more}

    assert message in await refusal("update_integration_workspaces", slug="openai", **arguments)
    assert list(emulator.log) == []

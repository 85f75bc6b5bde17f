"""Configs through MCP, and through the functions."""

import pytest

from portkey_admin_mcp.errors import Conflict, Forbidden
from portkey_admin_mcp.models.api_keys import ApiKeyDraft
from portkey_admin_mcp.models.configs import ConfigDraft, ConfigPatch
from portkey_admin_mcp.models.core.paging import PagedHere
from portkey_admin_mcp.models.core.vocabulary import WorkspaceSelector
from portkey_admin_mcp.tools.api_keys import create_api_key
from portkey_admin_mcp.tools.configs import (
    create_config,
    delete_config,
    get_config,
    list_config_versions,
    list_configs,
    update_config,
)

WHOLE = PagedHere()

FALLBACK = {
    "strategy": {"mode": "fallback", "on_status_codes": [429]},
    "targets": [{"virtual_key": "first"}, {"virtual_key": "second", "weight": 2}],
    "retry": {"attempts": 3},
}


@pytest.fixture
def support(workspace):
    return workspace("Support")


async def test_a_config_is_kept_word_for_word(api, support):
    created = await create_config(
        api, ConfigDraft(name="Main", config=FALLBACK, workspace_id=support)
    )

    config = await get_config(api, created.slug, WorkspaceSelector(workspace_id=support))

    assert (config.name, config.config) == ("Main", FALLBACK)
    assert created.slug.startswith("pc-main-")


async def test_short_forms_make_the_usual_config(api, emulator, support):
    draft = ConfigDraft(
        name="Cached",
        workspace_id=support,
        cache_mode="simple",
        cache_max_age=60,
        retry_attempts=2,
        retry_on_status_codes=[503],
        strategy_mode="loadbalance",
        targets=[{"provider": "openai"}],
        is_default=1,
    )

    created = await create_config(api, draft)

    config = await get_config(api, created.slug, WorkspaceSelector())
    assert config.config == {
        "cache": {"mode": "simple", "max_age": 60},
        "retry": {"attempts": 2, "on_status_codes": [503]},
        "strategy": {"mode": "loadbalance"},
        "targets": [{"provider": "openai"}],
    }
    assert config.answer()["is_default"] == 1


async def test_new_content_makes_a_version_and_a_new_name_does_not(api, support):
    created = await create_config(
        api, ConfigDraft(name="Main", config=FALLBACK, workspace_id=support)
    )
    await update_config(api, created.slug, ConfigPatch(name="Renamed", workspace_id=support))
    await update_config(api, created.slug, ConfigPatch(retry_attempts=5, workspace_id=support))

    versions = await list_config_versions(
        api, created.slug, WorkspaceSelector(workspace_id=support)
    )

    assert [version.config for version in versions.data] == [{"retry": {"attempts": 5}}, FALLBACK]
    assert {version.slug for version in versions.data} == {created.slug}
    assert versions.data[0].name == "Renamed"


async def test_pages_are_cut_here_because_portkey_sends_all(api, support):
    for number in range(4):
        await create_config(
            api, ConfigDraft(name=f"c{number}", config=FALLBACK, workspace_id=support)
        )

    page = await list_configs(
        api, WorkspaceSelector(workspace_id=support), PagedHere(page_size=2, current_page=1)
    )

    assert [config.name for config in page.data] == ["c1", "c0"]
    assert page.total == 6


async def test_a_config_in_use_by_a_key_stays(api, support):
    created = await create_config(
        api, ConfigDraft(name="Main", config=FALLBACK, workspace_id=support)
    )
    await create_api_key(
        api,
        ApiKeyDraft(
            type="workspace",
            sub_type="service",
            name="k",
            scopes=["logs.view"],
            workspace_id=support,
            default_config_id=created.slug,
        ),
    )

    with pytest.raises(Conflict, match="API key"):
        await delete_config(api, created.slug, WorkspaceSelector(workspace_id=support))


async def test_a_deleted_config_is_forbidden_rather_than_not_found(api, support):
    created = await create_config(
        api, ConfigDraft(name="Main", config=FALLBACK, workspace_id=support)
    )
    await delete_config(api, created.slug, WorkspaceSelector(workspace_id=support))

    with pytest.raises(Forbidden):
        await get_config(api, created.slug, WorkspaceSelector(workspace_id=support))


async def test_an_admin_key_must_name_the_workspace(connect, support):
    admin = connect("admin")

    with pytest.raises(Forbidden):
        await list_configs(admin, WorkspaceSelector(), WHOLE)
    assert (await list_configs(admin, WorkspaceSelector(workspace_id=support), WHOLE)).total == 2


async def test_another_workspaces_config_is_out_of_a_workspace_keys_sight(api, connect, emulator):
    shared = await create_config(api, ConfigDraft(name="Shared", config=FALLBACK))

    with pytest.raises(Forbidden):
        await get_config(connect("workspace-service"), shared.slug, WorkspaceSelector())


async def test_a_model_reads_the_config_decoded_and_a_refusal_by_path(ask, refusal, support):
    created = await ask("create_config", name="Main", config=FALLBACK, workspace_id=support)
    read = await ask("get_config", slug=created["slug"], workspace_id=support)
    assert read["config"] == FALLBACK

    wrong = {"strategy": {"mode": "fallbak"}, "targets": [{}]}
    advice = await refusal("update_config", slug=created["slug"], config=wrong)
    assert "config.strategy.mode: input should be 'single', 'loadbalance'" in advice
    assert "Nothing was sent." in advice


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "x"}, "give config, or at least one of cache_mode"),
        ({"name": "x", "config": {}, "cache_mode": "simple"}, "not both"),
        ({"name": "x", "cache_max_age": 5}, "config.cache.mode: field required"),
        ({"name": "x", "strategy_mode": "fallback"}, "needs targets"),
        ({"name": "x", "retry_attempts": 9}, "retry_attempts: Input should be less than"),
    ],
)
async def test_a_config_that_cannot_work_is_not_sent(refusal, emulator, arguments, message):
    assert message in await refusal("create_config", **arguments)
    assert list(emulator.log) == []


@pytest.mark.parametrize("arguments", [{}, {"workspace_id": "ws-a"}])
async def test_an_update_of_nothing_is_not_sent(refusal, emulator, arguments):
    advice = await refusal("update_config", slug="pc-a", **arguments)

    assert "give something to change: config, cache_mode" in advice
    assert "workspace_id" not in advice
    assert list(emulator.log) == []


async def test_a_fallback_on_some_status_codes_has_a_short_form(ask, refusal, support):
    targets = [{"virtual_key": "a"}, {"virtual_key": "b"}]
    short = {"name": "F", "fallback_on_status_codes": [429, 503], "targets": targets}

    made = await ask("create_config", **short, workspace_id=support)
    read = await ask("get_config", slug=made["slug"], workspace_id=support)

    assert read["config"] == {
        "strategy": {"mode": "fallback", "on_status_codes": [429, 503]},
        "targets": targets,
    }
    advice = await refusal("create_config", **short, strategy_mode="loadbalance")
    assert "fallback_on_status_codes needs strategy_mode fallback" in advice
    assert "needs targets" in await refusal("create_config", **short | {"targets": None})

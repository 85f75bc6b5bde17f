"""Within the allowed workspaces everything works; the only one is filled in."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from drawn_calls import TOOLS
from portkey_admin_mcp.errors import NotPermitted
from portkey_admin_mcp.safety.door import Door
from portkey_admin_mcp.safety.permit import permitted_only
from portkey_admin_mcp.safety.policy_guard import PolicyGuard, bounded_arguments
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.server.calls.arguments import arguments_model
from portkey_admin_mcp.settings.safety import SafetySettings
from servers import build_calls

PERIOD = {
    "time_of_generation_min": "2026-10-28T00:00:00Z",
    "time_of_generation_max": "2026-11-02T00:00:00Z",
}
ROWS = {"download_log_export": {"first_rows": 1}}


def calls_on(api: Any, *workspaces: str) -> Any:
    """Calls of all tools, limited to these workspaces; to all, without any."""
    door = Door(SafetySettings(PORTKEY_CONFIRM="never"), lambda: SqliteStore(":memory:"))
    policy = PolicyGuard(None, workspaces) if workspaces else None
    guarded = api.with_gate(permitted_only)
    return build_calls(lambda: guarded, door=door, policy=policy)


def checked_arguments(name: str, arguments: dict[str, Any]) -> BaseModel:
    return arguments_model(TOOLS[name]).model_validate(arguments)


def workspace(emulator: Any, name: str) -> dict[str, Any]:
    (row,) = [row for row in emulator.store.table("workspaces").rows() if row["name"] == name]
    return row


@pytest.fixture
def support(emulator):
    return workspace(emulator, "Support")


@pytest.mark.parametrize("field", ["id", "slug"])
async def test_the_only_allowed_workspace_is_filled_in(emulator, api, support, field):
    calls = calls_on(api, support[field])

    configs = (await calls("list_configs", {})).structured
    created = await calls("create_collection", {"name": "Made here"})
    graph = await calls("get_cost_analytics", PERIOD)

    assert {row["name"] for row in configs["data"]} == {"Support fallback", "Cached answers"}
    (row,) = emulator.store.table("collections").where(name="Made here")
    assert (row["workspace_id"], created.is_error) == (support["id"], False)
    assert not graph.is_error
    assert (
        graph.structured
        == (
            await calls_on(api)("get_cost_analytics", {**PERIOD, "workspace_slug": support["slug"]})
        ).structured
    )


async def test_with_several_workspaces_a_list_must_choose_one(emulator, api, support):
    science = workspace(emulator, "Science")
    calls = calls_on(api, support["slug"], science["id"])

    unnamed = await calls("list_configs", {})
    named = await calls("list_configs", {"workspace_id": support["id"]})
    by_id = await calls("get_prompt", {"prompt_id": "pp-summarise-be26b6"})

    assert unnamed.is_error
    assert "workspace_id: name one of these workspaces: " in unnamed.texts[0]
    assert support["slug"] in unnamed.texts[0]
    assert science["slug"] in unnamed.texts[0]
    assert len(named.structured["data"]) == 2
    assert not by_id.is_error


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("list_prompts", {"collection_id": "co-a"}),
        ("list_configs", {"workspace_id": "ws-b"}),
        ("get_model_pricing", {"provider": "openai", "model": "gpt-4o"}),
    ],
)
def test_what_says_already_where_it_is_gets_no_workspace(name, arguments):
    checked = checked_arguments(name, arguments)

    assert bounded_arguments(TOOLS[name], checked, [frozenset({"ws-a"})]) is checked


def test_without_an_allowed_workspace_only_what_is_about_none_may_be_called():
    price = checked_arguments("get_model_pricing", {"provider": "openai", "model": "gpt-4o"})
    config = checked_arguments("get_config", {"slug": "pc-a"})

    assert bounded_arguments(TOOLS["get_model_pricing"], price, []) is price
    with pytest.raises(NotPermitted, match="limited to no workspace"):
        bounded_arguments(TOOLS["get_config"], config, [])


def test_with_several_workspaces_an_object_is_read_without_naming_one():
    config = checked_arguments("get_config", {"slug": "pc-a"})
    groups = [frozenset({"ws-a"}), frozenset({"ws-b"})]

    assert bounded_arguments(TOOLS["get_config"], config, groups) is config


async def test_list_workspaces_lists_the_allowed_ones(emulator, api, support):
    calls = calls_on(api, support["slug"], workspace(emulator, "Science")["id"])

    everything = (await calls("list_workspaces", {})).structured
    page = (await calls("list_workspaces", {"page_size": 1, "current_page": 1})).structured
    named = (await calls("list_workspaces", {"name": "upp"})).structured
    archived = (await calls("list_workspaces", {"status": "archived"})).structured

    assert sorted(row["name"] for row in everything["data"]) == ["Support", "🔬 Science"]
    assert (everything["total"], len(page["data"]), page["total"]) == (2, 1, 2)
    assert [row["name"] for row in named["data"]] == ["Support"]
    assert archived["data"] == []


WORKING = [
    ("get_workspace", {"workspace_id": "{slug}"}),
    ("list_workspace_members", {"workspace_id": "{id}"}),
    ("list_api_keys", {}),
    ("get_config", {"slug": "pc-cached-a625f7"}),
    ("update_config", {"slug": "pc-cached-a625f7", "name": "New"}),
    ("list_prompts", {"collection_id": "co-macros-722fe6"}),
    ("get_prompt", {"prompt_id": "pp-summarise-be26b6"}),
    ("list_prompt_versions", {"prompt_id": "pp-summarise-be26b6"}),
    ("get_prompt_partial", {"prompt_partial_id": "pl-closin-fc93b2"}),
    ("delete_prompt_partial", {"prompt_partial_id": "pl-closin-fc93b2"}),
    ("get_mcp_server", {"id": "support-github"}),
    ("list_mcp_integrations", {}),
    ("get_model_pricing", {"provider": "openai", "model": "gpt-4o"}),
    ("list_usage_limits", {}),
    ("create_virtual_key", {"name": "More", "provider": "openai", "key": "sk-not-a-key"}),
]


@pytest.mark.parametrize(("name", "arguments"), WORKING)
async def test_what_is_in_the_workspace_works_as_without_the_bound(
    emulator, api, support, name, arguments
):
    named = {key: str(value).format_map(support) for key, value in arguments.items()}

    outcome = await calls_on(api, support["id"])(name, named)

    assert not outcome.is_error, outcome.texts


async def test_audit_logs_of_the_workspace_need_the_organisations_id(emulator, api, support):
    (key, *_) = emulator.store.table("api_keys").rows()
    calls = calls_on(api, support["id"])

    assert (await calls("list_audit_logs", {"organisation_id": key["organisation_id"]})).structured
    # Without the id, the keys of the whole organisation would be read for it.
    assert (await calls("list_audit_logs", {})).is_error


async def test_an_export_is_made_read_and_started_within_the_workspace(emulator, api, support):
    calls = calls_on(api, support["id"])
    draft = {
        "time_min": "2026-10-28T00:00:00Z",
        "time_max": "2026-11-02T00:00:00Z",
        "requested_fields": ["id"],
    }
    export = (await calls("create_log_export", draft)).structured["id"]

    for name in ("get_log_export", "start_log_export", "download_log_export"):
        outcome = await calls(name, {"export_id": export, **ROWS.get(name, {})})
        assert not outcome.is_error, (name, outcome.texts)
        emulator.store.ahead += timedelta(minutes=10)


async def test_a_whole_workflow_stays_in_the_workspace(emulator, api, support):
    (other,) = [
        row
        for row in emulator.store.table("collections").rows()
        if row["workspace_id"] == workspace(emulator, "Science")["id"]
    ]
    calls = calls_on(api, support["id"])
    prompt = {
        "name": "Bounded",
        "collection_id": "co-macros-722fe6",
        "string": "Hello",
        "parameters": {},
        "model": "gpt-4o",
        "virtual_key": emulator.store.table("virtual_keys").rows()[0]["slug"],
    }
    source = {"source_prompt_id": "pp-summarise-be26b6", "target_env": "prod"}

    created = await calls("create_prompt", prompt)
    elsewhere = await calls("create_prompt", {**prompt, "collection_id": other["id"]})
    promoted = await calls("promote_prompt", {**source, "target_collection_id": "co-macros-722fe6"})
    away = await calls("promote_prompt", {**source, "target_collection_id": other["slug"]})

    assert not created.is_error, created.texts
    assert not promoted.is_error, promoted.texts
    for refused in (elsewhere, away):
        assert "is another workspace" in refused.texts[0], refused.texts


async def test_a_key_that_may_not_read_workspaces_needs_the_name_that_objects_show(
    connect, support
):
    """A slug cannot be compared with the id that an object shows, so it is refused."""
    key = connect("workspace-service")

    by_slug = await calls_on(key, "ws-wrong")("get_config", {"slug": "pc-cached-a625f7"})
    by_id = await calls_on(key, support["id"])("get_config", {"slug": "pc-cached-a625f7"})

    assert by_slug.is_error
    assert not by_id.is_error, by_id.texts

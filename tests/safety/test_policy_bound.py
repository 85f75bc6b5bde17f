"""A bound on workspaces: nothing of another workspace comes back, and nothing there changes."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from drawn_calls import TOOLS, Drawn
from portkey_admin_mcp.safety.door import Door
from portkey_admin_mcp.safety.permit import permitted_only
from portkey_admin_mcp.safety.policy_guard import PolicyGuard
from portkey_admin_mcp.safety.policy_reach import place_of, reach_of, segments_of
from portkey_admin_mcp.safety.sqlite_store import SqliteStore
from portkey_admin_mcp.settings.safety import SafetySettings
from servers import build_calls

CANARY = "canary-7f3a"
PERIOD = {
    "time_of_generation_min": "2026-10-28T00:00:00Z",
    "time_of_generation_max": "2026-11-02T00:00:00Z",
}
ROWS = {"download_log_export": {"first_rows": 1}}
MARKED = ("name", "title", "description", "note")
"""Fields of the rows of the other workspace that the canary is written into."""
TABLES = {"providers": "virtual_keys"}
"""The tables of the toolsets that have another name."""
PLACES = re.compile("workspace|organisation|collection|_ids?$|dry_run")
"""Arguments that say where something is, or what it refers to."""


def calls_on(api: Any, *workspaces: str) -> Any:
    """Calls of all tools, limited to these workspaces; to all, without any."""
    door = Door(SafetySettings(PORTKEY_CONFIRM="never"), lambda: SqliteStore(":memory:"))
    policy = PolicyGuard(None, workspaces) if workspaces else None
    guarded = api.with_gate(permitted_only)
    return build_calls(lambda: guarded, door=door, policy=policy)


def tables_of(emulator: Any) -> dict[str, list[dict[str, Any]]]:
    """The rows of all tables but the emulator's own."""
    names = [name for name in emulator.store.dump()["tables"] if not name.startswith("_")]
    return {name: emulator.store.table(name).rows() for name in names}


def workspace(emulator: Any, name: str) -> dict[str, Any]:
    (row,) = [row for row in emulator.store.table("workspaces").rows() if row["name"] == name]
    return row


@pytest.fixture
def other(emulator, api):
    """`Support`, where everything has a canary in its name; `Science` has almost nothing."""
    support = workspace(emulator, "Support")
    for table in tables_of(emulator):
        rows = emulator.store.table(table)
        for row in rows.where(workspace_id=support["id"]):
            marks = {name: f"{row[name]} {CANARY}" for name in MARKED if row.get(name)}
            rows.change(rows[row["id"]], marks)
    rows = emulator.store.table("workspaces")
    rows.change(rows[support["id"]], {"name": f"Support {CANARY}"})
    return support["id"]


@pytest.fixture
def own(emulator):
    """The only workspace that is allowed."""
    return workspace(emulator, "Science")["id"]


def rows_outside(emulator: Any, own: str) -> dict[str, Any]:
    """Every row that is not in the allowed workspace, nor a part of one there: by table and id."""
    tables = tables_of(emulator)
    inside = {r["id"] for rows in tables.values() for r in rows if r.get("workspace_id") == own}
    return {
        f"{table} {row['id']}": json.dumps(row, sort_keys=True, default=str)
        for table, rows in tables.items()
        for row in rows
        if own not in (row.get("workspace_id"), row["id"]) and row.get("parent_id") not in inside
    }


def attempts(name: str, emulator: Any, own: str, other: str) -> Iterator[dict[str, Any]]:
    """Calls of a tool that try to reach the other workspace, and drawn ones."""
    drawn = Drawn(name)
    properties = drawn.schema["properties"]
    required = drawn.schema.get("required", ())
    full = drawn.arguments()
    base = {
        name: value
        for name, value in full.items()
        if name in required or (drawn.tool.effect == "overwrite" and not PLACES.search(name))
    }
    yield base
    yield full
    table = TABLES.get(drawn.tool.domain, drawn.tool.domain)
    tables = tables_of(emulator)
    rows = [row for row in tables.get(table, []) if row.get("workspace_id") == other]
    collections = [row for row in tables["collections"] if row["workspace_id"] == other]
    paths = " ".join(drawn.tool.endpoints)
    names = [n for n in properties if f"{{{n}}}" in paths or n == "source_prompt_id"]
    by_id = [
        {**base, **dict.fromkeys(names[:1], identifier)}
        for row in rows[:2]
        for identifier in (row["id"], row.get("slug"))
        if identifier and names
    ]
    for call in by_id or [base]:
        yield call
        if "workspace_id" in properties:
            yield {**call, "workspace_id": own}
            yield {**call, "workspace_id": other}
        if "workspace_slug" in properties:
            yield {**call, "workspace_slug": workspace(emulator, f"Support {CANARY}")["slug"]}
        for argument in ("collection_id", "target_collection_id", "parent_collection_id"):
            if argument in properties:
                yield {**call, argument: collections[0]["id"]}
                yield {**call, argument: collections[0]["slug"]}
        for argument in ("workspaces", "organisation_id"):
            if argument in properties:
                yield {**call, argument: [{"id": other}] if argument[0] == "w" else "org"}


def recorded(emulator: Any) -> list[tuple[str, str, bytes]]:
    """The requests that the emulator gets from now on: method, target, body."""
    sent: list[tuple[str, str, bytes]] = []
    answer = emulator.answer

    def answer_recorded(method: str, target: str, headers: Any, body: bytes) -> Any:
        sent.append((method, target, body))
        return answer(method, target, headers, body)

    emulator.answer = answer_recorded
    return sent


def is_list(method: str, target: str) -> bool:
    return place_of(method, segments_of(target)).reach == "list"


def outcomes(calls: Any, name: str, emulator: Any, own: str, other: str) -> list[str]:
    """The texts of all attempts on a tool."""
    drawn = [*attempts(name, emulator, own, other)]  # runs event loops of its own

    async def run() -> list[str]:
        return ["\n".join((await calls(name, arguments)).texts) for arguments in drawn]

    return asyncio.run(run())


@pytest.mark.parametrize("name", TOOLS)
def test_no_tool_reads_or_changes_anything_of_another_workspace(emulator, api, own, other, name):
    calls = calls_on(api, own)
    before = rows_outside(emulator, own)
    sent = recorded(emulator)
    names = (own, workspace(emulator, "Science")["slug"])

    texts = outcomes(calls, name, emulator, own, other)

    assert CANARY not in "\n".join(texts)
    assert rows_outside(emulator, own) == before
    # Analytics name no object, so their answers alone cannot show whose they are.
    lists = [request for method, *request in sent if is_list(method, request[0])]
    assert all(any(each in f"{request}" for each in names) for request in lists), lists


def test_the_same_calls_reach_the_other_workspace_without_the_bound(emulator, api, own, other):
    """Else the test above could not fail."""
    calls = calls_on(api)
    reads, writes = set(), set()
    for name, tool in [*TOOLS.items()][::4]:
        if tool.effect == "read":
            if CANARY in "\n".join(outcomes(calls, name, emulator, own, other)):
                reads.add(name)
            continue
        state = emulator.store.dump()
        before = rows_outside(emulator, own)
        outcomes(calls, name, emulator, own, other)
        if rows_outside(emulator, own) != before:
            writes.add(name)
        emulator.store.start_over(state)

    emulator.problems.clear()  # virtual keys are read as providers too
    assert len(reads) >= 5, sorted(reads)
    assert len(writes) >= 7, sorted(writes)


def test_tools_of_the_whole_organisation_are_refused_without_a_request(emulator, api, own):
    emulator.log.clear()
    organisation = [name for name, tool in TOOLS.items() if reach_of(tool) == "organisation"]
    calls = calls_on(api, own)
    arguments = {name: Drawn(name).arguments() for name in organisation}

    async def run():
        return {name: (await calls(name, each)).texts[0] for name, each in arguments.items()}

    texts = asyncio.run(run())

    assert len(texts) >= 35
    assert all("is about the whole organisation" in text for text in texts.values()), texts
    assert set(emulator.log) <= {f"GET /v1/admin/workspaces/{own}"}
    assert {"list_all_users", "delete_workspace", "create_workspace", "get_log"} <= {*texts}


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

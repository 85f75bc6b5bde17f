"""A bound on workspaces: nothing of another workspace comes back, and nothing there changes."""

import asyncio
import json
import re
from collections.abc import Iterator
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

    def answer_recorded(method: str, target: str, headers: Any, body: bytes, *rest: Any) -> Any:
        sent.append((method, target, body))
        return answer(method, target, headers, body, *rest)

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

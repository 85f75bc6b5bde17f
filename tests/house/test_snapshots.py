"""What a client sees of each tool, and what it costs a conversation to see it."""

import json
from pathlib import Path

import pytest
import quicktok
from mcp import Client

from portkey_admin_mcp.server.calls.result_size import compact
from portkey_admin_mcp.server.mcp.definitions import all_tools, describe
from servers import build_server

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
BUDGET = SNAPSHOTS / "budget.json"
MOST_IN_ALL = 31_000
MOST_EACH = 700
MOST_OF_INSTRUCTIONS = 600
MOST_OF_LIST = {"full": MOST_IN_ALL, "search": 1_500, "code": 1_200}
"""By PORTKEY_TOOL_MODE."""
GROWTH = 1.03
TOOLS = all_tools()
O200K = quicktok.get_encoding("o200k_base")


def wire(tool):
    return describe(tool)


def seen_by_clients(tool):
    return tool.model_dump(mode="json", by_alias=True, exclude_none=True)


def tokens(seen):
    read = {name: seen[name] for name in ("name", "description", "inputSchema")}
    return len(O200K.encode(compact(read)))


async def costs_of(mode):
    """What a conversation pays before its first word, by what it is for."""
    async with Client(build_server(lambda: None, mode=mode)) as client:
        tools = [seen_by_clients(tool) for tool in (await client.list_tools()).tools]
        return {
            "list": sum(map(tokens, tools)),
            "instructions": len(O200K.encode(client.instructions)),
        }


def same_as(file, text, update):
    if update:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, "make snapshots, and read the diff"


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_what_a_client_sees_changes_only_on_purpose(tool, update_snapshots):
    text = json.dumps(wire(tool), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    same_as(SNAPSHOTS / "tools" / f"{tool.name}.json", text, update_snapshots)


def test_no_snapshot_outlives_its_tool():
    kept = {file.stem for file in (SNAPSHOTS / "tools").glob("*.json")}

    assert kept == {tool.name for tool in TOOLS}


def test_what_a_model_must_read_stays_within_the_budget(update_snapshots):
    """Costs may fall by themselves; to let a tool grow, its line of the budget is changed by hand.

    `--update-snapshots` writes new tools and smaller costs, never larger ones.
    """
    each = {tool.name: tokens(wire(tool)) for tool in TOOLS}
    allowed = json.loads(BUDGET.read_text(encoding="utf-8"))["tools"]
    if update_snapshots:
        allowed = {name: min(cost, allowed.get(name, cost)) for name, cost in each.items()}
        write_budget(tools=allowed)
    grown = {n: (allowed.get(n), c) for n, c in each.items() if c > GROWTH * allowed.get(n, 0)}

    assert grown == {}, "these cost more than the budget allows: (allowed, now)"
    assert set(allowed) == set(each)
    assert max(each.values()) <= MOST_EACH


@pytest.mark.parametrize("mode", MOST_OF_LIST)
async def test_what_is_listed_in_each_mode_stays_within_its_budget(mode, update_snapshots):
    costs = await costs_of(mode)
    modes = json.loads(BUDGET.read_text(encoding="utf-8"))["modes"]
    if update_snapshots:
        modes[mode] = {what: min(c, modes[mode].get(what, c)) for what, c in costs.items()}
        write_budget(modes=modes)
    grown = {w: (modes[mode].get(w), c) for w, c in costs.items() if c > GROWTH * modes[mode][w]}

    assert grown == {}, "these cost more than the budget allows: (allowed, now)"
    assert set(modes) == set(MOST_OF_LIST)
    assert costs["list"] <= MOST_OF_LIST[mode]
    assert costs["instructions"] <= MOST_OF_INSTRUCTIONS


def write_budget(**changed):
    budget = json.loads(BUDGET.read_text(encoding="utf-8")) | changed
    BUDGET.write_text(json.dumps(budget, indent=2) + "\n", encoding="utf-8")

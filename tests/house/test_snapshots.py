"""What a client sees of each tool, and what it costs a conversation to see it."""

import json
from pathlib import Path

import pytest
import quicktok

from portkey_admin_mcp.server.app import INSTRUCTIONS, all_tools
from portkey_admin_mcp.server.binding import bind
from portkey_admin_mcp.server.result_size import compact

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
BUDGET = SNAPSHOTS / "budget.json"
MOST_IN_ALL = 31_000
MOST_EACH = 700
MOST_OF_INSTRUCTIONS = 600
GROWTH = 1.03
TOOLS = all_tools()
O200K = quicktok.get_encoding("o200k_base")


def wire(tool):
    seen = bind(tool, lambda: None).to_mcp_tool()
    return seen.model_dump(mode="json", by_alias=True, exclude_none=True)


def tokens(tool):
    seen = wire(tool)
    read = {name: seen[name] for name in ("name", "description", "inputSchema")}
    return len(O200K.encode(compact(read)))


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
    each = {tool.name: tokens(tool) for tool in TOOLS}
    allowed = json.loads(BUDGET.read_text(encoding="utf-8"))["tools"]
    if update_snapshots:
        allowed = {name: min(cost, allowed.get(name, cost)) for name, cost in each.items()}
        budget = {
            "unit": "o200k tokens of name, description and inputSchema as compact JSON",
            "instructions": len(O200K.encode(INSTRUCTIONS)),
            "tools_in_all": sum(each.values()),
            "tools": allowed,
        }
        BUDGET.write_text(json.dumps(budget, indent=2) + "\n", encoding="utf-8")
    grown = {n: (allowed.get(n), c) for n, c in each.items() if c > GROWTH * allowed.get(n, 0)}

    assert grown == {}, "these cost more than the budget allows: (allowed, now)"
    assert set(allowed) == set(each)
    assert sum(each.values()) <= MOST_IN_ALL
    assert max(each.values()) <= MOST_EACH
    assert len(O200K.encode(INSTRUCTIONS)) <= MOST_OF_INSTRUCTIONS

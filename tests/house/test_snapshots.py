"""What clients see of each tool, and how many tokens it costs in every conversation."""

import json
from functools import cache
from pathlib import Path

import pytest
import quicktok
from mcp import Client

from each import for_each
from portkey_admin_mcp.server.calls.result_size import compact
from portkey_admin_mcp.server.mcp.definitions import all_tools, describe
from servers import build_server

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
BUDGET = SNAPSHOTS / "budget.json"
TOOLS = all_tools()
MAX_TOKENS = 700
"""The limit of any one tool."""
MAX_AVERAGE_TOKENS = 165
"""The limit of the average over all tools, so that the total may grow with their number."""
MAX_INSTRUCTIONS_TOKENS = 600
MAX_LIST_TOKENS = {"full": MAX_AVERAGE_TOKENS * len(TOOLS), "search": 1_500, "code": 1_200}
"""The limits of the answer to tools/list, by PORTKEY_TOOL_MODE."""
MAX_GROWTH = 1.03


@cache
def o200k():
    """The encoding that counts tokens; loading it takes a while."""
    return quicktok.get_encoding("o200k_base")


def wire(tool):
    return describe(tool)


def definition_of(tool):
    return tool.model_dump(mode="json", by_alias=True, exclude_none=True)


def tokens(definition):
    """The o200k tokens of the parts of a definition that a model reads."""
    parts = {name: definition[name] for name in ("name", "description", "inputSchema")}
    return len(o200k().encode(compact(parts)))


async def costs_of(mode):
    """The tokens of the list of tools, and of the server's instructions."""
    async with Client(build_server(lambda: None, mode=mode)) as client:
        tools = [definition_of(tool) for tool in (await client.list_tools()).tools]
        return {
            "list": sum(map(tokens, tools)),
            "instructions": len(o200k().encode(client.instructions)),
        }


def assert_same(file, text, update):
    if update:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.exists(), f"run `make snapshots`, which writes {file.name}, and read it"
    assert file.read_text(encoding="utf-8") == text, "run `make snapshots`, and read the diff"


@for_each(TOOLS, name_of=lambda tool: tool.name)
def test_what_a_client_sees_changes_only_on_purpose(tool, update_snapshots):
    text = json.dumps(wire(tool), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    assert_same(SNAPSHOTS / "tools" / f"{tool.name}.json", text, update_snapshots)


def test_every_snapshot_belongs_to_a_tool():
    snapshots = {file.stem for file in (SNAPSHOTS / "tools").glob("*.json")}

    gone = snapshots - {tool.name for tool in TOOLS}
    assert gone == set(), "these tools are gone: delete their files in tests/snapshots/tools"


def test_no_tool_costs_more_than_its_budget(update_snapshots):
    """Costs may fall; to let a tool grow, change its line of the budget by hand.

    `--update-snapshots` writes new tools and smaller costs, never larger ones.
    """
    costs = {tool.name: tokens(wire(tool)) for tool in TOOLS}
    budget = json.loads(BUDGET.read_text(encoding="utf-8"))["tools"]
    if update_snapshots:
        budget = {name: min(cost, budget.get(name, cost)) for name, cost in costs.items()}
        write_budget(tools=budget)

    new = set(costs) - set(budget)
    assert set(budget) == set(costs), (
        f"new tools {sorted(new)}, or tools that are gone: run `make snapshots`, which writes "
        "tests/snapshots/budget.json"
    )
    grown = {
        name: f"{budget[name]} -> {cost}"
        for name, cost in costs.items()
        if cost > MAX_GROWTH * budget[name]
    }
    assert grown == {}, (
        "these tools cost more tokens than tests/snapshots/budget.json allows: shorten their "
        "descriptions, or change their lines by hand"
    )
    assert max(costs.values()) <= MAX_TOKENS
    assert sum(costs.values()) / len(costs) <= MAX_AVERAGE_TOKENS, (
        f"the average tool costs more than {MAX_AVERAGE_TOKENS} tokens: shorten the descriptions "
        "of the new or of the longest tools"
    )


@pytest.mark.parametrize("mode", MAX_LIST_TOKENS)
async def test_what_is_listed_in_each_mode_stays_within_its_budget(mode, update_snapshots):
    costs = await costs_of(mode)
    assert costs["list"] <= MAX_LIST_TOKENS[mode]
    assert costs["instructions"] <= MAX_INSTRUCTIONS_TOKENS
    if mode == "full":
        # Its list grows with every new tool, and is the sum of what the tools cost.
        del costs["list"]
    modes = json.loads(BUDGET.read_text(encoding="utf-8"))["modes"]
    if update_snapshots:
        modes[mode] = {part: min(c, modes[mode].get(part, c)) for part, c in costs.items()}
        write_budget(modes=modes)
    grown = {
        part: f"{modes[mode][part]} -> {cost}"
        for part, cost in costs.items()
        if cost > MAX_GROWTH * modes[mode][part]
    }

    assert set(modes) == set(MAX_LIST_TOKENS)
    assert grown == {}, (
        "these cost more tokens than tests/snapshots/budget.json allows: shorten them, or change "
        "their lines by hand"
    )


def write_budget(**changes):
    budget = json.loads(BUDGET.read_text(encoding="utf-8")) | changes
    BUDGET.write_text(json.dumps(budget, indent=2) + "\n", encoding="utf-8")

"""Calls of the workflows that read many lists, as a client gets their answers."""

from decimal import Decimal
from functools import cache
from typing import Any

import quicktok

from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.catalog import tool_of
from portkey_admin_mcp.server.calls.executor import Executor
from portkey_admin_mcp.workflows.explain_cost import explain_cost
from portkey_admin_mcp.workflows.find_access import find_access
from portkey_admin_mcp.workflows.find_references import find_references
from portkey_admin_mcp.workflows.find_stale import find_stale
from portkey_admin_mcp.workflows.list_budgets import list_budgets

MAX_TOKENS = 1_500
TOOLS = {
    each.__name__: tool_of(each)
    for each in (find_access, find_references, find_stale, explain_cost, list_budgets)
}
DIMENSIONS = ("model", "api_key", "person", "workspace")
"""By what `explain_cost` lists the costs."""
UNLIMITED = ("limit", "page_size")
"""Arguments with which the caller decides how long an answer is."""


@cache
def o200k() -> Any:
    """The encoding that counts tokens; loading it takes a while."""
    return quicktok.get_encoding("o200k_base")


async def answer_of(api: Portkey, tool: str, **arguments: Any) -> dict[str, Any]:
    """The answer to a call, which succeeds and takes at most `MAX_TOKENS` unless it has a limit."""
    outcome = await Executor(TOOLS[tool], lambda: api).run(arguments)
    text = "\n".join(outcome.texts)
    assert not outcome.is_error, text
    if not arguments.keys() & {*UNLIMITED}:
        assert len(o200k().encode(text)) <= MAX_TOKENS
    return outcome.structured


def usd(value: float) -> Decimal:
    """An amount of an answer, exactly as it is written."""
    return Decimal(str(value))


def check_sums(answer: dict[str, Any]) -> None:
    """Check that every list and the effects of `explain_cost` add up to the totals, to the cent."""
    difference = usd(answer["difference"])
    assert usd(answer["after"]["cost"]) - usd(answer["before"]["cost"]) == difference
    effects = {n: v for n, v in answer["effects"].items() if n != "by"}
    assert sum(map(usd, effects.values())) == difference
    for name in DIMENSIONS:
        rows = answer.get(f"by_{name}", ())
        for column in ("before", "after"):
            if rows:
                total = sum(usd(row[column]) for row in rows)
                assert total == usd(answer[column]["cost"]), (name, column)
        assert all(usd(row["after"]) - usd(row["before"]) == usd(row["difference"]) for row in rows)

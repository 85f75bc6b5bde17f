"""Calls of the workflows that read many lists, as a client gets their answers."""

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

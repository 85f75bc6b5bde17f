"""Serve this server with copies of its tools, to measure what many tools cost.

    python benchmarks/many_tools.py COUNT [http …]

The arguments after COUNT are those of `portkey-admin-mcp`. A copy has the name of its tool and a
number, and does the same as its tool. The copies are in the manifest, from which the fast path
lists tools; for the hosted service they are in the SDK's server too, and can be called.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar

from portkey_admin_mcp.__main__ import main
from portkey_admin_mcp.server.fastpath.manifest import ListedTool, Manifest

T = TypeVar("T")


def with_copies(tools: list[T], count: int, copy: Callable[[T, int], T]) -> list[T]:
    """The first `count` of: the tools, then a copy of each, then another copy of each, …"""
    positions = (divmod(index, len(tools)) for index in range(count))
    return [tools[place] if turn == 0 else copy(tools[place], turn) for turn, place in positions]


def listed_copy(tool: ListedTool, number: int) -> ListedTool:
    """A tool of the manifest under another name."""
    name = f"{tool.name}_{number}"
    fields = {"name": name, "domain": tool.domain, "effect": tool.effect, "module": tool.module}
    text = tool.text.replace(f'"name":"{tool.name}"', f'"name":"{name}"', 1)
    return ListedTool(fields, text)


def registered_copy(tool: Any, number: int) -> Any:
    """A tool of the catalog under another name."""

    @wraps(tool.function)
    async def function(*positional: Any, **named: Any) -> Any:
        return await tool.function(*positional, **named)

    function.__name__ = f"{tool.name}_{number}"
    return replace(tool, function=function)


def extend_manifest(count: int) -> None:
    """Let the manifest hold `count` tools."""
    original = Manifest.load()
    tools = with_copies([*original.tools.values()], count, listed_copy)
    manifest = Manifest(original._head, tools)
    Manifest.load = classmethod(lambda _cls: manifest)  # type: ignore[method-assign,assignment]


def extend_service(count: int) -> None:
    """Let the SDK's server hold `count` tools, and let the fast path call the copies."""
    from portkey_admin_mcp.server import selection
    from portkey_admin_mcp.server.fastpath.tool_calls import Calls

    select = selection.selected_tools
    selection.selected_tools = lambda settings, tools: select(
        settings, with_copies(tools, count, registered_copy)
    )
    executor = Calls._executor
    Calls._executor = lambda self, name: executor(self, re.sub(r"_\d+$", "", name))  # type: ignore[method-assign]


if __name__ == "__main__":
    tool_count = int(sys.argv.pop(1))
    extend_manifest(tool_count)
    if "http" in sys.argv:
        extend_service(tool_count)
    main()

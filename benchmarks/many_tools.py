"""Serve this server with copies of its tools, to see what many tools cost.

    python benchmarks/many_tools.py COUNT [http …]

What follows COUNT is what `portkey-admin-mcp` takes. Copies are called like their tool, with a
number, and do the same. They stand in the manifest, from which the fast path lists and calls;
for the hosted service they are registered with the SDK too.
"""

import re
import sys
from dataclasses import replace
from functools import wraps
from typing import Any

from portkey_admin_mcp.__main__ import main
from portkey_admin_mcp.server.fastpath.manifest import ListedTool, Manifest
from portkey_admin_mcp.server.mcp.fastmcp_environment import isolate_fastmcp


def copies(tools: list[Any], count: int, copy: Any) -> list[Any]:
    """The tools, and as many copies of them as make up `count`."""
    turns = (divmod(number, len(tools)) for number in range(count))
    return [tools[place] if turn == 0 else copy(tools[place], turn) for turn, place in turns]


def listed_copy(tool: ListedTool, number: int) -> ListedTool:
    """A tool of the manifest under another name."""
    name = f"{tool.name}_{number}"
    told = {"domain": tool.domain, "effect": tool.effect, "module": tool.module}
    text = tool.text.replace(f'"name":"{tool.name}"', f'"name":"{name}"', 1)
    return ListedTool({"name": name, **told}, text)


def registered_copy(tool: Any, number: int) -> Any:
    """A tool of the catalogue under another name."""

    @wraps(tool.function)
    async def function(*positional: Any, **named: Any) -> Any:
        return await tool.function(*positional, **named)

    function.__name__ = f"{tool.name}_{number}"
    return replace(tool, function=function)


def offer(count: int) -> None:
    """Let the manifest hold so many tools."""
    whole = Manifest.load()
    tools = copies([*whole.tools.values()], count, listed_copy)
    manifest = Manifest(whole._head, tools)
    Manifest.load = classmethod(lambda _cls: manifest)  # type: ignore[method-assign,assignment]


def register(count: int) -> None:
    """Let the SDK's server hold so many tools, and calls of copies find their tool."""
    isolate_fastmcp()
    from portkey_admin_mcp.server.fastpath.tool_calls import Calls
    from portkey_admin_mcp.server.mcp import app

    offered = copies(app.all_tools(), count, registered_copy)
    app.all_tools = lambda: offered
    executor = Calls._executor
    Calls._executor = lambda self, name: executor(self, re.sub(r"_\d+$", "", name))  # type: ignore[method-assign]


if __name__ == "__main__":
    wanted = int(sys.argv.pop(1))
    offer(wanted)
    if "http" in sys.argv:
        register(wanted)
    main()

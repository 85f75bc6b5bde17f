"""Serve this server with copies of its tools, to see what many tools cost.

    python benchmarks/many_tools.py COUNT [http …]

What follows COUNT is what `portkey-admin-mcp` takes. Copies are called like their tool, with a
number, and do the same.
"""

import sys
from dataclasses import replace
from functools import wraps
from typing import Any

from portkey_admin_mcp.__main__ import main
from portkey_admin_mcp.catalog import Tool
from portkey_admin_mcp.server.fastmcp_environment import isolate_fastmcp


def copies(tools: list[Tool], count: int) -> list[Tool]:
    """The tools, and as many copies of them as make up `count`."""
    turns = (divmod(number, len(tools)) for number in range(count))
    return [tools[place] if turn == 0 else _copy(tools[place], turn) for turn, place in turns]


def _copy(tool: Tool, number: int) -> Tool:
    @wraps(tool.function)
    async def function(*positional: Any, **named: Any) -> Any:
        return await tool.function(*positional, **named)

    function.__name__ = f"{tool.name}_{number}"
    return replace(tool, function=function)


if __name__ == "__main__":
    isolate_fastmcp()
    from portkey_admin_mcp.server import app

    offered = copies(app.all_tools(), int(sys.argv.pop(1)))
    app.all_tools = lambda: offered
    main()

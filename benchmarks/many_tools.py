"""Serve this server with copies of its tools, to measure what many tools cost.

    python benchmarks/many_tools.py COUNT [http …]

The arguments after COUNT are those of `portkey-admin-mcp`. A copy has the name of its tool and a
number, and does the same as its tool. The fast path and the SDK's server both list and call the
copies, because both use the same offer.
"""

import re
import sys

from portkey_admin_mcp.__main__ import main
from portkey_admin_mcp.server.calls.tool_calls import ToolCalls
from portkey_admin_mcp.server.offer.offer import ListedTool, Offer


def copy(tool: ListedTool, number: int) -> ListedTool:
    """A tool under another name; the tool itself for number 0."""
    if number == 0:
        return tool
    name = f"{tool.name}_{number}"
    entry = {"name": name, "domain": tool.domain, "effect": tool.effect, "module": tool.module}
    text = tool.text.replace(f'"name":"{tool.name}"', f'"name":"{name}"', 1)
    return ListedTool(entry, text)


def offer_copies(count: int) -> None:
    """Let the manifest hold `count` tools: the tools, then a copy of each, then another, …"""
    original = Offer.load()
    tools = [*original.tools.values()]
    copies = [copy(tools[index % len(tools)], index // len(tools)) for index in range(count)]
    offer = Offer(original._head, {tool.name: tool for tool in copies})
    Offer.load = classmethod(lambda _cls: offer)  # type: ignore[method-assign,assignment]
    executor = ToolCalls._executor
    ToolCalls._executor = lambda self, name: executor(self, re.sub(r"_\d+$", "", name))  # type: ignore[method-assign]


if __name__ == "__main__":
    offer_copies(int(sys.argv.pop(1)))
    main()

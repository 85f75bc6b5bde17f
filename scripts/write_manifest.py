"""Write the manifest of the fast path: what the server says of itself, as the SDK says it.

`make docs` writes it; with --check nothing is written, and the exit code says if it differs.
The server is asked through the SDK, in both generations of the protocol: the fast path answers with
the very words.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from portkey_admin_mcp.server.fastpath.manifest import FILE
from portkey_admin_mcp.server.mcp.fastmcp_environment import isolate_fastmcp

isolate_fastmcp()

from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.portkey.catalog import Tool
from portkey_admin_mcp.server.calls.result_size import compact
from portkey_admin_mcp.server.mcp.app import all_tools, build_server
from portkey_admin_mcp.server.mcp.prompts import PROMPTS, example, tools_named_in
from portkey_admin_mcp.server.mcp.recording import record
from portkey_admin_mcp.server.mcp.resources import LIVE, SUMMARY


def main() -> int:
    """Write the manifest, or say that it is stale."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--check", action="store_true", help="write nothing, exit 1 if stale")
    check = asked.parse_args().check
    text = asyncio.run(manifest())
    file = Path(FILE)
    is_stale = not file.exists() or file.read_text(encoding="utf-8") != text
    if is_stale:
        print(f"{'stale' if check else 'written'}: {file.name}")
    if is_stale and not check:
        file.write_text(text, encoding="utf-8")
    return 1 if check and is_stale else 0


async def manifest() -> str:
    """The head in the first line; then each tool in one, as `tools/list` names it."""
    recorded = await record(build_server(nobody))
    head = {**recorded.head, "tools": [told(tool) for tool in all_tools()]}
    tools, *others = recorded.lists
    for field in others:
        head[field] = [
            {"needs": needs(field, definition), "definition": definition}
            for definition in recorded.lists[field]
        ]
    return "\n".join(map(compact, [head, *recorded.lists[tools]])) + "\n"


def needs(field: str, definition: dict[str, Any]) -> list[str]:
    """The tools without which a prompt, resource or template is not offered."""
    if field == "prompts":
        (plan,) = [each for each in PROMPTS if each.__name__ == definition["name"]]
        return sorted(tools_named_in(example(plan)))
    if field == "resourceTemplates":
        return [LIVE[definition["name"].replace("_", "-")][0]]
    if definition["name"] == "organisation":
        return sorted(tool for tool, _arguments in SUMMARY.values())
    return []


def told(tool: Tool) -> dict[str, str]:
    """What is needed to choose a tool, and to find it."""
    module = tool.function.__module__.removeprefix("portkey_admin_mcp.")
    return {"name": tool.name, "domain": tool.domain, "effect": tool.effect, "module": module}


def nobody() -> Portkey:
    """The client of the API; no tool is called here."""
    raise AssertionError("the manifest calls no tool")


if __name__ == "__main__":
    sys.exit(main())

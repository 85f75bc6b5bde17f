"""`demo`: an administrator's usual tasks, through a real client, a pipe and a real server."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from .failures import leaves

# The rest is imported where it is used: the command line imports this file for every command.
if TYPE_CHECKING:
    from rich.console import Console

TIMEOUT_S = 30
"""Seconds to wait for one answer of the server."""


@click.command(short_help="Show an administrator's tasks on the sandbox.")
def demo() -> None:
    """Show an administrator's usual tasks on the sandbox, step by step.

    Starts this server as an MCP client would, makes two dozen calls, and ends with the
    commands that connect your own client. Needs no key, network, terminal or input. The exit
    code is 0 if every step succeeded, else 1.

    \b
    portkey-admin-mcp demo
    """  # noqa: D301  # click needs the character \b
    sys.exit(run_demo())


def run_demo() -> int:
    """Run the demo and print it; 0 if every step succeeded, else 1."""
    import anyio
    from mcp.shared.exceptions import MCPError
    from rich.console import Console
    from rich.panel import Panel
    from rich.text import Text

    from .demo_steps import DemoFailed

    console = Console(highlight=False, soft_wrap=False)
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
        problem = "; ".join(str(error) for error in leaves(errors))
    if problem:
        console.print(Text(f"\n✗ The demo failed: {problem}", "red"))
        return 1
    console.print(f"\n[green]All {steps} steps succeeded.[/] Go on with your own client:\n")
    print_client_setup(console)
    return 0


async def _connect_and_run(console: "Console") -> int:
    """Run every step against a server in a subprocess; the number of steps."""
    from mcp import Client, StdioServerParameters

    from .demo_steps import Demo, Person, walk_through

    # This interpreter and this package, so that the demo runs the code beside it.
    variables = {"LOG_LEVEL": "warning", "PYTHONPATH": str(Path(__file__).parents[2])}
    with TemporaryDirectory() as folder:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "portkey_admin_mcp", "--sandbox"],
            env={**variables, "PORTKEY_STATE_DIR": folder},
        )
        person = Person(console)
        async with Client(
            server, read_timeout_seconds=TIMEOUT_S, elicitation_callback=person.answer
        ) as client:
            tools = (await client.list_tools()).tools
            console.print(f"\nConnected, protocol {client.protocol_version}: {len(tools)} tools.")
            steps = Demo(client, console)
            await walk_through(steps)
            return steps.count


def print_client_setup(console: "Console") -> None:
    """Print how three clients are connected to the sandbox."""
    from ..clients.forms import CURSOR, VSCODE
    from ..clients.launcher import launcher
    from ..clients.servers import LocalServer
    from ..clients.snippets import claude_command, code_command, configuration
    from ..clients.table import BY_KEY

    command, *arguments = launcher()
    server = LocalServer(command, (*arguments, "--sandbox"))
    cursor, vscode = (BY_KEY[key].adapted(server) for key in ("cursor", "vscode"))
    snippets = {
        "Claude Code": claude_command(server),
        "Cursor, ~/.cursor/mcp.json": json.dumps(configuration(CURSOR, cursor)),
        "VS Code": code_command(VSCODE, vscode),
    }
    for client, text in snippets.items():
        console.print(f"[bold]{client}[/]")
        console.print(text, soft_wrap=True, markup=False)
        console.print()
    console.print("Then ask it: [italic]Which API keys have no budget?[/]")

"""The command line: every command, its options, and how its settings are read.

What a command needs is imported inside it, so that `--help` and `--version` answer at once.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from .. import __version__
from ..errors import ConfigurationError
from .check_http import check_http

log = logging.getLogger(__name__)

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(invoke_without_command=True, context_settings=CONTEXT_SETTINGS)
@click.option(
    "--sandbox", is_flag=True, help="Serve the embedded emulator: no key, no network, no risk."
)
@click.option(
    "--env-file",
    type=click.Path(path_type=Path),
    help="Read settings from this .env file too; the environment wins. Never read unasked.",
)
@click.version_option(__version__, "-V", "--version", prog_name="portkey-admin-mcp")
@click.pass_context
def main(context: click.Context, sandbox: bool, env_file: Path | None) -> None:
    r"""Administer a Portkey organisation from an AI assistant.

    Without a command, serves MCP on stdin and stdout: this is what an MCP client starts. Set
    PORTKEY_API_KEY in its environment, or give --sandbox to try it without an account.

    \b
    Claude Code:  claude mcp add portkey -- portkey-admin-mcp --sandbox
    Try it now:   portkey-admin-mcp demo
    """
    if context.invoked_subcommand is None:
        from .stdio import serve_stdio

        serve_stdio(sandbox=sandbox, env_file=env_file)
    elif sandbox or env_file:
        raise click.UsageError(
            f"--sandbox and --env-file belong to serving, not to {context.invoked_subcommand}."
        )


@main.command()
def demo() -> None:
    """Show an administrator's usual tasks on the sandbox, step by step.

    Starts this server as an MCP client would, makes two dozen calls, and ends with the
    lines that connect your own client. Needs no key, network, terminal or input. The exit
    code is 0 only if every step held.
    """
    from .demo import run_demo

    sys.exit(run_demo())


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8788,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--seed", default="acme", show_default=True, help="The organisation to start with.")
@click.option("--empty", is_flag=True, help="Start with nothing but an owner; --seed empty.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep everything in this SQLite file. Without it, all is forgotten at exit.",
)
def emulator(host: str, port: int, seed: str, empty: bool, state: Path | None) -> None:
    """Serve the emulated Admin API over HTTP, for any client of Portkey.

    Base URL: http://HOST:PORT/v1. Keys to use are at /emulator/keys; /emulator/reset,
    /emulator/seed, /emulator/state, /emulator/clock and /emulator/faults control it.
    """
    import sqlite3

    import uvicorn

    from ..emulator.core.app import Emulator, asgi
    from ..emulator.core.seed import SEEDS

    name = "empty" if empty else seed
    if name not in SEEDS:
        raise click.BadParameter(f"there are {', '.join(SEEDS)}", param_hint="--seed")
    try:
        app = asgi(Emulator(name, file=state))
    except (sqlite3.Error, OSError, ValueError) as error:
        raise click.BadParameter(f"cannot be used: {error}", param_hint="--state") from error
    if not host.startswith("127.") and host not in ("localhost", "::1"):
        click.echo("Anybody who reaches this address can read and change everything.", err=True)
    if port:  # a free one is named by uvicorn, once it is found
        click.echo(f"Portkey emulator, base URL http://{host}:{port}/v1", err=True)
        click.echo(f"Keys: http://{host}:{port}/emulator/keys", err=True)
    uvicorn.run(app, host=host, port=port, log_level="info", lifespan="off")


@main.command()
@click.option("--sandbox", is_flag=True, help="Serve the embedded emulator: no key needed.")
@click.option(
    "--env-file", type=click.Path(path_type=Path), help="Read settings from this .env file too."
)
@click.option("--host", help="Address to listen on; MCP_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on; MCP_PORT.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Processes to serve with, in stateless mode.",
)
def http(
    sandbox: bool, env_file: Path | None, host: str | None, port: int | None, workers: int
) -> None:
    """Serve MCP over Streamable HTTP, with a status page at /.

    Settings come from the environment (docs/settings.md). To try it: http --sandbox, then open
    http://127.0.0.1:3000 in a browser.
    """
    from ..assembly import http_app, read_environment, require_access_control
    from ..server.http.serve import run, run_workers
    from ..settings.hosting import load_hosting

    given = {"MCP_HOST": host, "MCP_PORT": port}
    with _exit_on_configuration_error():
        settings = read_environment(sandbox, env_file)
        hosting = load_hosting(env_file, **{k: v for k, v in given.items() if v is not None})
        if hosting.transport not in (None, "http", "streamable-http"):
            log.warning("MCP_TRANSPORT=%s is ignored: the command decides", hosting.transport)
        if workers == 1:
            run(http_app(settings, hosting), hosting)
            return
        require_access_control(settings, hosting)
    if settings.sandbox or hosting.session_mode != "stateless":
        raise click.UsageError("--workers needs MCP_SESSION_MODE=stateless, and no sandbox")
    run_workers("portkey_admin_mcp.assembly:create_app", hosting, workers, env_file)


main.add_command(check_http)


@contextmanager
def _exit_on_configuration_error() -> Iterator[None]:
    """Print a ConfigurationError as the command's error message, and exit with code 1."""
    try:
        yield
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None

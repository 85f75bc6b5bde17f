"""`http`: serve MCP over Streamable HTTP."""

import logging
from pathlib import Path

import click

from .failures import exit_on_error
from .listening import require_free
from .options import env_file_option, sandbox_option

log = logging.getLogger(__name__)


@click.command(short_help="Serve MCP over HTTP, for a team.")
@sandbox_option
@env_file_option
@click.option("--host", help="Address to listen on. Overrides MCP_HOST; default 127.0.0.1.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port to listen on. Overrides MCP_PORT; default 3000.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Number of processes. More than one needs MCP_SESSION_MODE=stateless.",
)
def http(
    sandbox: bool, env_file: Path | None, host: str | None, port: int | None, workers: int
) -> None:
    """Serve MCP over Streamable HTTP, with a status page at /.

    The endpoint for clients is /mcp. With a Portkey key, set MCP_AUTH_MODE and MCP_AUTH_TOKEN
    too: without them the service refuses to start. Settings are environment variables;
    `doctor --setting MCP` describes those of the service.

    \b
    Try it:    portkey-admin-mcp http --sandbox
               then open http://127.0.0.1:3000 in a browser
    Check it:  portkey-admin-mcp check-http --url http://127.0.0.1:3000
    """  # noqa: D301  # click needs the character \b
    from ..assembly import http_app, read_environment, require_access_control, selected_offer
    from ..server.http.serve import run, run_workers
    from ..settings.hosting import load_hosting

    options = {"MCP_HOST": host, "MCP_PORT": port}
    overrides = {name: value for name, value in options.items() if value is not None}
    with exit_on_error():
        settings = read_environment(sandbox, env_file)
        hosting = load_hosting(env_file, **overrides)
        if hosting.transport not in (None, "http", "streamable-http"):
            log.warning("MCP_TRANSPORT=%s is ignored: the command decides", hosting.transport)
        if workers == 1:
            require_free(hosting.host, hosting.port)
            run(http_app(settings, hosting, env_file), hosting)
            return
        require_access_control(settings, hosting)
        selected_offer(settings)  # each worker does it again, and could only fail again and again
    if settings.sandbox or hosting.session_mode != "stateless":
        raise click.UsageError("--workers needs MCP_SESSION_MODE=stateless, and no sandbox")
    require_free(hosting.host, hosting.port)
    run_workers("portkey_admin_mcp.assembly:create_app", hosting, workers, env_file)

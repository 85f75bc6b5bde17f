"""`emulator`: serve the emulated Admin API over HTTP."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .listening import listen

if TYPE_CHECKING:
    from ..emulator.core.app import Emulator
    from ..emulator.core.seed import Start

MAX_RECORDED = 1_000
"""How many of the latest requests GET /emulator/requests lists."""


@click.command(short_help="Serve the emulated Admin API over HTTP.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    envvar="PORTKEY_EMULATOR_HOST",
    help="Address to listen on. [env: PORTKEY_EMULATOR_HOST]",
)
@click.option(
    "--port",
    default=8788,
    show_default=True,
    type=click.IntRange(0, 65535),
    envvar="PORTKEY_EMULATOR_PORT",
    help="Port to listen on; 0 chooses a free one. [env: PORTKEY_EMULATOR_PORT]",
)
@click.option(
    "--seed",
    default="acme",
    show_default=True,
    metavar="NAME|FILE",
    help="The organisation to start with: acme, with users, workspaces and a month of requests; "
    "empty, with one owner; or a seed file, in YAML or JSON.",
)
@click.option("--empty", is_flag=True, help="Short for --seed empty.")
@click.option("--no-traffic", is_flag=True, help="Leave out the month of requests.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="SQLite file to keep the organisation in. Without it, every change is lost at exit.",
)
@click.option(
    "--now",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]),
    help="Stop the clock at this time, in UTC unless it names an offset.",
)
@click.option("--json", "as_json", is_flag=True, help="Print address and keys as JSON, in a line.")
def emulator(
    host: str,
    port: int,
    seed: str,
    empty: bool,
    no_traffic: bool,
    state: Path | None,
    now: datetime | None,
    as_json: bool,
) -> None:
    """Serve the emulated Admin API over HTTP, for any client of Portkey.

    Prints PORTKEY_BASE_URL=… and the API key that may do everything, PORTKEY_API_KEY=…, on
    standard output, and everything else on standard error. GET /emulator/keys lists more API keys;
    /emulator/reset, /emulator/clock, /emulator/faults, /emulator/requests and others control the
    emulator. GET /health answers when it is ready.

    \b
    Start it:       portkey-admin-mcp emulator --state portkey.sqlite
    List the keys:  curl -s http://127.0.0.1:8788/emulator/keys
    """  # noqa: D301  # click needs the character \b
    import uvicorn

    from ..emulator.core.asgi import asgi

    start = _start("empty" if empty else seed, no_traffic=no_traffic)
    if (empty or start.objects != "{}") and _holds_organisation(state):
        raise click.BadParameter(
            f"{state} already holds an organisation; name a new file, or leave "
            f"{'--empty' if empty else '--seed'} out",
            param_hint="--empty" if empty else "--seed",
        )
    listener = listen(host, port)
    with listener:
        running = _create(start, now, state)
        _prepare_traffic(running)
        if not host.startswith("127.") and host not in ("localhost", "::1"):
            click.echo(
                "Warning: everybody who reaches this address can read and change everything.",
                err=True,
            )
        _announce(running, host, listener.getsockname()[1], as_json)
        config = uvicorn.Config(
            asgi(running), host, port, log_config=_log_config(uvicorn), lifespan="off"
        )
        uvicorn.Server(config).run(sockets=[listener])


def _start(seed: str, *, no_traffic: bool) -> "Start":
    """The organisation to start with."""
    from ..emulator.core import app as _app  # noqa: F401  # declares the endpoints
    from ..emulator.core.seed import start_from
    from ..emulator.core.seed_file import SeedError

    try:
        return start_from(seed, traffic=not no_traffic)
    except SeedError as error:
        raise click.BadParameter(str(error), param_hint="--seed") from None


def _holds_organisation(state: Path | None) -> bool:
    return state is not None and state.exists() and state.stat().st_size > 0


def _create(start: "Start", now: datetime | None, state: Path | None) -> "Emulator":
    from ..emulator.core.app import Emulator
    from ..emulator.core.state_file import StateFileError
    from ..emulator.core.store import real_time, stopped_at

    clock: Callable[[], datetime] = real_time if now is None else stopped_at(now)
    try:
        return Emulator(start, clock, state, MAX_RECORDED)
    except StateFileError as error:
        raise click.BadParameter(str(error), param_hint="--state") from None


def _prepare_traffic(running: "Emulator") -> None:
    """Generate the month of requests now, if a person sees the progress; else when it is needed."""
    import sys

    from ..emulator.traffic.month import REQUESTS
    from ..emulator.traffic.requests import prepare

    if not (sys.stderr.isatty() and running.start.traffic):
        return
    with click.progressbar(
        length=REQUESTS, label="Generating a month of requests", file=sys.stderr
    ) as bar:
        prepare(running.store, bar.update)


def _announce(running: "Emulator", host: str, port: int, as_json: bool) -> None:
    """Print the address and the keys, for people and for programs."""
    import json

    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    keys = running.keys()
    click.echo(f"Portkey emulator, base URL {url}/v1", err=True)
    click.echo(f"Keys: {url}/emulator/keys", err=True)
    if as_json:
        line = {"base_url": f"{url}/v1", "url": url, "host": host, "port": port, "keys": keys}
        click.echo(json.dumps(line))
    else:
        click.echo(f"PORTKEY_BASE_URL={url}/v1")
        click.echo(f"PORTKEY_API_KEY={keys['owner']}")


def _log_config(uvicorn: Any) -> dict[str, Any]:
    """Uvicorn's logging, with the lines of requests on standard error too."""
    from copy import deepcopy

    config: dict[str, Any] = deepcopy(uvicorn.config.LOGGING_CONFIG)
    config["handlers"]["access"]["stream"] = "ext://sys.stderr"
    return config

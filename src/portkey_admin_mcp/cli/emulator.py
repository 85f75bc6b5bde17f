"""`emulator`: serve the emulated Admin API over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click


@click.command(short_help="Serve the emulated Admin API over HTTP.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8788,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 chooses a free one.",
)
@click.option(
    "--seed",
    default="acme",
    show_default=True,
    help="The organisation to start with: acme, with users, workspaces and a month of requests, "
    "or empty, with one owner.",
)
@click.option("--empty", is_flag=True, help="Short for --seed empty.")
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
def emulator(
    host: str, port: int, seed: str, empty: bool, state: Path | None, now: datetime | None
) -> None:
    """Serve the emulated Admin API over HTTP, for any client of Portkey.

    The base URL is http://HOST:PORT/v1. GET /emulator/keys lists the API keys to use;
    /emulator/reset, /emulator/seed, /emulator/state, /emulator/clock and /emulator/faults control
    the emulator. docs/emulator.md describes each.

    \b
    Start it:       portkey-admin-mcp emulator --state portkey.sqlite
    List the keys:  curl -s http://127.0.0.1:8788/emulator/keys
    """  # noqa: D301  # click needs the character \b
    import sqlite3

    import uvicorn

    from ..emulator.core.app import Emulator, asgi
    from ..emulator.core.seed import SEEDS

    if empty and state is not None and state.exists() and state.stat().st_size:
        raise click.BadParameter(
            f"{state} already holds an organisation; name a new file, or leave --empty out",
            param_hint="--empty",
        )
    seed_name = "empty" if empty else seed
    if seed_name not in SEEDS:
        raise click.BadParameter(f"must be one of: {', '.join(SEEDS)}", param_hint="--seed")
    try:
        app = asgi(Emulator(seed_name, _clock(now), state))
    except (sqlite3.Error, OSError, ValueError) as error:
        raise click.BadParameter(f"cannot be used: {error}", param_hint="--state") from error
    if not host.startswith("127.") and host not in ("localhost", "::1"):
        click.echo(
            "Warning: everybody who reaches this address can read and change everything.", err=True
        )
    if port:  # With port 0, uvicorn prints the port that it got.
        click.echo(f"Portkey emulator, base URL http://{host}:{port}/v1", err=True)
        click.echo(f"Keys: http://{host}:{port}/emulator/keys", err=True)
    uvicorn.run(app, host=host, port=port, log_level="info", lifespan="off")


def _clock(now: datetime | None) -> Callable[[], datetime]:
    """A clock that stands at a time; the real one for None."""
    from ..emulator.core.store import real_time

    if now is None:
        return real_time
    fixed = now if now.tzinfo else now.replace(tzinfo=UTC)
    return lambda: fixed

"""Run the hosted service on uvicorn, with graceful shutdown."""

import asyncio
import logging
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from ...settings.hosting import Hosting
from .connections import guarded_connection, new_event_loop
from .workers import supervise

log = logging.getLogger(__name__)

CANCEL_TIMEOUT_S = 2.0
"""Seconds that cancelled calls have to end."""


class Server(uvicorn.Server):
    """A uvicorn server that closes event streams before it waits for open connections."""

    async def shutdown(self, sockets: Any = None) -> None:
        """Close event streams, wait for running calls, then shut down.

        uvicorn cancels the calls that take too long, but does not wait for them: their processes
        would outlive the event loop.
        """
        app = self.config.app
        if isinstance(app, Starlette):
            await app.state.service.close_streams()
        await super().shutdown(sockets)
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=CANCEL_TIMEOUT_S)


def run(app: Starlette, hosting: Hosting) -> None:
    """Serve in this process until a signal stops it."""
    log.info("serving %s/mcp, %s", hosting.base_url, hosting.session_mode)
    Server(uvicorn.Config(app, **server_options(hosting))).run()


def run_workers(factory: str, hosting: Hosting, workers: int, env_file: Path | None) -> None:
    """Serve in several processes; each calls the factory, which reads the environment itself."""
    log.info("serving %s/mcp with %d workers", hosting.base_url, workers)
    # The workers check Host and Origin against this address.
    environment = os.environ  # noqa: TID251  # workers read it
    environment.update(MCP_HOST=hosting.host, MCP_PORT=str(hosting.port))
    with _metrics_directory(hosting) as directory:
        environment.update(directory)
        options = server_options(hosting)
        supervise(
            uvicorn.Config(factory, factory=True, workers=workers, env_file=env_file, **options)
        )


@contextmanager
def _metrics_directory(hosting: Hosting) -> Iterator[dict[str, str]]:
    """The directory in which workers keep their metrics, as an environment variable."""
    if not hosting.metrics:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="portkey-admin-mcp-metrics-") as directory:
        yield {"PROMETHEUS_MULTIPROC_DIR": directory}


def server_options(hosting: Hosting) -> dict[str, Any]:
    """The arguments of `uvicorn.Config`, the same for one process and for workers."""
    return {
        "host": hosting.host,
        "port": hosting.port,
        "lifespan": "on",
        "http": guarded_connection(hosting.max_connections),
        "ws": "none",
        "loop": f"{new_event_loop.__module__}:{new_event_loop.__qualname__}",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        # The application has this middleware itself, with the proxies of MCP_TRUST_PROXY.
        "proxy_headers": False,
        "timeout_graceful_shutdown": max(1, hosting.shutdown_timeout_ms // 1000),
        "ssl_keyfile": hosting.tls_key,
        "ssl_certfile": hosting.tls_cert,
        "ssl_ca_certs": None if hosting.tls_ca is None else str(hosting.tls_ca),
        "ssl_cert_reqs": ssl.CERT_NONE if hosting.tls_ca is None else ssl.CERT_REQUIRED,
    }

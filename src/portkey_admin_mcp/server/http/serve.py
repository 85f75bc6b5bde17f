"""Run the hosted service on uvicorn, with graceful shutdown."""

import logging
import math
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
from .graceful import END_TIMEOUT_S, Server
from .workers import supervise

log = logging.getLogger(__name__)


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
        "timeout_graceful_shutdown": math.ceil(hosting.shutdown_timeout_ms / 1000) + END_TIMEOUT_S,
        "ssl_keyfile": hosting.tls_key,
        "ssl_certfile": hosting.tls_cert,
        "ssl_ca_certs": None if hosting.tls_ca is None else str(hosting.tls_ca),
        "ssl_cert_reqs": ssl.CERT_NONE if hosting.tls_ca is None else ssl.CERT_REQUIRED,
    }

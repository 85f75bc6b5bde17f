"""The conformance suite's fixtures on the application that serves our tools.

    python tests/conformance/server.py --port 3100 --mode stateless --store memory

Only the tools are others: guards, sessions and streams are the hosted service's own.
"""

import argparse
import logging

from portkey_admin_mcp.hosting import Hosting
from portkey_admin_mcp.server.fastmcp_environment import isolate_fastmcp

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
"""Of events in Redis."""


def serve(hosting: Hosting) -> None:
    """Everything the suite calls, in a server set up as ours is."""
    # FastMCP reads the environment when it is imported, which is here.
    isolate_fastmcp()
    from client_input import add_client_input
    from fastmcp import FastMCP
    from fixtures import add_fixtures

    from portkey_admin_mcp.server.http.app import build_http
    from portkey_admin_mcp.server.http.serve import run

    server = FastMCP(
        "conformance",
        version="1",
        mask_error_details=True,
        dereference_schemas=False,
        on_duplicate="error",
        cache_ttl=300,
        cache_scope="private",
    )
    add_fixtures(server)
    add_client_input(server)
    run(build_http(server, [], hosting), hosting)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mode", choices=["stateful", "stateless"], default="stateful")
    parser.add_argument("--store", choices=["off", "memory", "redis"], default="off")
    parser.add_argument("--redis", help="address of Redis, for --store redis")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    hosting = Hosting(
        MCP_PORT=asked.port,
        MCP_SESSION_MODE=asked.mode,
        MCP_EVENT_STORE=asked.store,
        MCP_ALLOW_UNAUTHENTICATED_HTTP=True,
        RATE_LIMIT_ENABLED=False,
        MCP_REDIS_URL=asked.redis,
        MCP_EVENT_ENCRYPTION_KEY=KEY,
    )
    serve(hosting)


if __name__ == "__main__":
    main()

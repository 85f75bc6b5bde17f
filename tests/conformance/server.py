"""The conformance suite's fixtures on the application that serves our tools.

    python tests/conformance/server.py --port 3100 --mode stateless --store memory

Only the tools are others: guards, sessions and streams are the hosted service's own.
"""

import argparse
import logging
from typing import Any

from portkey_admin_mcp.server.mcp.fastmcp_environment import isolate_fastmcp
from portkey_admin_mcp.settings.hosting import Hosting

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
"""Of events in Redis."""


PLAIN = {"test_simple_text", "test_error_handling"}
"""The fixtures that answer with text and ask nobody: what the fast path may call."""


def lane_before(server: Any) -> Any:
    """The fast path before the fixtures' server, with a manifest recorded from that."""
    import anyio
    from fixtures import test_error_handling, test_simple_text

    from portkey_admin_mcp.server.calls.outcome import Outcome
    from portkey_admin_mcp.server.calls.result_size import compact
    from portkey_admin_mcp.server.fastpath.manifest import ListedTool, Manifest
    from portkey_admin_mcp.server.http.fast_endpoint import FastPathParts
    from portkey_admin_mcp.server.mcp.recording import record

    recorded = anyio.run(record, server)
    tools, *others = recorded.lists
    head = {
        **recorded.head,
        **{
            field: [{"needs": [], "definition": d} for d in recorded.lists[field]]
            for field in others
        },
    }
    listed = [
        ListedTool({"name": d["name"], "domain": "", "effect": "read", "module": ""}, compact(d))
        for d in recorded.lists[tools]
    ]

    async def call(name: str, _arguments: dict[str, Any]) -> Outcome:
        if name == "test_simple_text":
            return Outcome([test_simple_text()], {"result": test_simple_text()})
        try:
            test_error_handling()
        except Exception as error:  # noqa: BLE001  # it is made to fail
            return Outcome([str(error)], is_error=True)
        raise AssertionError(name)

    manifest = Manifest(head, listed)
    return FastPathParts(manifest, call, frozenset(manifest.tools.keys() - PLAIN))


def serve(hosting: Hosting, *, has_fast_path: bool) -> None:
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
    fast_path = lane_before(server) if has_fast_path else None
    run(build_http(server, [], hosting, fast_path=fast_path), hosting)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mode", choices=["stateful", "stateless"], default="stateful")
    parser.add_argument("--store", choices=["off", "memory", "redis"], default="off")
    parser.add_argument("--fast-path", choices=["on", "off"], default="on")
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
    serve(hosting, has_fast_path=asked.fast_path == "on")


if __name__ == "__main__":
    main()

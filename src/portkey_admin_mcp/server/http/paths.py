"""Where things are: the endpoint, and the pages that anybody may read."""

MCP = "/mcp"
METADATA = "/.well-known/oauth-protected-resource"
"""RFC 9728; the page of the endpoint stands below it."""

PAGES = frozenset(
    {"/", "/health", "/ready", "/auth/info", "/metrics", METADATA, f"{METADATA}{MCP}"}
)

"""The HTTP paths: the MCP endpoint, and the public pages."""

MCP = "/mcp"
METADATA = "/.well-known/oauth-protected-resource"
"""RFC 9728; the page of the endpoint stands below it."""

PAGES = frozenset(
    {"/", "/health", "/ready", "/auth/info", "/metrics", METADATA, f"{METADATA}{MCP}"}
)

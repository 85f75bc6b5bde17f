"""The HTTP paths: the MCP endpoint, and the public pages."""

MCP = "/mcp"
METADATA = "/.well-known/oauth-protected-resource"
"""The metadata of RFC 9728; that of the MCP endpoint has `/mcp` appended."""

PAGES = frozenset(
    {"/", "/health", "/ready", "/auth/info", "/metrics", METADATA, f"{METADATA}{MCP}"}
)

HEALTH_CHECKS = frozenset({"/health", "/ready"})
"""Pages that are polled by machines: they answer for every Host, and are not rate limited."""

"""The HTTP paths: the MCP endpoint, and the public pages."""

MCP = "/mcp"
METADATA = "/.well-known/oauth-protected-resource"
"""The metadata of RFC 9728; that of the MCP endpoint has `/mcp` appended."""

ONE_TIME = "/secret"
"""The page that shows a secret once; its fragment names which."""

PAGES = frozenset(
    {"/", "/health", "/ready", "/auth/info", "/metrics", ONE_TIME, METADATA, f"{METADATA}{MCP}"}
)

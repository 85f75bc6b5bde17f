"""The HTTP paths: the MCP endpoint, and the public pages."""

MCP = "/mcp"
METADATA = "/.well-known/oauth-protected-resource"
"""The metadata of RFC 9728; that of the MCP endpoint has `/mcp` appended."""

APPROVALS = "/approvals"
"""The page of approvals, which holds none; it reads them with the token of an approver."""

ONE_TIME = "/secret"
"""The page that shows a secret once; its fragment names which."""

TOOLS = "/tools"
"""The page on which the tools are looked through."""

OFFERED_TOOLS = f"{TOOLS}/offered"
"""What the caller is offered, as JSON. It needs a token as `/mcp` does, so it is no page."""

SERVER_CARD = f"{MCP}/server-card"
AI_CATALOG = "/.well-known/ai-catalog.json"
DOCUMENTS = frozenset({SERVER_CARD, AI_CATALOG})
"""Public descriptions of the service, which the pages of every origin may read."""

PAGES = frozenset(
    {
        *("/", "/health", "/ready", "/auth/info", "/metrics"),
        *(APPROVALS, ONE_TIME, TOOLS, METADATA, f"{METADATA}{MCP}"),
        *DOCUMENTS,
    }
)

HEALTH_CHECKS = frozenset({"/health", "/ready"})
"""Pages that are polled by machines: they answer for every Host, and are not rate limited."""

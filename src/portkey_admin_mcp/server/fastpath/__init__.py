"""The fast path: answers what is hot and stateless, without importing FastMCP or the SDK."""

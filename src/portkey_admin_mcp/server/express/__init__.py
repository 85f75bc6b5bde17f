"""The express lane: answers what is hot and stateless, without importing FastMCP or the SDK."""

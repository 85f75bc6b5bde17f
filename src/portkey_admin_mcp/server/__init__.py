"""The MCP side: the only room that knows how MCP is served."""

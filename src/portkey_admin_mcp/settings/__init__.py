"""The world, read once: environment and files, addresses, and where log lines go.

Nothing here knows Portkey's API or MCP.
"""

"""Pages for people and machines: status, health, readiness, metrics.

Never serves MCP.
"""

"""Pages for people and machines: status, health, readiness, sign-in information, metrics.

Must not serve MCP, nor show anything that an unauthenticated visitor must not know.
"""

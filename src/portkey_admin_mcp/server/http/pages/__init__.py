"""Pages for people and machines: status, health, readiness, sign-in information, metrics.

MCP does not belong here, nor anything that an unauthenticated visitor must not see.
"""

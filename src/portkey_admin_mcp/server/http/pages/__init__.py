"""Pages for people and machines: status, health, readiness, sign-in information, metrics.

Everybody may see these pages, so they show no secret; only `approvals` answers approvers. MCP does
not belong here.
"""

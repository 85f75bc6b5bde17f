"""Who may call the hosted service, and how often: Host, Origin, body and rate limits, sign-in.

Must not read MCP messages.
"""

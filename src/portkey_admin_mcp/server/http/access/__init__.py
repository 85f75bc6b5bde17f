"""Who may call the hosted service, and how much: guards, authentication, rate limits.

Knows no MCP message.
"""

"""Access control of the HTTP service: Host, Origin, body and rate limits, authentication.

Code that interprets MCP messages does not belong here.
"""

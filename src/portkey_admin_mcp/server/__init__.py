"""Everything about MCP: tool calls, transports, the HTTP service.

Requests to Portkey and rules of its endpoints do not belong here.
"""

"""The client of Portkey: requests (`api`), the way they go (`transport`), HTTP, tools (`catalog`).

Code for MCP or for a single domain does not belong here.
"""
